"""Receivers that fall over, hang or go deaf: each is started anew, by itself and with growing pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from bot.listening import DEAF_S, Listening
from bot.metrics import Metrics
from core.messages import Incoming
from core.ports import Receive
from tests.clock import START, FakeClock


async def until(true: Callable[[], bool]) -> None:
    """Return when it is so."""
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.002)


Behaviour = Callable[["FakeReceiver"], Awaitable[None]]


class FakeReceiver:
    """The `Receiver` port, behaving differently at each start; the last behaviour goes for the rest."""

    def __init__(self, clock: FakeClock, *behaviours: Behaviour) -> None:
        self.clock = clock
        self.behaviours = behaviours
        self.starts: list[datetime] = []
        self.running = 0
        self.problem = ""
        self.broken = False

    async def run(self, receive: Receive) -> None:
        self.starts.append(self.clock.now())
        self.running += 1
        try:
            await self.behaviours[min(len(self.starts), len(self.behaviours)) - 1](self)
        finally:
            self.running -= 1

    def healthy(self, now: datetime) -> str:
        if self.broken:
            raise RuntimeError("nobody knows")
        return self.problem

    async def started(self, times: int) -> None:
        """Return when it was started so often."""
        await until(lambda: len(self.starts) >= times)

    def pauses(self) -> list[float]:
        """Seconds from each start to the next."""
        return [(after - before).total_seconds() for before, after in zip(self.starts, self.starts[1:], strict=False)]


async def receives(receiver: FakeReceiver) -> None:
    receiver.problem = ""
    await asyncio.Event().wait()


async def deaf(receiver: FakeReceiver) -> None:
    receiver.problem = "no answer"
    await asyncio.Event().wait()


async def falls_over(receiver: FakeReceiver) -> None:
    raise RuntimeError("a token 123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")


async def ends(receiver: FakeReceiver) -> None:
    return


async def nothing(incoming: Incoming) -> None:
    raise AssertionError("nothing comes in here")


@pytest.fixture
async def clock() -> AsyncIterator[FakeClock]:
    async with FakeClock() as clock:
        yield clock


@asynccontextmanager
async def listening(
    receiver: FakeReceiver, metrics: Metrics | None = None, *, look_s: float = 1.0
) -> AsyncIterator[Listening]:
    """It runs while the block does."""
    kept = Listening("fake", receiver, clock=receiver.clock, metrics=metrics or Metrics(), look_s=look_s, stop_s=0.05)
    task = asyncio.create_task(kept.run(nothing))
    try:
        yield kept
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("end", [falls_over, ends])
async def test_one_that_ends_is_started_anew_after_growing_pauses(clock: FakeClock, end: Behaviour) -> None:
    receiver, metrics = FakeReceiver(clock, end, end, end, receives), Metrics()
    async with listening(receiver, metrics) as kept:
        await receiver.started(4)
        assert kept.problem(clock.now()) == ""
        assert receiver.running == 1
    first, second, third = receiver.pauses()
    assert 0 < first < second < third < 30
    assert b'reelbot_receiver_restarts_total{platform="fake"} 3.0' in metrics.render()
    assert receiver.running == 0


async def test_what_is_wrong_meanwhile_is_said_without_what_it_was_doing(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    still = FakeClock()
    receiver = FakeReceiver(still, falls_over)
    async with listening(receiver) as kept:
        await until(lambda: kept.problem(START) == "started anew in 2 s: it failed with RuntimeError")
    assert [record.message for record in caplog.records] == ["receiver.restarted"]
    assert "AAAA" not in caplog.text + str(caplog.records[0].__dict__)


async def test_one_that_hangs_is_started_anew_and_not_before_its_time(clock: FakeClock) -> None:
    receiver = FakeReceiver(clock, deaf, receives)
    async with listening(receiver) as kept:
        await receiver.started(2)
        await asyncio.sleep(0.02)
        assert kept.problem(clock.now()) == ""
    assert DEAF_S < receiver.pauses()[0] < DEAF_S + 10


async def test_a_long_outage_is_no_storm_of_restarts(clock: FakeClock) -> None:
    receiver = FakeReceiver(clock, deaf)
    async with listening(receiver, look_s=10):
        await receiver.started(4)
    first, second, third = receiver.pauses()
    assert second > 1.8 * first
    assert third > 1.8 * second


async def test_one_that_stops_receiving_later_has_its_patience_anew(clock: FakeClock) -> None:
    async def stops(receiver: FakeReceiver) -> None:
        receiver.problem = ""
        await clock.sleep(1000)
        await deaf(receiver)

    receiver = FakeReceiver(clock, stops, receives)
    async with listening(receiver, look_s=5):
        await receiver.started(2)
    assert 1000 + DEAF_S <= receiver.pauses()[0] < 1000 + DEAF_S + 20


async def test_one_that_is_well_is_left_alone_however_long(clock: FakeClock) -> None:
    receiver = FakeReceiver(clock, receives)
    async with listening(receiver):
        await receiver.started(1)
        while clock.now() < START + timedelta(seconds=3 * DEAF_S):
            clock.advance(5)
            await asyncio.sleep(0.001)
    assert len(receiver.starts) == 1


async def test_one_that_does_not_stop_is_left_behind(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    async def never_stops(receiver: FakeReceiver) -> None:
        receiver.problem = "no answer"
        while True:
            try:
                await asyncio.sleep(0.15)
                if len(receiver.starts) > 1:
                    return
            except asyncio.CancelledError:
                continue

    receiver = FakeReceiver(clock, never_stops, receives)
    async with listening(receiver):
        await receiver.started(2)
        await until(lambda: receiver.running <= 1)
    assert "receiver.left_behind" in caplog.text


async def test_one_that_cannot_say_how_it_is_counts_as_unwell(clock: FakeClock) -> None:
    receiver = FakeReceiver(clock, receives)
    receiver.broken = True
    async with listening(receiver) as kept:
        await receiver.started(1)
        assert kept.problem(clock.now()) == "cannot say how it is: RuntimeError"


async def test_each_change_is_logged_once(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def comes_and_goes(receiver: FakeReceiver) -> None:
        for _ in range(2):
            for receiver.problem in ("", "too short", "", "no answer"):
                await clock.sleep(5 if receiver.problem == "too short" else 45)
        await receives(receiver)

    receiver = FakeReceiver(clock, comes_and_goes)
    async with listening(receiver):
        await until(lambda: clock.now() > START + timedelta(seconds=300))
    assert [record.message for record in caplog.records] == ["receiver.unwell", "receiver.well"] * 2
