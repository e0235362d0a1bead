"""What is shown while something is under way."""

from __future__ import annotations

from datetime import datetime
from math import ceil, inf

from core.generation import Generation, GenerationStatus
from core.texts.spelling import spell_seconds

PHASES = {
    GenerationStatus.QUEUED: "Waiting",
    GenerationStatus.SUBMITTING: "Ordering",
    GenerationStatus.PROCESSING: "Filming",
    GenerationStatus.DOWNLOADING: "Fetching and checking the clip",
    GenerationStatus.DELIVERING: "Bringing it to you",
}


def status(
    generation: Generation,
    *,
    now: datetime,
    position: int,
    waits_until: datetime | None,
    starts_at: datetime | None = None,
) -> str:
    """The status message's line while something is under way. `starts_at`: when what is queued is expected to start;
    None when nobody knows."""
    name = generation.name
    if generation.status is GenerationStatus.PENDING_REVIEW:
        return f"{name} · Finished; {looking(generation)} before it is posted"
    if generation.cancel_requested:
        return f"{name} · Cancelling…"
    if generation.status is GenerationStatus.QUEUED:
        wait = spell_wait((starts_at - now).total_seconds()) if starts_at is not None else ""
        place = f"{name} · In the queue, number {position}" + (f" · {wait}" if wait else "")
        return place if position else f"{name} · Getting ready"
    if waits_until is not None and generation.status is GenerationStatus.SUBMITTING:
        wait = spell_seconds((waits_until - now).total_seconds())
        return f"{name} · The video service is busy; I will try again in {wait}. Nothing is ordered twice."
    started = generation.entered.get(GenerationStatus.SUBMITTING.value, generation.updated_at)
    elapsed = spell_seconds((now - started).total_seconds())
    expected = f" of about {spell_seconds(generation.plan.expected_s[0])}" if generation.plan else ""
    return f"{name} · {_phase(generation)} · {elapsed}{expected}"


def _phase(generation: Generation) -> str:
    joins = generation.status is GenerationStatus.PROCESSING and generation.request.parts
    return "Joining" if joins else PHASES[generation.status]


SHORT_WAIT_S = 15.0
"""A wait below this is not worth a word: it is over when it has been read."""
STEPS_MIN = ((10, 1), (60, 5), (inf, 15))
"""A wait of up to so many minutes is told in steps of so many: the farther away, the less certain, and a line that
changes all the time is hard to read."""


def spell_wait(seconds: float) -> str:
    """How long something waits before it starts, rounded up so that it comes sooner rather than later: "about 4 min",
    or empty when it is hardly worth waiting for."""
    if seconds < SHORT_WAIT_S:
        return ""
    if seconds <= 60:
        return "about a minute"
    minutes = ceil(seconds / 60)
    step = next(step for most, step in STEPS_MIN if minutes <= most)
    return f"about {spell_seconds(ceil(minutes / step) * step * 60)}"


def looking(generation: Generation) -> str:
    """Who has the clip before it is posted: "2 people are looking at it"."""
    asked = len(generation.review.asked) if generation.review is not None else 0
    if not asked:
        return "somebody is to look at it"
    return "1 person is looking at it" if asked == 1 else f"{asked} people are looking at it"


def finished_line(generation: Generation) -> str:
    """What a status message shrinks to when the work is over."""
    if generation.withheld and generation.clip is not None:
        return f"{generation.name} · Finished, but not posted · not charged"
    words = {
        GenerationStatus.COMPLETED: "Done",
        GenerationStatus.CANCELLED: "Cancelled · not charged",
        GenerationStatus.FAILED: "Failed · not charged",
        GenerationStatus.REFUSED: "Refused · not charged",
        GenerationStatus.UNDELIVERABLE: (
            "Ready, on its way to you directly, because I could not post it here"
            if generation.elsewhere is not None and generation.due_at is not None
            else "Ready, but could not be posted · not charged"
        ),
        GenerationStatus.AMBIGUOUS: "No answer to the order",
    }
    return f"{generation.name} · {words.get(generation.status, generation.status.value)}"


def late(generation: Generation, *, elapsed_s: float) -> str:
    """Said once when the work takes twice the expected time."""
    expected = spell_seconds(generation.plan.expected_s[0]) if generation.plan else "usual"
    return (
        f"{generation.name} is taking longer than it should: {spell_seconds(elapsed_s)} instead of about {expected}. "
        f"I keep waiting for it{'.' if generation.unstoppable else '; you can also cancel.'}"
    )
