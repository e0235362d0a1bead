"""What was asked for and cannot be had: the question that offers what can, and the note when the nearest is taken.

Pure. A sentence says who says no: the model, or the admin (`core.allowance`). When something is a misfit is decided in
`core.planning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import texts
from core.allowance import Allowance
from core.catalogue import VideoModel
from core.editing import MAX_TITLE
from core.generation import QuestionOption
from core.inspection import ratio
from core.request import RESOLUTIONS, Tier, VideoRequest


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


def no_such_title(title: str, unwritable: Sequence[str]) -> Misfit | None:
    """A title that there is no room for, or that cannot be drawn: `unwritable` are the scripts in it without a font.
    None for one that can."""
    nearest = ""
    if unwritable:
        text, note = texts.joining.unwritable_title(unwritable), texts.joining.left_title_out(unwritable)
    elif title and not any(map(str.isalnum, title)):
        text, note = texts.joining.SIGNS_ONLY, texts.joining.SIGNS_LEFT_OUT
    elif len(title) > MAX_TITLE:
        nearest = texts.spelling.shortened(title, MAX_TITLE)
        text, note = texts.joining.title_too_long(len(title)), texts.joining.CUT_TITLE
    else:
        return None
    label = texts.joining.title_button(nearest)
    return Misfit(
        slot="words",
        text=text,
        note=note,
        options=(QuestionOption(label=label, slot="words", value=nearest),),
        nearest=nearest,
    )


def no_such_tier(wanted: Tier, tiers: Sequence[Tier]) -> Misfit:
    """A quality that is not allowed; `tiers` are those that are."""
    order = list(Tier)
    nearest = min(tiers, key=lambda tier: abs(order.index(tier) - order.index(wanted)))
    return Misfit(
        slot="tier",
        text=texts.allowance.no_such_quality(wanted),
        note=texts.allowance.not_here(texts.allowance.quality(wanted), texts.allowance.quality(nearest)),
        options=tuple(
            QuestionOption(label=texts.spelling.TIERS[tier], slot="tier", value=tier.value) for tier in tiers
        ),
        nearest=nearest,
    )


def no_such_aspect(wanted: str, model: VideoModel) -> Misfit:
    """A shape that the model does not make."""
    nearest = min(model.aspects, key=lambda aspect: abs(ratio(aspect) - ratio(wanted)))
    return Misfit(
        slot="aspect",
        text=texts.questions.no_such_shape(wanted, model.name),
        note=texts.questions.took_instead(texts.spelling.shape(wanted), texts.spelling.shape(nearest), model.name),
        options=tuple(
            QuestionOption(label=texts.spelling.shape(aspect), slot="aspect", value=aspect) for aspect in model.aspects
        ),
        nearest=nearest,
    )


def no_such_resolution(wanted: str, sizes: Sequence[str], model: VideoModel, *, sees_limit: bool) -> Misfit:
    """A resolution that the model does not make, or may not; `sizes` are those that it may."""
    place = RESOLUTIONS.index(wanted)
    nearest = min(sizes, key=lambda other: abs(RESOLUTIONS.index(other) - place))
    whole = model.whole or model
    if wanted not in whole.resolutions:
        text, note = (
            texts.questions.no_such_resolution(wanted, model.name),
            texts.questions.took_instead(wanted, nearest, model.name),
        )
    elif model.dearest is not None and whole.price(model.every_length[0], wanted) > model.dearest:
        most = model.dearest if sees_limit else None
        text = texts.allowance.dearer_than_allowed(wanted, most, sizes[-1], model.name)
        note = texts.allowance.took_allowed_price(wanted, nearest, most)
    else:
        text, note = texts.allowance.no_such_size_here(wanted), texts.allowance.not_here(wanted, nearest)
    return Misfit(
        slot="resolution",
        text=text,
        note=note,
        options=tuple(QuestionOption(label=size, slot="resolution", value=size) for size in sizes[-4:]),
        nearest=nearest,
    )


def no_such_length(
    request: VideoRequest, lengths: Sequence[int], model: VideoModel, allowance: Allowance, *, sees_limit: bool
) -> Misfit:
    """A length that the model does not make, or may not; `lengths` are those that it may, rising."""
    wanted = request.duration_s or 0
    near = sorted(sorted(lengths, key=lambda length: abs(length - wanted))[:3])
    nearest = min(lengths, key=lambda length: (abs(length - wanted), -length))
    longest = lengths[-1]
    asked, got = f"{wanted} s", f"{nearest} s"
    # Longer ones that the model itself could make: then it is the admin who says no, and the sentence must say so.
    beyond = [length for length in (model.whole or model).lengths(request) if length > longest]
    text, note = (
        texts.questions.odd_length(wanted, model.name, near),
        texts.questions.took_instead(asked, got, model.name),
    )
    if wanted > longest and not beyond:
        text = texts.questions.too_long(wanted, longest, model.name)
    elif wanted > longest and allowance.longest_s is not None and beyond[0] > allowance.longest_s:
        text = texts.allowance.longer_than_allowed(wanted, allowance.longest_s, longest, model.name)
        note = texts.allowance.took_allowed_length(asked, got, allowance.longest_s)
    elif wanted > longest:
        most = model.dearest if sees_limit else None
        text = texts.allowance.dearer_than_allowed(asked, most, f"{longest} s", model.name)
        note = texts.allowance.took_allowed_price(asked, got, most)
    return Misfit(
        slot="duration_s",
        text=text,
        note=note,
        options=tuple(QuestionOption(label=f"{length} s", slot="duration_s", value=length) for length in near),
        nearest=nearest,
    )
