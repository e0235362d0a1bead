"""What is shown while something is under way."""

from __future__ import annotations

from datetime import datetime

from core.generation import Generation, GenerationStatus
from core.texts.spelling import spell_seconds

PHASES = {
    GenerationStatus.QUEUED: "Waiting",
    GenerationStatus.SUBMITTING: "Ordering",
    GenerationStatus.PROCESSING: "Filming",
    GenerationStatus.DOWNLOADING: "Fetching and checking the clip",
    GenerationStatus.DELIVERING: "Bringing it to you",
}


def status(generation: Generation, *, now: datetime, position: int, waits_until: datetime | None) -> str:
    """The status message's line while something is under way."""
    name = generation.name
    if generation.cancel_requested:
        return f"{name} · Cancelling…"
    if generation.status is GenerationStatus.QUEUED:
        return f"{name} · In the queue, number {position}" if position else f"{name} · Getting ready"
    if waits_until is not None and generation.status is GenerationStatus.SUBMITTING:
        wait = spell_seconds((waits_until - now).total_seconds())
        return f"{name} · The video service is busy; I will try again in {wait}. Nothing is ordered twice."
    started = generation.entered.get(GenerationStatus.SUBMITTING.value, generation.updated_at)
    elapsed = spell_seconds((now - started).total_seconds())
    expected = f" of about {spell_seconds(generation.plan.expected_s[0])}" if generation.plan else ""
    return f"{name} · {PHASES[generation.status]} · {elapsed}{expected}"


def finished_line(generation: Generation) -> str:
    """What a status message shrinks to when the work is over."""
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
        "I keep waiting for it; you can also cancel."
    )
