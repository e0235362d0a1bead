"""A pause ends in time, or when somebody wakes it, and a cancellation is never taken for a wake."""

from __future__ import annotations

import asyncio

import pytest

from core.waits import Waits
from tests.clock import FakeClock


class Sleeper:
    """A task that pauses once and says what came of it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.waits = Waits(self.clock)
        self.went_on = False

    async def run(self, seconds: float = 10.0) -> None:
        await self.waits.pause(1, seconds)
        self.went_on = True
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def begun(self) -> asyncio.Task[None]:
        """The task, once it sleeps."""
        task = asyncio.create_task(self.run())
        await asyncio.sleep(0)
        assert not self.went_on
        return task


async def test_it_ends_when_the_time_has_come() -> None:
    sleeper = Sleeper()
    task = await sleeper.begun()
    sleeper.clock.advance(9)
    await asyncio.sleep(0)
    assert not sleeper.went_on
    sleeper.clock.advance(1)
    await task
    assert sleeper.went_on


async def test_who_is_woken_goes_on_at_once_and_is_not_cancelled() -> None:
    sleeper = Sleeper()
    task = await sleeper.begun()
    sleeper.waits.wake(1)
    sleeper.waits.wake(1)
    await task
    assert sleeper.went_on
    assert task.cancelling() == 0


async def test_who_was_woken_before_does_not_pause_once() -> None:
    sleeper = Sleeper()
    sleeper.waits.wake(1)
    await sleeper.run()
    assert sleeper.went_on
    sleeper.went_on = False
    task = await sleeper.begun()
    task.cancel()


async def test_a_wake_that_is_forgotten_ends_no_pause() -> None:
    sleeper = Sleeper()
    sleeper.waits.wake(1)
    sleeper.waits.forget(1)
    task = await sleeper.begun()
    task.cancel()


async def test_a_cancellation_is_no_wake() -> None:
    sleeper = Sleeper()
    task = await sleeper.begun()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not sleeper.went_on
    sleeper.waits.wake(1)  # nobody is hit by it


@pytest.mark.parametrize("wake_first", [True, False])
async def test_a_cancellation_together_with_a_wake_stays_one(wake_first: bool) -> None:
    sleeper = Sleeper()
    task = await sleeper.begun()
    if wake_first:
        sleeper.waits.wake(1)
    task.cancel()
    if not wake_first:
        sleeper.waits.wake(1)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not sleeper.went_on


async def test_a_wake_together_with_the_end_of_the_pause_hits_nothing_later() -> None:
    sleeper = Sleeper()
    task = await sleeper.begun()
    sleeper.clock.advance(10)
    sleeper.waits.wake(1)
    await task
    assert sleeper.went_on
    assert task.cancelling() == 0


async def test_a_time_limit_around_it_still_holds() -> None:
    sleeper = Sleeper()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await sleeper.waits.pause(1, 10)
    assert not sleeper.went_on


async def test_of_two_that_pause_for_the_same_one_each_is_cancelled_by_itself() -> None:
    sleeper = Sleeper()
    first, second = await sleeper.begun(), await sleeper.begun()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    sleeper.waits.wake(1)
    await second
    assert sleeper.went_on
