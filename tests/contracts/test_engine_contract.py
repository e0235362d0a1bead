"""What every `Engine` does: in one process, and over many that share PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from adapters.engine.embedded import EmbeddedEngine
from core.product import RunningEngine
from tests.adapters.engine.cluster import Studio, running
from tests.clock import SwiftClock
from tests.storage.postgres import fresh_database

Make = Callable[[Callable[[int], Awaitable[None]]], Awaitable[RunningEngine]]


class NotingClock(SwiftClock):
    """A clock that runs fast, and notes what it was asked to wait for longer than engines wait between two looks."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Return when that many of its seconds have passed."""
        if seconds >= 1:
            self.waits.append(seconds)
        await super().sleep(seconds)


@pytest.fixture
def clock() -> NotingClock:
    """The engines' clock."""
    return NotingClock()


@pytest.fixture
def woken() -> list[int]:
    """Which generations were woken."""
    return []


@pytest.fixture(params=["embedded", "distributed"])
async def make(request: pytest.FixtureRequest, clock: NotingClock, woken: list[int]) -> AsyncIterator[Make]:
    """Makes engines of each kind over the same rows, and stops them."""
    async with AsyncExitStack() as stack:
        if request.param == "distributed":
            url = stack.enter_context(fresh_database(request.getfixturevalue("postgres_server")))

        async def make(produce: Callable[[int], Awaitable[None]]) -> RunningEngine:
            if request.param == "distributed":
                return await stack.enter_async_context(running(url, produce, woken.append, clock=clock))
            engine = EmbeddedEngine(produce, woken.append, clock=clock)
            stack.push_async_callback(engine.stop)
            return engine

        yield make


async def test_a_start_runs_it_once(make: Make) -> None:
    studio = Studio()
    engine = await make(studio.produce)
    await studio.release(7)
    await engine.start(7)
    await engine.settled(7)
    assert studio.ended == [7]


async def test_a_start_while_it_runs_changes_nothing(make: Make) -> None:
    studio = Studio()
    engine = await make(studio.produce)
    await engine.start(7)
    await studio.until(lambda: studio.begun == [7])
    await asyncio.gather(*(engine.start(7) for _ in range(5)))
    await studio.release(7)
    await engine.settled(7)
    assert studio.begun == studio.ended == [7]


async def test_starts_at_the_same_moment_never_run_it_twice_at_once(make: Make) -> None:
    studio = Studio()
    engine = await make(studio.produce)
    await asyncio.gather(*(engine.start(7) for _ in range(5)))
    await studio.until(lambda: 7 in studio.begun)
    await studio.release(7)
    await engine.settled(7)
    assert studio.most == 1
    assert studio.begun == studio.ended


async def test_a_start_after_its_end_runs_it_again(make: Make) -> None:
    studio = Studio()
    engine = await make(studio.produce)
    await studio.release(7)
    for _ in range(3):
        await engine.start(7)
        await engine.settled(7)
    assert studio.ended == [7, 7, 7]


async def test_a_crash_is_run_again_by_a_later_start(make: Make, clock: NotingClock) -> None:
    runs = 0

    async def produce(generation: int) -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("nobody foresaw this")

    engine = await make(produce)
    for expected in (1, 2, 3):
        await engine.start(7)
        await engine.settled(7)
        assert runs == expected
    assert clock.waits == [2.0, 4.0]  # so that what always crashes keeps no core busy


async def test_a_wake_reaches_what_runs(make: Make, woken: list[int]) -> None:
    studio = Studio()
    engine = await make(studio.produce)
    await engine.start(7)
    await studio.until(lambda: studio.begun == [7])
    await engine.wake(7)
    assert woken == [7]


async def test_many_run_side_by_side(make: Make) -> None:
    studio = Studio()
    engine = await make(studio.produce)
    everything = list(range(1, 21))
    for generation in everything:
        await engine.start(generation)
    await studio.until(lambda: sorted(studio.begun) == everything)
    await studio.release(*everything)
    for generation in everything:
        await engine.settled(generation)
    assert sorted(studio.ended) == everything


async def test_what_stops_is_taken_over_by_another(make: Make) -> None:
    first, second = Studio(), Studio()
    stopping = await make(first.produce)
    await stopping.start(7)
    await first.until(lambda: first.begun == [7])
    await stopping.stop()
    assert first.cut == [7]

    other = await make(second.produce)
    await other.start(7)
    await second.until(lambda: second.begun == [7])
    await second.release(7)
    await other.settled(7)
    assert second.ended == [7]
    assert first.begun == [7]
