"""Which question to ask next, if any. Pure.

One missing slot at a time, the one that changes the result most; never what a default answers; at most three
questions before the card, counting every kind; none for someone in a hurry and none when the request is rich.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core import texts
from core.catalogue import VideoModel
from core.generation import Generation, Plan, Question, QuestionOption
from core.planning import Terms, make_plan
from core.request import VideoRequest

MAX_QUESTIONS = 3
MAX_ADJUSTMENTS = 5
"""Length, shape and size can each be adjusted once, and one of them may call for another."""
RICH = 2
"""So many details besides the subject make a request rich enough to film."""
LONG_WISH_WORDS = 12
"""A wish of so many words counts as a detail of its own."""

ASKED = (
    ("setting", texts.questions.SETTINGS_OFFERED),
    ("style", texts.questions.STYLES_OFFERED),
)
"""The slots that are asked for once it is known what to film, the most telling first."""

SURPRISE = "a paper boat sailing down a rain gutter past glowing autumn leaves, golden evening light"
"""What is filmed for someone who wants a video at once and leaves all of it to us."""

COMES_TO_LIFE = "the picture comes to life with gentle, natural movement"
"""What happens in a clip that begins with a person's picture, of which nothing was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask this before going on."""

    slot: str
    text: str
    options: tuple[QuestionOption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Show the card with this plan."""

    plan: Plan
    changes: Mapping[str, Any]
    """What was taken instead of what could not be had, or of nothing at all: slot name to value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossible:
    """No model on offer can use what the request brings, or there is none."""

    text: str
    """What to say about it."""


def next_move(
    generation: Generation,
    models: Sequence[VideoModel],
    terms: Terms,
    *,
    wordings: Mapping[str, str],
    now: datetime,
    may_ask: bool = True,
) -> Ask | Show | Impossible:
    """What follows for a request that is being shaped.

    `wordings` are the dialogue model's own questions by slot, in the person's language; `may_ask` is False while
    another question is open."""
    request = generation.request
    ask = may_ask and not generation.hurry and generation.asked < MAX_QUESTIONS
    if ask and (slot := missing(request)):
        return _question(slot, wordings)
    changes: dict[str, Any] = {}
    if not _filmable(request):
        changes["idea"] = SURPRISE if request.first_frame is None else COMES_TO_LIFE
    notes: list[str] = []
    number = generation.plan.number + 1 if generation.plan else 1
    for _ in range(MAX_ADJUSTMENTS):
        plan = make_plan(replace(request, **changes), models, terms, number=number, now=now)
        if plan is None:
            return Impossible(text=_nothing(request, models))
        if isinstance(plan, Plan):
            return Show(plan=replace(plan, notes=tuple(notes)), changes=changes)
        if ask and plan.slot not in request.decided:
            return Ask(slot=plan.slot, text=plan.text, options=plan.options)
        notes.append(plan.note)
        changes[plan.slot] = plan.nearest
    return Impossible(text=texts.talk.NO_MODEL)


def _nothing(request: VideoRequest, models: Sequence[VideoModel]) -> str:
    """Why there is no plan."""
    if request.parts:
        return texts.joining.NOT_HERE
    return texts.talk.NO_MODEL if models else texts.allowance.NOTHING_ON_OFFER


def missing(request: VideoRequest) -> str | None:
    """The one missing slot that changes the result most, or None when the request can be filmed as it is."""
    if request.parts:
        return None
    if not _filmable(request):
        return None if "idea" in request.decided else "idea"
    if richness(request) >= RICH:
        return None
    for slot, _ in ASKED:
        if not getattr(request, slot) and slot not in request.decided:
            return slot
    return None


def richness(request: VideoRequest) -> int:
    """How many details the request has besides what is seen."""
    details = (request.setting, request.style, request.camera, request.mood, request.audio, request.words)
    count = sum(1 for detail in details if detail) + (1 if request.shots else 0) + (1 if request.first_frame else 0)
    words = len(f"{request.idea} {request.subject}".split())
    return count + words // LONG_WISH_WORDS + len(request.decided)


def _filmable(request: VideoRequest) -> bool:
    return bool(request.idea or request.subject or request.shots or request.parts)


def _question(slot: str, wordings: Mapping[str, str]) -> Ask:
    offered = dict(ASKED).get(slot, ())
    return Ask(
        slot=slot,
        text=wordings.get(slot) or texts.questions.QUESTIONS[slot],
        options=tuple(QuestionOption(label=label, slot=slot, value=value) for label, value in offered),
    )


def question_open(question: Question | None, terms: Terms, now: datetime) -> bool:
    """Whether a message may still be its answer."""
    return question is not None and (now - question.asked_at).total_seconds() < terms.question_lapses_s


YES = frozenset(
    (
        *("yes", "y", "yep", "yeah", "yes please", "ok", "okay", "sure", "go", "go ahead", "do it", "make it"),
        *("please do", "let's go", "confirm", "sounds good", "perfect"),
        *("ja", "ja bitte", "oui", "si", "sí", "sì", "sim", "да", "так", "tak", "evet", "はい", "好", "好的", "是"),
        *("네", "نعم", "हाँ", "👍", "✅"),
    )
)
"""A yes in the languages spoken most."""


def is_plain_yes(text: str) -> bool:
    """Whether the message is nothing but a yes; the one thing besides a tap that orders. A fixed list."""
    return text.strip().strip("!. ").casefold() in YES
