"""From a request to a plan: which model makes it, with which length, shape and size, and what that costs.

Pure. What cannot be had becomes a `Misfit` with the nearest things that can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.allowance import Allowance
from core.approval import ApprovalRules
from core.catalogue import VideoModel
from core.editing import EditPlan
from core.generation import Plan
from core.limits import Limits
from core.messages import Person
from core.misfits import Misfit, no_such_aspect, no_such_length, no_such_resolution, no_such_tier, no_such_title
from core.money import Quote
from core.request import Tier, VideoRequest

JOINED_S = 30.0
"""The length of a clip that a joining model's times are for; a longer one takes longer in proportion."""


class CostShown(StrEnum):
    """Who sees what things cost."""

    ALL = "all"
    TEAM = "team"
    """Everybody but guests of other organisations."""
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an admin's settings say about every request."""

    duration_s: int = 8
    aspect: str = "16:9"
    tier: Tier = Tier.STANDARD
    quote_valid_s: float = 3600.0
    """How long a price on a card is held, in seconds."""
    question_lapses_s: float = 3600.0
    """How long a message can still be the answer to a question, in seconds."""
    budget: str = ""
    """Who pays, as the card says it."""
    admins: frozenset[str] = frozenset()
    """Ids of people who may decide about everybody's generations."""
    allowance: Allowance = field(default_factory=Allowance)
    """What may be ordered; models on offer are cut down to it already."""
    approval: ApprovalRules = field(default_factory=ApprovalRules)
    cost_shown: CostShown = CostShown.ALL
    """Who sees amounts."""
    limits: Limits = field(default_factory=Limits)
    """What may be spent, and how much may be under way."""
    storyboard_providers: frozenset[str] = frozenset()
    """Providers whose clips are drawings rather than film; the card says so."""
    unwritable: Callable[[str], Sequence[str]] = lambda text: ()
    """Names of the scripts in a text ("Thai") that no font here can write."""

    def shows_costs(self, person: Person) -> bool:
        """Whether this person sees amounts."""
        if self.cost_shown is CostShown.ALL or person.id in self.admins:
            return True
        return self.cost_shown is CostShown.TEAM and not person.guest


def make_plan(
    request: VideoRequest, models: Sequence[VideoModel], terms: Terms, *, number: int, now: datetime
) -> Plan | Misfit | None:
    """The plan for a request, a misfit, or None when no model can use what the request brings.

    `models` are those on offer, the preferred provider's first. A preferred model is left only for one that alone can
    do what was asked for."""
    able = [model for model in models if model.takes(request)]
    if not able:
        return None
    if request.edit is not None:
        return _edit_plan(request, request.edit, able[0], terms, number=number, now=now)
    if (misfit := _no_such_tier(request, able, terms)) is not None:
        return misfit
    tier = request.tier or terms.tier
    for model in sorted(able, key=lambda model: _rank(model, able, tier, request)):
        if _misfit(request, model, terms) is None:
            return _plan(request, model, models, terms, number=number, now=now)
    return _misfit(request, min(able, key=lambda model: _rank(model, able, tier, request)), terms)


def _edit_plan(
    request: VideoRequest, edit: EditPlan, model: VideoModel, terms: Terms, *, number: int, now: datetime
) -> Plan | Misfit:
    """The plan for what is made of finished clips: whatever nobody said, they decide."""
    if (misfit := no_such_title(edit.title, terms.unwritable(edit.title))) is not None:
        return misfit
    settled = replace(
        request,
        tier=None,
        aspect=request.aspect or edit.aspect(model.aspects),
        resolution=request.resolution or edit.resolution(model.resolutions),
    )
    if (misfit := _misfit(settled, model, terms)) is not None:
        return misfit
    share = max(1.0, edit.seconds / JOINED_S)
    return replace(
        _plan(settled, model, (), terms, number=number, now=now),
        sound=edit.sound and not request.silent,
        expected_s=(model.expected_s[0] * share, model.expected_s[1] * share),
        assumed=(),
    )


def _rank(model: VideoModel, able: Sequence[VideoModel], tier: Tier, request: VideoRequest) -> tuple[int, int, int]:
    """The order in which models are tried: a tier that was asked for outright, then the provider, then the tier."""
    tiers = list(Tier)
    distance = min(abs(tiers.index(tier) - tiers.index(own)) for own in model.tiers)
    wrong_tier = 1 if request.tier is not None and distance else 0
    providers = list(dict.fromkeys(other.provider for other in able))
    return wrong_tier, providers.index(model.provider), distance


def _ways(request: VideoRequest, model: VideoModel, terms: Terms) -> list[tuple[Tier, str]]:
    """The tiers that may be taken, each with its resolution, the best fitting first; only those in which a clip can be
    had for what one may cost here."""
    order = list(Tier)
    wanted = order.index(request.tier or terms.tier)
    tiers = sorted(model.tiers, key=lambda tier: abs(order.index(tier) - wanted))
    if request.tier is not None:
        tiers = tiers[:1]
    asked = request.resolution if request.resolution in _sizes(request, model) else ""
    ways = [(tier, asked or model.tiers[tier]) for tier in tiers]
    possible = [(tier, size) for tier, size in ways if model.lengths(request, size)]
    return possible or [(tiers[0], _sizes(request, model)[-1])]


def _sizes(request: VideoRequest, model: VideoModel) -> list[str]:
    """The resolutions in which a clip can be had for what one may cost here."""
    return [size for size in model.resolutions if model.lengths(request, size)]


