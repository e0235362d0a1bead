"""Edits of a message that a request was made from. Pure but for the `Response` it fills.

As long as nothing is ordered, the request is made again from the new text in the place of the old one; what other
messages and buttons added since stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core import texts
from core.generation import FINAL, OPEN, Generation, Said
from core.ports import Scene
from core.reading import Intent, Reading
from core.request import TEXT_SLOTS
from core.response import Response

_SHAPING = (Intent.CREATE, Intent.ANSWER, Intent.REFINE)


def corrected(scene: Scene, message_id: str) -> Generation | None:
    """The generation that a message contributed to, or None."""
    for generation in scene.generations:
        if any(said.message_id == message_id for said in generation.said):
            return generation
    return None


def apply_correction(
    response: Response, generation: Generation, reading: Reading, *, message_id: str, text: str
) -> None:
    """Put the new text in the place of the old one, if nothing is ordered yet."""
    if generation.status not in OPEN:
        if generation.status not in FINAL:
            response.say(texts.ALREADY_UNDER_WAY.format(id=generation.name), about=generation.id)
        return
    if not response.may_decide(generation):
        return
    changes: dict[str, Any] = {}
    for step in reading.steps:
        if step.intent in _SHAPING:
            changes |= step.changes
    said = tuple(_replaced(place, said, message_id, changes, text) for place, said in enumerate(generation.said))
    response.amend(replace(generation, said=said), {}, summary=reading.summary, hurry=reading.hurry)


def _replaced(place: int, said: Said, message_id: str, changes: Mapping[str, Any], text: str) -> Said:
    if said.message_id != message_id:
        return said
    slots = list(said.changes)
    if place > 0 and len(slots) == 1 and slots[0] in TEXT_SLOTS:
        return replace(said, changes={slots[0]: text})
    return replace(said, changes=dict(changes))
