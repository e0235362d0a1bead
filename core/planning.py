"""From a request to a plan: which model makes it, with which length, shape and size, and what that costs.

Pure. What cannot be had becomes a `Misfit` with the nearest things that can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core import texts
from core.catalogue import VideoModel
from core.generation import Plan, QuestionOption
from core.inspection import ratio
from core.money import Quote
from core.request import RESOLUTIONS, Tier, VideoRequest


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
    storyboard_providers: frozenset[str] = frozenset()
    """Providers whose clips are drawings rather than film; the card says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A slot whose value cannot be had."""

    slot: str
    text: str
    """The question that offers what can."""
    note: str
    """What to say when the nearest is taken without asking."""
    options: tuple[QuestionOption, ...]
    nearest: Any


def make_plan(
    request: VideoRequest, models: Sequence[VideoModel], terms: Terms, *, number: int, now: datetime
) -> Plan | Misfit | None:
    """The plan for a request, a misfit, or None when no model can use what the request brings.

    `models` are those on offer, the preferred provider's first. A preferred model is left only for one that alone can
    do what was asked for."""
    able = [model for model in models if model.takes(request)]
    if not able:
        return None
    tier = request.tier or terms.tier
    for model in sorted(able, key=lambda model: _rank(model, able, tier, request)):
        if _misfit(request, model, terms) is None:
            return _plan(request, model, models, terms, number=number, now=now)
    return _misfit(request, min(able, key=lambda model: _rank(model, able, tier, request)), terms)


def _rank(model: VideoModel, able: Sequence[VideoModel], tier: Tier, request: VideoRequest) -> tuple[int, int, int]:
    """The order in which models are tried: a tier that was asked for outright, then the provider, then the tier."""
    tiers = list(Tier)
    distance = min(abs(tiers.index(tier) - tiers.index(own)) for own in model.tiers)
    wrong_tier = 1 if request.tier is not None and distance else 0
    providers = list(dict.fromkeys(other.provider for other in able))
    return wrong_tier, providers.index(model.provider), distance


def _tier(model: VideoModel, request: VideoRequest, terms: Terms) -> Tier:
    wanted = request.tier or terms.tier
    return wanted if wanted in model.tiers else next(iter(model.tiers))


def _duration(request: VideoRequest, model: VideoModel, terms: Terms) -> int:
    """The asked length, or the possible one nearest to the default."""
    lengths = model.lengths(request)
    if request.duration_s is not None:
        return request.duration_s
    return min(lengths, key=lambda length: (abs(length - terms.duration_s), -length))


def _aspect(request: VideoRequest, model: VideoModel, terms: Terms) -> str:
    if request.aspect:
        return request.aspect
    return terms.aspect if terms.aspect in model.aspects else model.aspects[0]


def _misfit(request: VideoRequest, model: VideoModel, terms: Terms) -> Misfit | None:
    """What the model cannot do of what was asked for outright."""
    lengths = model.lengths(request)
    wanted = request.duration_s
    if wanted is not None and wanted not in lengths:
        near = sorted(sorted(lengths, key=lambda length: abs(length - wanted))[:3])
        nearest = min(lengths, key=lambda length: (abs(length - wanted), -length))
        if wanted > lengths[-1]:
            text = texts.too_long(wanted, lengths[-1], model.name)
        else:
            text = texts.odd_length(wanted, model.name, near)
        return Misfit(
            slot="duration_s",
            text=text,
            note=texts.took_instead(f"{wanted} s", f"{nearest} s", model.name),
            options=tuple(QuestionOption(label=f"{length} s", slot="duration_s", value=length) for length in near),
            nearest=nearest,
        )
    if request.aspect and request.aspect not in model.aspects:
        nearest_aspect = min(model.aspects, key=lambda aspect: abs(ratio(aspect) - ratio(request.aspect)))
        return Misfit(
            slot="aspect",
            text=texts.no_such_shape(request.aspect, model.name),
            note=texts.took_instead(texts.shape(request.aspect), texts.shape(nearest_aspect), model.name),
            options=tuple(
                QuestionOption(label=texts.shape(aspect), slot="aspect", value=aspect) for aspect in model.aspects
            ),
            nearest=nearest_aspect,
        )
    if request.resolution and request.resolution not in model.resolutions:
        size = RESOLUTIONS.index(request.resolution)
        closest = min(model.resolutions, key=lambda other: abs(RESOLUTIONS.index(other) - size))
        return Misfit(
            slot="resolution",
            text=texts.no_such_resolution(request.resolution, model.name),
            note=texts.took_instead(request.resolution, closest, model.name),
            options=tuple(
                QuestionOption(label=resolution, slot="resolution", value=resolution)
                for resolution in model.resolutions[-4:]
            ),
            nearest=closest,
        )
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
    tier = _tier(model, request, terms)
    duration = _duration(request, model, terms)
    aspect = _aspect(request, model, terms)
    resolution = request.resolution or model.tiers[tier]
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
            valid_until=now + timedelta(seconds=terms.quote_valid_s),
        ),
        expected_s=model.expected_s,
        assumed=tuple(assumed),
        draft_price=None if tier is Tier.DRAFT else _draft_price(request, models, terms, amount, duration),
    )


def draft_request(request: VideoRequest, duration_s: int) -> VideoRequest:
    """The same wish as a quick draft: the cheapest tier in its own resolution and the card's length."""
    return replace(request, tier=Tier.DRAFT, resolution="", duration_s=duration_s)


def _draft_price(
    request: VideoRequest, models: Sequence[VideoModel], terms: Terms, amount: int, duration: int
) -> int | None:
    drafts = [model for model in models if Tier.DRAFT in model.tiers]
    plan = make_plan(draft_request(request, duration), drafts, terms, number=0, now=datetime.min) if drafts else None
    if isinstance(plan, Plan) and plan.quote.amount < amount:
        return plan.quote.amount
    return None


def from_history(times: Sequence[float], expected_s: tuple[float, float]) -> tuple[float, float]:
    """Median and 90th percentile of the times seen, or the catalogue's figure while there are fewer than five."""
    if len(times) < 5:
        return expected_s
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, round(len(ordered) * 0.9))]
