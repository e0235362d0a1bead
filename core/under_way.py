"""What is between the tap and the end, in short: what the clock has to know of all of it, every few seconds.

A row is some kilobytes and takes some time to read; of ten thousand only those are read whose revision is another one
than when they were read before, a few at a time. Whoever needs more of one, or changes it, reads its row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from sys import intern
from typing import Protocol

from core.generation import LONGEST_PUT_OFF, RUNNING, Generation, GenerationStatus
from core.messages import ConversationKey

PAGE = 100
"""So many rows are in memory at once."""

Channel = tuple[str, str]
"""A chat or channel, whatever the thread: its platform and its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A generation in short, as its row was at this revision."""

    id: int
    revision: int
    status: GenerationStatus
    since: datetime
    """When it entered its status."""
    queued_at: datetime
    """Since when it waits, or waited."""
    begun_at: datetime
    """When it was let in, the first time; before that, when it was changed last."""
    due_at: datetime | None
    person_id: str
    key: ConversationKey
    model: str
    """Empty without a plan."""
    expected_s: tuple[float, float] | None
    """Median and 90th percentile, in seconds; None without a plan."""
    cancel_requested: bool
    told_late: bool

    @property
    def channel(self) -> Channel:
        """Where it was asked for."""
        return self.key.platform, self.key.chat

    def put_off(self, now: datetime) -> bool:
        """Whether its clip waits, on no worker, for the next try to bring it."""
        delivering, due = self.status is GenerationStatus.DELIVERING, self.due_at
        return delivering and due is not None and now < due <= now + LONGEST_PUT_OFF


def brief(generation: Generation) -> Brief:
    """The generation in short."""
    entered = generation.entered
    return Brief(
        id=generation.id,
        revision=generation.revision,
        status=generation.status,
        since=_utc(entered.get(generation.status.value, generation.updated_at)),
        queued_at=_utc(entered.get(GenerationStatus.QUEUED.value, generation.created_at)),
        begun_at=_utc(entered.get(GenerationStatus.SUBMITTING.value, generation.updated_at)),
        due_at=None if generation.due_at is None else _utc(generation.due_at),
        person_id=generation.requester.id,
        key=generation.key,
        model=intern(generation.plan.model) if generation.plan else "",
        expected_s=generation.plan.expected_s if generation.plan else None,
        cancel_requested=generation.cancel_requested,
        told_late=generation.told_late,
    )


def _utc(moment: datetime) -> datetime:
    """The same moment with the one time zone that all share, where a row that was read brings one for each moment."""
    return moment.astimezone(UTC)


class Briefed(Protocol):
    """What they are read from: a part of `core.repositories.Generations`."""

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        """These rows as they are now, oldest first."""
        ...

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        """The revision of every generation in one of these statuses, by its id, oldest first."""
        ...


class UnderWay:
    """Remembers them from one look to the next."""

    def __init__(self, generations: Briefed) -> None:
        self._generations = generations
        self._known: dict[int, Brief] = {}
        self._looking = asyncio.Lock()

    async def look(self) -> Sequence[Brief]:
        """All of them as they are now, oldest first."""
        async with self._looking:  # who comes second reads nothing twice
            revisions = await self._generations.revisions(*RUNNING)
            self._known = {number: one for number, one in self._known.items() if number in revisions}
            changed = [
                number
                for number, revision in revisions.items()
                if (known := self._known.get(number)) is None or known.revision != revision
            ]
            async for generation in self.rows(changed):
                self._known[generation.id] = brief(generation)
            found = (self._known.get(number) for number in revisions)
            return [one for one in found if one is not None and one.status in RUNNING]

    async def rows(self, ids: Collection[int]) -> AsyncIterator[Generation]:
        """These rows as they are when it is their page's turn."""
        wanted = list(ids)
        for start in range(0, len(wanted), PAGE):
            for generation in await self._generations.some(wanted[start : start + PAGE]):
                yield generation
