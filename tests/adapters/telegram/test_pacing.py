"""Telegram's limits in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from adapters.telegram.pacing import Pacing, Urgency
from core.errors import TemporaryError
from tests.adapters.telegram.support import START, FakeClock


async def _sent(pacing: Pacing, clock: FakeClock, chats: list[str], *, edits: str = "") -> list[float]:
    """Seconds from the start at which each message goes, all wanted at once."""

    async def one(chat: str) -> float:
        assert await pacing.turn(chat, edits=edits)
        return (clock.now() - START).total_seconds()

    return sorted(await asyncio.gather(*(one(chat) for chat in chats)))


async def test_a_burst_in_one_chat_then_one_a_second() -> None:
    clock = FakeClock()
    times = await _sent(Pacing(clock), clock, ["5"] * 10)
    assert times[:3] == [0, 0, 0]
    assert all(later - earlier >= 3 for earlier, later in zip(times, times[3:], strict=False))
    assert times[-1] < 10


async def test_thirty_a_second_overall() -> None:
    clock = FakeClock()
    times = await _sent(Pacing(clock), clock, [str(number) for number in range(75)])
    assert max(Counter(int(time) for time in times).values()) <= 30
    assert times[-1] < 2.5


async def test_twenty_new_messages_a_minute_in_a_group() -> None:
    clock = FakeClock()
    times = await _sent(Pacing(clock), clock, ["-7"] * 25)
    assert sum(time < 60 for time in times) == 20
    assert 60 <= times[20] < 65


async def test_edits_do_not_count_for_a_groups_minute() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    await _sent(pacing, clock, ["-7"] * 25, edits="3")
    before = clock.now()
    await pacing.turn("-7")
    assert (clock.now() - before).total_seconds() < 3


async def test_final_messages_go_before_progress() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, chat_burst=1)
    await pacing.turn("5")
    order: list[str] = []

    async def one(name: str, urgency: Urgency, edits: str) -> None:
        await pacing.turn("5", urgency=urgency, edits=edits)
        order.append(name)

    await asyncio.gather(
        one("progress", Urgency.PROGRESS, "1"), one("clip", Urgency.FINAL, ""), one("card", Urgency.FINAL, "2")
    )
    assert order == ["clip", "card", "progress"]


async def test_progress_is_dropped_for_something_newer() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, chat_burst=1)
    await pacing.turn("5")
    old = asyncio.create_task(pacing.turn("5", urgency=Urgency.PROGRESS, edits="1"))
    other = asyncio.create_task(pacing.turn("5", urgency=Urgency.PROGRESS, edits="2"))
    await asyncio.sleep(0)
    assert await pacing.turn("5", edits="1")
    assert await old is False
    assert await other is True


async def test_a_429_pauses_its_chat_only() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    pacing.pause("5", 7)
    with pytest.raises(TemporaryError) as caught:
        await pacing.turn("5")
    assert caught.value.retry_after == 7
    assert await pacing.turn("6")
    clock.advance(7)
    assert await pacing.turn("5")


async def test_two_429s_pause_everything() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    pacing.pause("5", 7)
    pacing.pause("6", 4)
    with pytest.raises(TemporaryError) as caught:
        await pacing.turn("9")
    assert caught.value.retry_after == 7
    clock.advance(8)
    assert await pacing.turn("9")


async def test_no_pause_grows_when_the_clock_is_set_back() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    pacing.pause("5", 7)
    pacing.pause("6", 4)
    clock.advance(-3600)
    for chat in ("5", "9"):
        with pytest.raises(TemporaryError) as caught:
            await pacing.turn(chat)
        assert caught.value.retry_after == 7
    clock.advance(7)
    assert await pacing.turn("5")
    assert await pacing.turn("9")


async def test_a_pause_reaches_those_who_wait_already() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, chat_burst=1)
    await pacing.turn("5")
    waiting = asyncio.create_task(pacing.turn("5"))
    await asyncio.sleep(0)
    pacing.pause("5", 60)
    with pytest.raises(TemporaryError):
        await waiting


async def test_cancelled_waiters_hold_nobody_up() -> None:
    clock = FakeClock(held=True)
    pacing = Pacing(clock, chat_burst=1)
    await pacing.turn("5")
    waiting = asyncio.create_task(pacing.turn("5"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    clock.advance(1)
    assert await pacing.turn("5", urgency=Urgency.PROGRESS, edits="1")


async def test_of_many_who_wait_for_everybodys_limit_one_looks_at_the_clock() -> None:
    clock = FakeClock()
    many = 300
    times = await _sent(Pacing(clock), clock, [str(number) for number in range(many)])
    assert times[-1] == many / 30 - 1
    assert len(clock.slept) <= many


async def test_whoever_is_more_urgent_goes_to_the_front_of_the_line() -> None:
    clock = FakeClock(held=True)
    pacing = Pacing(clock, overall_per_s=1)
    await pacing.turn("1")
    order: list[str] = []

    async def one(chat: str, urgency: Urgency) -> None:
        await pacing.turn(chat, urgency=urgency, edits="1")
        order.append(chat)

    async with asyncio.TaskGroup() as tasks:
        for chat, urgency in (("2", Urgency.PROGRESS), ("3", Urgency.FINAL), ("4", Urgency.FINAL)):
            tasks.create_task(one(chat, urgency))
            await asyncio.sleep(0)
        for count in range(1, 4):
            clock.advance(1)
            await clock.until_slept(min(2 + count, 4))
            async with asyncio.timeout(1):
                while len(order) < count:  # noqa: ASYNC110 - a journal
                    await asyncio.sleep(0.001)
    assert order == ["3", "4", "2"]


@pytest.mark.parametrize("left", ["cancelled", "paused", "replaced"])
async def test_who_leaves_the_line_lets_the_next_one_go(left: str) -> None:
    clock = FakeClock(held=True)
    pacing = Pacing(clock, overall_per_s=1)
    await pacing.turn("1")
    urgency = Urgency.PROGRESS if left == "replaced" else Urgency.FINAL
    first = asyncio.create_task(pacing.turn("2", urgency=urgency, edits="7"))
    await clock.until_slept(1)
    second = asyncio.create_task(pacing.turn("3", urgency=Urgency.PROGRESS, edits="8"))
    third = asyncio.create_task(pacing.turn("2", urgency=Urgency.PROGRESS, edits="7")) if left == "replaced" else None
    await asyncio.sleep(0)
    if left == "cancelled":
        first.cancel()
    elif left == "paused":
        pacing.pause("2", 60)
    clock.advance(1)
    async with asyncio.timeout(1):
        assert await second
    outcome = (await asyncio.gather(first, return_exceptions=True))[0]
    assert outcome is False if left == "replaced" else isinstance(outcome, (asyncio.CancelledError, TemporaryError))
    if third is not None:
        clock.advance(1)
        async with asyncio.timeout(1):
            assert await third


async def test_what_is_replaced_leaves_the_line_before_its_turn() -> None:
    clock = FakeClock(held=True)
    pacing = Pacing(clock, overall_per_s=1)
    await pacing.turn("1")
    before = [asyncio.create_task(pacing.turn(str(chat))) for chat in (2, 3)]
    old = asyncio.create_task(pacing.turn("4", urgency=Urgency.PROGRESS, edits="7"))
    await asyncio.sleep(0)
    new = asyncio.create_task(pacing.turn("4", urgency=Urgency.PROGRESS, edits="7"))
    async with asyncio.timeout(1):
        assert await old is False
    for task in (*before, new):
        task.cancel()
    await asyncio.gather(*before, new, return_exceptions=True)


async def test_a_clock_that_is_set_back_does_not_stop_us() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, chat_burst=1)
    await pacing.turn("5")
    clock.advance(-86_400)
    before = clock.now()
    await pacing.turn("5")
    assert (clock.now() - before).total_seconds() <= 1


async def test_idle_chats_are_forgotten() -> None:
    clock = FakeClock()
    pacing = Pacing(clock)
    for number in range(1_100):
        await pacing.turn(str(number))
        clock.advance(1)
    assert len(pacing._chats) < 1_010
