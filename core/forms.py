"""The form behind "Change…", for platforms that can show one: its fields filled with the request as it stands, what
is wrong with what came back, and the changes that follow from it.

Pure but for `Forms`, which looks up what a button names. Every choice is one that a model on offer can really do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core import texts
from core.actions import parse_action
from core.catalogue import VideoModel
from core.generation import FINAL, OPEN, Generation, GenerationStatus
from core.joining import JOINED_SLOTS
from core.offers import Offers
from core.repositories import Generations
from core.request import SILENT, Tier
from core.routing import LARGEST_ID

LONG = 2_000
"""Longest idea that a form takes, in characters."""
SHORT = 300
"""Longest value of the other text fields."""
ANY = "any"
"""The choice that leaves a slot to us."""


class FieldKind(StrEnum):
    """How a field is filled in."""

    LINE = "line"
    TEXT = "text"
    """Several lines."""
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form."""

    slot: str
    label: str
    kind: FieldKind
    value: str = ""
    """What it holds now; for a choice, the value of an option."""
    options: tuple[tuple[str, str], ...] = ()
    """Value and label of each choice."""
    longest: int = SHORT
    """Characters."""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form to be shown."""

    action: str
    """The action of the button that opened it; sent back with the values."""
    title: str
    fields: tuple[Field, ...]


def change_form(generation: Generation, models: Sequence[VideoModel], *, action: str = "") -> Form:
    """The form for a request that is open, or for a variation of one that ended."""
    request, plan = generation.request, generation.plan
    fitting = [model for model in models if model.takes(request)]
    lengths = sorted({length for model in fitting for length in model.lengths(request)})
    aspects = dict.fromkeys(aspect for model in fitting for aspect in model.aspects)
    sizes = dict.fromkeys(size for model in fitting for size in model.resolutions)
    tiers = [tier for tier in Tier if any(tier in model.tiers for model in fitting)]
    sound = "" if request.silent else request.audio[:SHORT].strip()
    fields: tuple[Field, ...] = (
        Field(
            slot="idea",
            label=texts.forms.FORM_IDEA,
            kind=FieldKind.TEXT,
            value=(request.idea or request.subject)[:LONG].strip(),
            longest=LONG,
            required=True,
        ),
        Field(slot="style", label=texts.forms.FORM_STYLE, kind=FieldKind.LINE, value=request.style[:SHORT].strip()),
        Field(slot="words", label=texts.forms.FORM_WORDS, kind=FieldKind.LINE, value=request.words[:SHORT].strip()),
        _choice(
            "duration_s",
            texts.forms.FORM_LENGTH,
            str(plan.duration_s if plan else request.duration_s or ANY),
            [(str(length), f"{length} s") for length in lengths],
        ),
        _choice(
            "aspect",
            texts.forms.FORM_SHAPE,
            plan.aspect if plan else request.aspect,
            [(aspect, texts.spelling.shape(aspect)) for aspect in aspects],
        ),
        _choice(
            "resolution",
            texts.forms.FORM_SIZE,
            plan.resolution if plan else request.resolution,
            [(size, size) for size in sizes],
        ),
        _choice(
            "tier",
            texts.forms.FORM_QUALITY,
            (plan.tier if plan else request.tier or Tier.STANDARD).value,
            [(tier.value, texts.spelling.TIERS[tier]) for tier in tiers],
        ),
        Field(
            slot="audio",
            label=texts.forms.FORM_SOUND,
            kind=FieldKind.CHOICE,
            value=SILENT if request.silent else sound or ANY,
            options=(
                (ANY, texts.forms.SOUND_FITS),
                *(((sound, texts.spelling.shortened(sound, 70)),) if sound else ()),
                (SILENT, texts.buttons.NO_SOUND),
            ),
        ),
    )
    if request.edit is not None:
        fields = tuple(
            replace(one, label=texts.forms.FORM_TITLE) if one.slot == "words" else one
            for one in fields
            if one.slot in JOINED_SLOTS
        )
    return Form(action=action, title=texts.forms.form_title(generation), fields=fields)


def _choice(slot: str, label: str, value: str, options: Sequence[tuple[str, str]]) -> Field:
    """A choice; what stands now is among its options, also when no model on offer has it any more."""
    if value in {known for known, _ in options}:
        return Field(slot=slot, label=label, kind=FieldKind.CHOICE, value=value, options=tuple(options))
    return Field(
        slot=slot, label=label, kind=FieldKind.CHOICE, value=ANY, options=((ANY, texts.buttons.YOU_DECIDE), *options)
    )


def problems(form: Form, values: Mapping[str, str]) -> Mapping[str, str]:
    """What is wrong with what was filled in, by slot; empty when nothing is."""
    found: dict[str, str] = {}
    for one in form.fields:
        value = values.get(one.slot, one.value).strip()
        if one.kind is FieldKind.CHOICE:
            if value not in {known for known, _ in one.options}:
                found[one.slot] = texts.forms.FORM_NOT_OFFERED
        elif one.required and not value:
            found[one.slot] = texts.forms.FORM_EMPTY
        elif len(value) > one.longest:
            found[one.slot] = texts.forms.FORM_TOO_LONG.format(longest=one.longest, length=len(value))
    return found


def filled(form: Form, values: Mapping[str, str]) -> Mapping[str, Any]:
    """The changes of the request that follow: only what differs from what the form showed, and only what is valid."""
    wrong = problems(form, values)
    changes: dict[str, Any] = {}
    for one in form.fields:
        value = values.get(one.slot, one.value).strip()
        if one.slot in wrong or value == one.value:
            continue
        if value == ANY:
            changes[one.slot] = "" if one.slot == "audio" else None
        else:
            changes[one.slot] = int(value) if one.slot == "duration_s" else value
    if "idea" in changes:
        # The form's text takes the place of both, or the old subject would still be filmed.
        changes["subject"] = ""
    return changes


class Forms:
    """Finds the form that belongs to a button."""

    def __init__(self, *, generations: Generations, offers: Offers) -> None:
        self._generations = generations
        self._offers = offers

    async def behind(self, action: str, person_id: str) -> Form | None:
        """The form that a press of this button opens for this person; None when the press is to be dealt with as it
        is, because the button has no form, or there is nothing that this person could change now."""
        pressed = parse_action(action)
        if pressed is None or pressed.verb not in ("change", "alter"):
            return None
        if pressed.generation_id is None or pressed.generation_id > LARGEST_ID:
            return None
        generation = await self._generations.generation(pressed.generation_id)
        if generation is None:
            return None
        offer = await self._offers.current()
        if person_id != generation.requester.id and person_id not in offer.terms.admins:
            return None
        alterable = FINAL - {GenerationStatus.EXPIRED} if pressed.verb == "alter" else OPEN
        if generation.status not in alterable:
            return None
        return change_form(generation, offer.models, action=action)
