"""What Gemini may answer, and how an answer becomes a reading. Pure.

A schema guides the model but binds nobody: whatever comes back is checked here, so that a reading never holds anything
but known intents, slots with values of their kind, ids that were on offer and short texts.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError

from adapters.google_words import harmless
from core.reading import Intent, Reading, ReadingInput, Step, TokenUse
from core.request import SPOKEN_SLOTS, Tier

MAX_STEPS = 8
MAX_REPLY = 500
MAX_LINE = 200
MAX_PROMPT = 2_000
MAX_SECONDS = 3_600
REPLYING = (Intent.CHAT, Intent.HELP, Intent.UNSAFE)
CHANGING = (Intent.CREATE, Intent.ANSWER, Intent.REFINE, Intent.JOIN)
NO_WORDS = "none"
"""How the model says that nothing is to be written any more."""
MAX_CLIPS = 50
"""More than can be joined, so that it can be said that these are too many."""
AT_HAND = "this"
"""How the model names the clip that is replied to, or else the latest."""

NAMING_NOBODY = AfterValidator(harmless)
"""Belongs to every text that the model writes."""
Line = Annotated[str, StringConstraints(strip_whitespace=True), NAMING_NOBODY]


class SlotChanges(BaseModel):
    """The slots that a step fills; absent means not said."""

    idea: Line | None = None
    subject: Line | None = None
    setting: Line | None = None
    style: Line | None = None
    camera: Line | None = None
    mood: Line | None = None
    audio: Line | None = None
    words: Line | None = None
    avoid: Line | None = None
    language: Line | None = None
    duration_s: Annotated[int, Field(strict=True, ge=1, le=MAX_SECONDS)] | None = None
    aspect: Literal["16:9", "9:16", "1:1"] | None = None
    resolution: Literal["360p", "720p", "1080p", "4k"] | None = None
    tier: Literal["draft", "standard", "best"] | None = None
    shots: list[Line] | None = None

    def given(self) -> dict[str, Any]:
        """Slot name to value, for what was said."""
        said = {slot: getattr(self, slot) for slot in SPOKEN_SLOTS}
        kept = {slot: value for slot, value in said.items() if value not in (None, "", [])}
        if str(kept.get("words", "")).lower() == NO_WORDS:
            kept["words"] = ""
        if "tier" in kept:
            kept["tier"] = Tier(kept["tier"])
        if "shots" in kept:
            kept["shots"] = tuple(shot for shot in kept["shots"] if shot)
        return kept


class StepReply(BaseModel):
    """One thing the person wants."""

    intent: Literal[
        "create",
        "answer",
        "refine",
        "join",
        "confirm",
        "cancel",
        "status",
        "list",
        "settings",
        "help",
        "chat",
        "unsafe",
        "aside",
    ]
    changes: SlotChanges | None = None
    clips: list[Line] | None = None
    target: Line | None = None
    reply: Line | None = None


class QuestionReply(BaseModel):
    """How to ask for a slot."""

    slot: Literal["idea", "setting", "style", "mood"]
    text: Line


class ReadingReply(BaseModel):
    """What a message means."""

    steps: Annotated[list[StepReply], Field(min_length=1)]
    language: Line | None = None
    hurry: Annotated[bool, Field(strict=True)] = False
    summary: Line | None = None
    questions: list[QuestionReply] | None = None


class PromptReply(BaseModel):
    """A finished prompt."""

    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_PROMPT), NAMING_NOBODY]


class IdeasReply(BaseModel):
    """Two other ideas."""

    ideas: Annotated[
        list[
            Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_REPLY), NAMING_NOBODY]
        ],
        Field(min_length=2, max_length=2),
    ]


def problem_in(error: ValidationError) -> str:
    """What was wrong with an answer, for the model to repair; never repeats the answer itself."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'the answer'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)[:8]
    )


def reading(reply: ReadingReply, given: ReadingInput, uses: tuple[TokenUse, ...]) -> Reading:
    """The reading that an answer comes to."""
    known = {*given.finished, *given.running}
    return Reading(
        steps=tuple(_step(step, known) for step in reply.steps[:MAX_STEPS]),
        language=_tag(reply.language or ""),
        hurry=reply.hurry,
        summary=_line(reply.summary or "", MAX_LINE),
        questions={q.slot: _line(q.text, MAX_LINE) for q in reply.questions or () if q.text},
        uses=uses,
    )


def _step(step: StepReply, known: Collection[int]) -> Step:
    intent = Intent(step.intent)
    number = _number(step.target or "")
    return Step(
        intent=intent,
        changes=step.changes.given() if step.changes and intent in CHANGING else {},
        clips=_clips(step.clips or []) if intent is Intent.JOIN else (),
        target=number if number in known else None,
        reply=_cut(step.reply or "", MAX_REPLY) if intent in REPLYING else "",
    )


def _number(name: str) -> int | None:
    """The id in "v12", or None for anything else."""
    digits = name.strip().lower().removeprefix("v")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def _clips(names: list[str]) -> tuple[int | None, ...]:
    """The clips that are to be joined, in order; what is no name of one is left out."""
    found: list[int | None] = []
    for name in names[:MAX_CLIPS]:
        number = _number(name)
        if number is not None or name.strip().lower() == AT_HAND:
            found.append(number)
    return tuple(found)


def _line(text: str, most: int) -> str:
    return _cut(" ".join(text.split()), most)


def _cut(text: str, most: int) -> str:
    text = "".join(sign for sign in text if sign.isprintable() or sign == "\n").strip()
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _tag(language: str) -> str:
    """A BCP 47 code, or empty for anything that does not look like one."""
    parts = language.replace("_", "-").split("-")
    sound = len(language) <= 35 and all(part.isascii() and part.isalnum() and len(part) <= 8 for part in parts)
    return "-".join(parts) if sound and len(parts[0]) in (2, 3) else ""
