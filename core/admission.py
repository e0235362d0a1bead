"""Who is next: picks queued generations, fairly among people, within the limits, and starts them.

Called when a request comes, when one ends, and by the clock. One row is claimed at a time, right before it starts, so
that a crash leaves at most one claimed row behind, which the engine starts again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.catalogue import Catalogue
from core.errors import StaleRow
from core.generation import ADMITTED, Generation, GenerationStatus
from core.ports import Changes, Clock, Engine, Generations

log = logging.getLogger("reelbot.admission")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many generations may be under way at once."""

    overall: int
    per_person: int


def queue_order(
    queued: Sequence[Generation], running: Sequence[Generation], served: Mapping[str, datetime]
) -> tuple[Generation, ...]:
    """The queued generations in the order in which they will start: whoever has the fewest under way or ahead in the
    queue comes first, then whoever was let in longest ago (`served`, by person), then whoever waits longest."""
    ahead = Counter(generation.requester.id for generation in running)
    placed: list[tuple[int, datetime, datetime, int]] = []
    for generation in sorted(queued, key=_queued_at):
        person = generation.requester.id
        last = served.get(person, _NEVER)
        placed.append((ahead[person], last, _queued_at(generation), generation.id))
        ahead[person] += 1
    by_id = {generation.id: generation for generation in queued}
    return tuple(by_id[place[3]] for place in sorted(placed))


_NEVER = datetime.min.replace(tzinfo=UTC)


def next_to_start(
    queued: Sequence[Generation],
    running: Sequence[Generation],
    capacity: Capacity,
    *,
    served: Mapping[str, datetime],
    orders_per_minute: Mapping[str, int],
    recent: Mapping[str, int],
) -> Generation | None:
    """The one to start now, or None.

    `recent`: orders of the last minute by model; `orders_per_minute`: how many a model's service takes."""
    if len(running) >= capacity.overall:
        return None
    busy = Counter(generation.requester.id for generation in running)
    for generation in queue_order(queued, running, served):
        model = generation.plan.model if generation.plan else ""
        if busy[generation.requester.id] >= capacity.per_person:
            continue
        if recent.get(model, 0) >= orders_per_minute.get(model, 1_000_000):
            continue
        return generation
    return None


def _queued_at(generation: Generation) -> datetime:
    return generation.entered.get(GenerationStatus.QUEUED.value, generation.created_at)


class Admission:
    """Lets queued generations in."""

    def __init__(
        self,
        *,
        generations: Generations,
        engine: Engine,
        catalogue: Catalogue,
        capacity: Capacity,
        clock: Clock,
    ) -> None:
        self._generations = generations
        self._engine = engine
        self._capacity = capacity
        self._clock = clock
        self._catalogue = catalogue
        self._started: list[tuple[datetime, str]] = []
        self._served: dict[str, datetime] = {}
        self._lock = asyncio.Lock()

    async def admit(self) -> None:
        """Start as many as may be started now."""
        async with self._lock:
            while await self._admit_one():
                pass

    def positions(self, queued: Sequence[Generation], running: Sequence[Generation]) -> Mapping[int, int]:
        """The place of each queued generation, 1 for the one that starts next."""
        order = queue_order(queued, running, self._served)
        return {generation.id: place for place, generation in enumerate(order, 1)}

    async def _admit_one(self) -> bool:
        now = self._clock.now()
        queued = await self._generations.with_status(GenerationStatus.QUEUED)
        if not queued:
            return False
        running = await self._generations.with_status(*ADMITTED)
        self._started = [(at, model) for at, model in self._started if now - at < timedelta(minutes=1)]
        recent = Counter(model for _, model in self._started)
        chosen = next_to_start(
            queued,
            running,
            self._capacity,
            served=self._served,
            orders_per_minute=self._catalogue.orders_per_minute(now),
            recent=recent,
        )
        if chosen is None:
            return False
        admitted = chosen.moved(GenerationStatus.SUBMITTING, now)
        try:
            await self._generations.commit(
                Changes(generations=(admitted,), conversation_id=admitted.conversation_id, at=now)
            )
        except StaleRow:
            log.info("admission.stale", extra={"generation": chosen.name})
            return True
        self._served[chosen.requester.id] = now
        if chosen.plan is not None:
            self._started.append((now, chosen.plan.model))
        await self._engine.start(chosen.id)
        return True
