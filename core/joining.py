"""Joining finished clips: which of them a person may use, and the request that follows. Pure but for the `Response`.

A model only proposes ids; here they are held against what there is. How the result is planned and priced is
`core.planning`'s work, what the plan says is in `core.editing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core import texts
from core.editing import MIN_PARTS, EditPlan, Part
from core.generation import FINAL, Generation, GenerationStatus, Plan
from core.messages import Message
from core.reading import Intent, Reading, Step
from core.request import SILENT, VideoRequest
from core.response import Response

JOINED_SLOTS = frozenset({"words", "audio", "aspect", "resolution"})
"""What can be said about a joined clip; everything else is inside its parts."""
_SEEN = frozenset({GenerationStatus.COMPLETED, GenerationStatus.DELIVERING})
"""A clip may be seen already while its delivery is being confirmed."""
MAX_NAMED = 50
"""So many clips of one message are looked at."""


def join(
    response: Response,
    step: Step,
    reading: Reading,
    *,
    message_id: str,
    heard: tuple[tuple[str, str], ...],
    about: int | None,
) -> None:
    """A card for the clips that the step names, or the person's open one brought up to date, or why there is none; each
    join of one message has a card of its own. `about` is the generation whose message was replied to."""
    parts = _chosen(response, step.clips, about)
    if isinstance(parts, str):
        response.say(parts)
        return
    changes = {"idea": texts.joining.wish(parts), **_sayable(response, step.changes)}
    card = next((one for one in response.open if one.request.parts and one.requester.id == response.person.id), None)
    if card is not None and not (message_id and any(said.has(message_id) for said in card.said)):
        response.amend(
            card,
            changes,
            message_id=message_id,
            heard=heard,
            base=replace(card.base, parts=parts),
            hurry=reading.hurry,
        )
        return
    response.begin(
        changes,
        message_id=message_id,
        heard=heard,
        base=VideoRequest(parts=parts),
        hurry=reading.hurry,
        language=reading.language,
    )


def rejoined(
    response: Response, generation: Generation, reading: Reading
) -> tuple[VideoRequest, dict[str, Any]] | None:
    """What a request for joined clips begins with, and what is said about it, once its message reads otherwise; None
    when that calls for clips which cannot be joined, which is said then. What is about no joining any more is a wish
    for a film."""
    step = next((step for step in reading.steps if step.intent is Intent.JOIN), None)
    if step is None:
        return replace(generation.base, parts=()), {}
    parts = _chosen(response, step.clips, None)
    if isinstance(parts, str):
        response.say(parts, about=generation.id)
        return None
    changes = {"idea": texts.joining.wish(parts), **_sayable(response, step.changes)}
    return replace(generation.base, parts=parts), changes


def fitting(response: Response, target: Generation, changes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What of these changes can be done to a joined clip; None, which is said, when there is nothing of the kind."""
    kept = _sayable(response, changes)
    if changes and not kept:
        response.say(texts.joining.only_these(target.name), about=target.id)
        return None
    return kept


def may_be_used(generation: Generation, message: Message, conversation_id: str) -> bool:
    """Whether a clip may be used by whoever wrote this: one of the same conversation, where everybody has seen it, or
    their own in the same chat."""
    if generation.conversation_id == conversation_id:
        return True
    same_chat = (generation.key.platform, generation.key.chat) == (message.key.platform, message.key.chat)
    return same_chat and generation.requester.id == message.sender.id


def clips_named(reading: Reading) -> tuple[int, ...]:
    """The generations whose clips are to be joined, each once."""
    named = (number for step in reading.steps for number in step.clips[:MAX_NAMED])
    return tuple(dict.fromkeys(number for number in named if number is not None))


def _sayable(response: Response, changes: Mapping[str, Any]) -> dict[str, Any]:
    kept = {slot: value for slot, value in changes.items() if slot in JOINED_SLOTS}
    audio = kept.get("audio")
    if isinstance(audio, str) and audio.strip().lower() not in ("", SILENT):
        del kept["audio"]
        response.say(texts.joining.OWN_SOUND)
    return kept


def _chosen(response: Response, named: Sequence[int | None], about: int | None) -> tuple[Part, ...] | str:
    """The parts in order, or the sentence that says why not."""
    model = next((model for model in response.offer.models if model.clips), None)
    if model is None:
        return texts.joining.NOT_HERE
    newest = [one.id for one in response.scene.generations if _part(one) is not None]
    at_hand = about if about is not None else next((number for number in newest if number not in named), None)
    numbers = [at_hand if number is None else number for number in named]
    if len(numbers) == 1 and about is not None and about not in numbers:
        numbers.insert(0, about)  # "join it with v2", in reply to a clip
    if not numbers:
        return texts.joining.which(newest)
    if len(numbers) > model.clips:
        return texts.joining.too_many(len(numbers), model.clips)
    parts: list[Part] = []
    for number in numbers:
        generation = response.get(number)
        if number is None or generation is None:
            return texts.joining.which(newest) if number is None else texts.joining.unknown(number)
        part = _part(generation)
        if part is None:
            return _why_not(generation)
        parts.append(part)
    if len(parts) < MIN_PARTS:
        return texts.joining.one_only(parts[0].generation)
    edit = EditPlan(parts=tuple(parts))
    if edit.seconds > model.durations[-1]:
        return texts.joining.too_long(edit.exact_s, model.durations[-1])
    return edit.parts


def _part(generation: Generation) -> Part | None:
    """Its clip, as it was brought to people; None where there is none, or none that they were to see."""
    clip, plan = generation.clip, generation.plan
    if generation.status not in _SEEN or clip is None or generation.withheld:
        return None
    silent = _silent(plan) and bool(clip.sent)
    return Part(
        generation=generation.id,
        name=texts.spelling.called(generation),
        clip=clip.sent if silent else clip.name,
        facts=replace(clip.facts, audio_codec="", peak_db=None) if silent else clip.facts,
    )


def _silent(plan: Plan | None) -> bool:
    """Whether its sound was not wanted, so that the copy without it is the clip."""
    return plan is not None and not plan.sound


def _why_not(generation: Generation) -> str:
    if generation.status is GenerationStatus.COMPLETED and generation.clip is None:
        return texts.joining.gone(generation.id)
    if generation.status in FINAL:
        return texts.joining.no_clip(generation.id)
    return texts.joining.unfinished(generation.id)
