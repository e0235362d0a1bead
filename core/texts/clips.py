"""The finished clip, and what its buttons say."""

from __future__ import annotations

from itertools import pairwise

from core.generation import Generation, GenerationStatus
from core.money import dollars
from core.texts.endings import WHICH_ONE, asks_to_stop, too_late_to_cancel
from core.texts.spelling import heading, shortened, spell_seconds, spell_size
from core.texts.working import looking


def announcement(generation: Generation) -> str:
    """The line that notifies the person; it becomes the clip."""
    return f"Your clip {generation.name} is ready, uploading it now…"


def caption(generation: Generation, *, took_s: float, smaller: bool, muted: bool) -> str:
    """The words under the clip; at most 1,024 characters."""
    assert generation.plan is not None
    assert generation.clip is not None
    facts = generation.clip.facts
    title = heading(generation)
    size = f"{facts.width}×{facts.height}"
    released = GenerationStatus.UNDELIVERABLE.value in generation.entered and generation.elsewhere is None
    charge = "not charged" if released else dollars(generation.plan.quote.amount)
    if not generation.plan.amounts_shown:
        charge = "not charged" if released else "charged to whoever pays"
    lines = [
        title,
        f"{facts.duration_s:.0f} s · {size} · {generation.plan.model_name}",
        f"{charge} · made in {spell_seconds(took_s)}",
    ]
    if generation.elsewhere is not None:
        lines.append(f"I could not post it where you asked ({shortened(generation.reason)}), so here it is.")
    if smaller:
        lines.append("A smaller copy, because the original is too large for this chat.")
    if muted:
        lines.append("Without sound, as you asked.")
    return "\n".join(lines)


def details(generation: Generation) -> str:
    """Everything about a finished clip."""
    assert generation.plan is not None
    lines = [f"Prompt: {generation.prompt}" if generation.prompt else "No prompt was written."]
    if generation.seed is not None:
        lines.append(f"Seed: {generation.seed}")
    lines.append(f"Model: {generation.plan.model_name} ({generation.plan.model})")
    if generation.clip is not None:
        facts = generation.clip.facts
        audio = facts.audio_codec or "no sound"
        lines.append(
            f"File: {spell_size(facts.size_bytes)} {facts.container}, {facts.width}×{facts.height}, "
            f"{facts.duration_s:.2f} s, {facts.fps:g} frames/s, {facts.video_codec} / {audio}"
        )
    stages = sorted(generation.entered.items(), key=lambda item: item[1])
    for (phase, start), (_, end) in pairwise(stages):
        lines.append(f"{phase.replace('_', ' ')}: {spell_seconds((end - start).total_seconds())}")
    lines.append(f"Retries: {generation.retries}")
    return "\n".join(lines)


def prompt(generation: Generation) -> str:
    """What will be, or was, sent to the video service."""
    return f"The prompt for {generation.name}:\n\n{generation.prompt}"


def over(generation: Generation) -> str:
    """Somebody wants to cancel what has ended."""
    if generation.status is GenerationStatus.PENDING_REVIEW:
        return f"{generation.name} is finished already: {looking(generation)} before it is posted."
    on_its_way = (GenerationStatus.COMPLETED, GenerationStatus.DOWNLOADING, GenerationStatus.DELIVERING)
    if generation.status in on_its_way or generation.on_its_way_elsewhere:
        return too_late_to_cancel(generation)
    return f"{generation.name} is over already; nothing is running and nothing more is charged."


NOTHING_CHANGED = (
    "I did not get what should be different about {id}. Say it like “8 seconds”, “upright”, “at night” or “no sound”."
)
WHAT_TO_CHANGE = "What should be different about {id}? Tell me in your own words, for instance “at night”."
LONGEST_ALREADY = "{id} is as long as {name} can make it ({seconds} s). Ask for another clip that continues it."
DELETE_QUESTION = "Delete {id} for good? The message stays, the file I keep goes."


def asks_something_else(text: str) -> bool:
    """Whether the sentence asks for a yes, or a choice, that has nothing to do with a card."""
    return text == WHICH_ONE or asks_to_stop(text) or text.endswith(DELETE_QUESTION.partition("{id}")[2])


DELETED = "I have deleted {id}. The message above stays in the chat; you or an admin can delete it there."
NOT_THERE_YET = "{id} is still on its way to you. Delete it once it is there."
GOES_ON_THERE = "Done; {id} goes on in its own thread above."
KEPT = "{id} is kept."
KEPT_AS_IS = "{id} stays as it was."
STALE_BUTTON = "That button is out of date. Tell me in words what you would like."
QUESTION_CLOSED = "That question is closed. Tell me in words what you would like."
ALREADY_DECIDED = "{id} is settled already; this tap changed nothing."
WAITING_ON = "Good, I keep waiting for {id}."
WITHHELD = "{id} is not posted, so I do not show its file."
GONE = "I do not keep the file of {id} any more. “Another take” makes a new one."
ORIGINAL_ABOVE = "The video above is the original, byte for byte ({size}); download it from there."
ORIGINAL_LINK = "The original of {id} ({size}). The link works until {until}."
ORIGINAL_KEPT = (
    "The original of {id} ({size}) is kept here, but I have no public address to send it from. Ask my operator to set "
    "PUBLIC_URL."
)
