"""The program's watcher as the benchmark plays it through: it learns, and only from what it has seen all of."""

from __future__ import annotations

from datetime import timedelta

from core.generation import Generation
from core.ports import Finished, OperationState, Running
from tests.benchmarks.figures import median
from tests.benchmarks.polling import (
    JumpingClock,
    Memory,
    Service,
    looped,
    ordered,
    service_times,
    watched,
    watcher_over,
)


async def test_the_watcher_notices_clips_sooner_than_the_loop_with_no_more_polls() -> None:
    times = service_times(600, seed=3)
    ours, theirs = await watched(times), await looped(times)
    assert ours.polls_each <= theirs.polls_each
    assert median(ours.late_s) < 0.4 * median(theirs.late_s)


async def test_what_was_finished_while_nobody_looked_teaches_nothing() -> None:
    clock, memory = JumpingClock(), Memory()
    service, watcher = Service(clock), watcher_over(memory, clock)
    fresh = Journal(clock)
    await watcher_over(memory, clock).watch(_begun(memory, clock), fresh)
    for _ in range(30):
        memory.row = ordered(1, clock.now() - timedelta(hours=3))
        service.done_at = clock.now()
        await watcher.watch(memory.row, service)
    after = Journal(clock)
    await watcher.watch(_begun(memory, clock), after)
    assert after.waits == fresh.waits


async def test_clips_that_take_longer_than_expected_put_the_first_look_off() -> None:
    clock, memory = JumpingClock(), Memory()
    service, watcher = Service(clock), watcher_over(memory, clock)
    before = Journal(clock)
    await watcher.watch(_begun(memory, clock), before)
    for _ in range(30):
        memory.row = ordered(1, clock.now())
        service.done_at = clock.now() + timedelta(seconds=100)
        await watcher.watch(memory.row, service)
    after = Journal(clock)
    await watcher.watch(_begun(memory, clock), after)
    assert after.waits[0] > before.waits[0] + 20.0


class Journal(Service):
    """Done at the fifth look; keeps how long each was waited for."""

    def __init__(self, clock: JumpingClock) -> None:
        super().__init__(clock)
        self.waits: list[float] = []
        self._last = clock.now()

    async def poll(self, operation: str) -> OperationState:
        """Note it."""
        now = self._clock.now()
        self.waits.append(round((now - self._last).total_seconds(), 3))
        self._last = now
        return Running() if len(self.waits) < 5 else Finished(location="there")


def _begun(memory: Memory, clock: JumpingClock) -> Generation:
    memory.row = ordered(1, clock.now())
    return memory.row
