"""Edits of a message that a request was made from. Pure but for the `Response` it fills.

As long as nothing is ordered, what the message added is read again from its new text, as things stood then; what other
messages and buttons added since stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core import texts
from core.generation import FINAL, OPEN, Generation, Said
from core.joining import rejoined
from core.reading import Intent, Reading
from core.repositories import Scene
from core.request import TEXT_SLOTS
from core.response import Response

_SHAPING = (Intent.CREATE, Intent.ANSWER, Intent.REFINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A message that is edited, in the request it contributed to."""

    generation: Generation
    place: int
    """Where among the things said it stands."""
    parts: tuple[tuple[str, str], ...]
    """Id and new text of each message that was read with it."""

    @property
    def text(self) -> str:
        """What is to be read in the place of what was."""
        return "\n".join(text for _, text in self.parts if text)

    def before(self, scene: Scene) -> Scene:
        """The conversation as it was when the message came."""
        earlier = replace(self.generation, said=self.generation.said[: self.place], question=None)
        had_something = self.place > 0 or self.generation.parent is not None
        return Scene(conversation=scene.conversation, generations=(earlier,) if had_something else ())


def correction_of(scene: Scene, message_id: str, text: str) -> Correction | None:
    """What an edited message contributed to, or None when it was not about a request."""
    for generation in scene.generations:
        for place, said in enumerate(generation.said):
            if said.has(message_id):
                parts = said.heard or ((message_id, text),)
                edited = tuple((heard, text if heard == message_id else old) for heard, old in parts)
                return Correction(generation=generation, place=place, parts=edited)
    return None


def apply_correction(response: Response, correction: Correction, reading: Reading) -> None:
    """Put the new text in the place of the old one, if nothing is ordered yet."""
    generation = correction.generation
    if generation.status not in OPEN:
        if generation.status not in FINAL:
            response.say(texts.talk.ALREADY_UNDER_WAY.format(id=generation.name), about=generation.id)
        return
    if not response.may_decide(generation):
        return
    said = list(generation.said)
    joins = any(step.intent is Intent.JOIN for step in reading.steps)
    if joins or (generation.request.parts and "idea" in said[correction.place].changes):
        joined = rejoined(response, generation, reading)
        if joined is None:
            return
        base, changes = joined
        if base.parts:
            said[correction.place] = replace(said[correction.place], changes=changes)
            response.amend(replace(generation, said=tuple(said), base=base), {}, hurry=reading.hurry)
            return
        generation = replace(generation, base=base)
    said[correction.place] = _read_again(said[correction.place], correction, reading)
    response.amend(replace(generation, said=tuple(said), summary=""), {}, summary=reading.summary, hurry=reading.hurry)


def _read_again(said: Said, correction: Correction, reading: Reading) -> Said:
    slots = list(said.changes)
    changes: dict[str, Any] = {}
    for step in reading.steps:
        if step.intent in _SHAPING:
            changes |= step.changes
    answered = correction.place > 0 and len(slots) == 1 and slots[0] in TEXT_SLOTS
    if answered and not set(changes) - {"idea", "subject"}:
        # It answered a question, and its new text still does.
        changes = {slots[0]: correction.text}
    return replace(said, changes=changes, heard=correction.parts if said.heard else ())
