"""How long it still takes: the place of each queued generation, and when it is expected to start.

Plays through what `core.admission` will do, with the times that clips of each model usually take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from core.admission import LOOK_BACK, Capacity, Line
from core.catalogue import Catalogue
from core.generation import GenerationStatus
from core.ports import Clock
from core.repositories import Admitted, Generations
from core.under_way import Brief


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedStart:
    """When a queued generation will start."""

    place: int
    """1 for the one that starts next."""
    at: datetime | None
    """None when it will not start as things are, because nothing may be under way."""


def expected_starts(
    queued: Sequence[Brief],
    running: Sequence[Brief],
    capacity: Capacity,
    *,
    admitted: Sequence[Admitted],
    orders_per_minute: Mapping[str, int],
    now: datetime,
) -> Mapping[int, ExpectedStart]:
    """The place and the expected start of each queued generation, by its id.

    What is under way ends after its expected (median) time; what takes longer than that is taken to end now, in the
    order in which it was begun. `admitted`, `orders_per_minute`: as in `core.admission.Line`."""
    line = Line(queued, running, capacity, admitted=admitted, orders_per_minute=orders_per_minute)
    begun = sorted(running, key=lambda generation: (_started_at(generation, now), generation.id))
    ends = [(max(now, _started_at(one, now) + _takes(one)), number, one) for number, one in enumerate(begun)]
    heapify(ends)
    starts: dict[int, ExpectedStart] = {}
    at = now
    while len(starts) < len(queued):
        chosen = line.next(at)
        if chosen is not None:
            line.begin(chosen, at)
            starts[chosen.id] = ExpectedStart(place=len(starts) + 1, at=at)
            heappush(ends, (at + _takes(chosen), len(running) + len(starts), chosen))
            continue
        reopens = line.reopens_at()
        if ends and (reopens is None or ends[0][0] <= reopens):
            at, _, ended = heappop(ends)
            line.end(ended)
        elif reopens is not None:
            at = reopens
        else:
            break
    for left in sorted((one for one in queued if one.id not in starts), key=lambda one: one.queued_at):
        starts[left.id] = ExpectedStart(place=len(starts) + 1, at=None)
    return starts


def _started_at(generation: Brief, now: datetime) -> datetime:
    """When its work began, or will: a busy service may have put the order off."""
    due = generation.due_at
    if generation.status is GenerationStatus.SUBMITTING and due is not None and due > now:
        return due
    return generation.begun_at


def _takes(generation: Brief) -> timedelta:
    return timedelta(seconds=generation.expected_s[0] if generation.expected_s else 0.0)


class Forecast:
    """Tells when what waits will start, as the rows are now."""

    def __init__(self, *, generations: Generations, catalogue: Catalogue, capacity: Capacity, clock: Clock) -> None:
        self._generations = generations
        self._catalogue = catalogue
        self._capacity = capacity
        self._clock = clock

    async def starts(self, queued: Sequence[Brief], running: Sequence[Brief]) -> Mapping[int, ExpectedStart]:
        """The place and the expected start of each queued generation, by its id."""
        if not queued:
            return {}
        now = self._clock.now()
        return expected_starts(
            queued,
            running,
            self._capacity,
            admitted=await self._generations.admitted(now - LOOK_BACK),
            orders_per_minute=self._catalogue.orders_per_minute(now),
            now=now,
        )
