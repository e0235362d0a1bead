"""The clock: ticks that go on whatever a tick does, and a clean end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from bot.clock import SystemClock, Ticker
from core.errors import TemporaryError


async def test_the_time_is_in_utc() -> None:
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(0)
    assert before.tzinfo is UTC
    assert timedelta(0) <= datetime.now(UTC) - before < timedelta(seconds=5)


async def test_a_tick_that_fails_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    count, thrice = 0, asyncio.Event()

    async def tick() -> None:
        nonlocal count
        count += 1
        if count == 3:
            thrice.set()
        raise RuntimeError("the database is away")

    ticker = Ticker()
    ticker.add("sweep", 0.01, tick)
    async with ticker, asyncio.timeout(5):
        await thrice.wait()
    count = 0
    await asyncio.sleep(0.05)
    assert count == 0


async def test_a_tick_that_has_to_wait_for_the_database_is_one_line_in_the_log() -> None:
    thrice = asyncio.Event()
    count = 0

    async def tick() -> None:
        nonlocal count
        count += 1
        if count == 3:
            thrice.set()
        raise TemporaryError("The database does not answer.")

    ticker = Ticker()
    ticker.add("sweep", 0.01, tick)
    with capture_logs() as logs:
        async with ticker, asyncio.timeout(5):
            await thrice.wait()
    assert {"tick": "sweep", "event": "tick_put_off", "log_level": "warning"}.items() <= logs[0].items()
    assert logs[0]["reason"] == "The database does not answer."
    assert not any("exc_info" in line for line in logs)


async def test_a_tick_does_not_overtake_itself_or_the_others() -> None:
    running, most, quick = 0, 0, asyncio.Event()

    async def slow() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1

    async def other() -> None:
        quick.set()

    ticker = Ticker()
    ticker.add("slow", 0.01, slow)
    ticker.add("other", 0.01, other)
    async with ticker, asyncio.timeout(5):
        await quick.wait()
        await asyncio.sleep(0.15)
    assert most == 1


async def test_the_end_waits_for_a_tick_to_clean_up() -> None:
    started, cleaned = asyncio.Event(), False

    async def tick() -> None:
        nonlocal cleaned
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned = True

    ticker = Ticker()
    ticker.add("long", 0.01, tick)
    async with ticker, asyncio.timeout(5):
        await started.wait()
    assert cleaned


async def test_nothing_begins_and_nothing_is_logged_while_the_last_tick_cleans_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, late = asyncio.Event(), 0

    async def long() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            # What a transaction takes that is under way: other ticks are due meanwhile, and one in the very moment in
            # which the clock is switched off.
            await asyncio.sleep(0.02)

    async def short() -> None:
        nonlocal late
        late += ended

    for _ in range(10):
        ended = False
        begun.clear()
        ticker = Ticker()
        ticker.add("long", 0.001, long)
        for number in range(20):
            ticker.add(f"short {number}", 0.001, short)
        async with ticker, asyncio.timeout(5):
            await begun.wait()
            ended = True
        await asyncio.sleep(0)
    assert late == 0
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
