"""What one person has going on, for platforms that show a page about it: what is under way, what waits for them, and
their last videos."""

from __future__ import annotations

from dataclasses import dataclass

from core import texts
from core.generation import OPEN, RUNNING, Generation, GenerationStatus
from core.ports import Clock
from core.repositories import Generations

MAX_VIDEOS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One generation and the line about it."""

    generation: Generation
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One person's generations, newest first in each part."""

    running: tuple[Entry, ...] = ()
    """Ordered and not finished."""
    open: tuple[Entry, ...] = ()
    """Waiting for an answer or a tap of theirs."""
    videos: tuple[Entry, ...] = ()
    """Finished clips that are still kept."""


class Overviews:
    """Looks up overviews."""

    def __init__(self, *, generations: Generations, clock: Clock) -> None:
        self._generations = generations
        self._clock = clock

    async def of(self, person_id: str) -> Overview:
        """What this person has going on in all places."""
        rows = await self._generations.of_person(person_id, MAX_VIDEOS)
        now = self._clock.now()
        return Overview(
            running=tuple(
                Entry(generation=row, text=texts.working.status(row, now=now, position=0, waits_until=None))
                for row in rows
                if row.status in RUNNING
            ),
            open=tuple(Entry(generation=row, text=texts.talk.open_line(row)) for row in rows if row.status in OPEN),
            videos=tuple(
                Entry(generation=row, text=texts.talk.list_line(row))
                for row in rows
                if row.status is GenerationStatus.COMPLETED and row.clip is not None
            ),
        )