def possible_lengths(request: VideoRequest, model: VideoModel, terms: Terms) -> tuple[int, ...]:
    """The lengths in seconds, rising, that the model makes of this request for what one clip may cost here."""
    ways = _ways(request, model, terms)
    return tuple(sorted({length for _, size in ways for length in model.lengths(request, size)}))


def _way(request: VideoRequest, model: VideoModel, terms: Terms) -> tuple[Tier, str]:
    """The tier and resolution that are taken: the best fitting that can have the length asked for."""
    ways = _ways(request, model, terms)
    wanted = request.duration_s
    return next((way for way in ways if wanted is None or wanted in model.lengths(request, way[1])), ways[0])


def _aspect(request: VideoRequest, model: VideoModel, terms: Terms) -> str:
    if request.aspect:
        return request.aspect
    return terms.aspect if terms.aspect in model.aspects else model.aspects[0]


def _no_such_tier(request: VideoRequest, able: Sequence[VideoModel], terms: Terms) -> Misfit | None:
    """A quality that was asked for outright and that an admin does not allow. (Where no model has it anyway, the
    nearest is taken: then it is no more than a word.)"""
    tiers = [tier for tier in Tier if any(tier in model.tiers for model in able)]
    if request.tier is None or request.tier in tiers or terms.allowance == Allowance():
        return None
    return no_such_tier(request.tier, tiers)


def _misfit(request: VideoRequest, model: VideoModel, terms: Terms) -> Misfit | None:
    """What the model cannot do of what was asked for outright, or may not do here."""
    sees_limit = terms.cost_shown is CostShown.ALL
    if request.resolution and request.resolution not in (sizes := _sizes(request, model)):
        return no_such_resolution(request.resolution, sizes, model, sees_limit=sees_limit)
    if request.aspect and request.aspect not in model.aspects:
        return no_such_aspect(request.aspect, model)
    lengths = possible_lengths(request, model, terms)
    if request.duration_s is not None and request.duration_s not in lengths:
        return no_such_length(request, lengths, model, terms.allowance, sees_limit=sees_limit)
    return None


def _plan(
    request: VideoRequest,
    model: VideoModel,
    models: Sequence[VideoModel],
    terms: Terms,
    *,
    number: int,
    now: datetime,
) -> Plan:
    tier, resolution = _way(request, model, terms)
    duration = request.duration_s or _usual(model.lengths(request, resolution), terms)
    aspect = _aspect(request, model, terms)
    amount = model.price(duration, resolution)
    assumed = [
        slot
        for slot, said in (
            ("duration_s", request.duration_s),
            ("aspect", request.aspect),
            ("tier", request.tier or request.resolution),
            ("audio", request.audio),
        )
        if not said
    ]
    draft = None if tier is Tier.DRAFT else _draft(request, models, terms, amount, duration, now)
    ends = [draft.valid_until] if draft is not None else []
    assumed += [slot for slot in ("setting", "style", "mood") if slot in request.decided]
    return Plan(
        number=number,
        provider=model.provider,
        model=model.id,
        model_name=model.name,
        tier=tier,
        duration_s=duration,
        aspect=aspect,
        resolution=resolution,
        sound=not request.silent,
        quote=Quote(
            amount=amount,
            model=model.id,
            duration_s=duration,
            resolution=resolution,
            quoted_at=now,
            valid_until=min([_held_until(model, terms, now), *ends]),
        ),
        expected_s=model.expected_s,
        assumed=tuple(assumed),
        draft_price=draft.amount if draft is not None else None,
    )


def _usual(lengths: Sequence[int], terms: Terms) -> int:
    """The possible length nearest to the default."""
    return min(lengths, key=lambda length: (abs(length - terms.duration_s), -length))


def _held_until(model: VideoModel, terms: Terms, now: datetime) -> datetime:
    """When a price that is quoted now ends: after the usual time, and in any case before another takes its place."""
    usual = now + timedelta(seconds=terms.quote_valid_s)
    return usual if model.ends_at is None else min(usual, model.ends_at)


def on_offer(plan: Plan, models: Sequence[VideoModel]) -> bool:
    """Whether what a card says may still be ordered: its model is there, and so much of it is allowed."""
    return any(
        model.id == plan.model
        and plan.tier in model.tiers
        and plan.duration_s in model.every_length
        and plan.resolution in model.resolutions
        and (model.dearest is None or plan.quote.amount <= model.dearest)
        for model in models
    )


def draft_request(request: VideoRequest, duration_s: int) -> VideoRequest:
    """The same wish as a quick draft: the cheapest tier in its own resolution and the card's length."""
    return replace(request, tier=Tier.DRAFT, resolution="", duration_s=duration_s)


def _draft(
    request: VideoRequest, models: Sequence[VideoModel], terms: Terms, amount: int, duration: int, now: datetime
) -> Quote | None:
    """The price of the quick draft, where it is below `amount`."""
    drafts = [model for model in models if Tier.DRAFT in model.tiers]
    plan = make_plan(draft_request(request, duration), drafts, terms, number=0, now=now) if drafts else None
    return plan.quote if isinstance(plan, Plan) and plan.quote.amount < amount else None


def from_history(times: Sequence[float], expected_s: tuple[float, float]) -> tuple[float, float]:
    """Median and 90th percentile of the times seen, or the catalogue's figure while there are fewer than five."""
    if len(times) < 5:
        return expected_s
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, round(len(ordered) * 0.9))]
