"""Telegram's limits kept by several processes together: in virtual time, and over PostgreSQL against the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from adapters.telegram import TelegramConnection, TelegramPlatform
from adapters.telegram.pacing import Pacing, Urgency
from core.errors import TemporaryError
from core.messages import ConversationKey, Post, PostKind
from storage.database import Database
from storage.pace import PostgresPace
from tests.adapters.telegram.support import START, FakeClock
from tests.clock import SwiftClock
from tests.emulators.telegram import Fault, TelegramChat, TelegramEmulator
from tests.pace import VirtualPace


@pytest.fixture
def shared(clock: FakeClock) -> VirtualPace:
    return VirtualPace(clock)


@pytest.fixture
def processes(clock: FakeClock, shared: VirtualPace) -> list[Pacing]:
    return [Pacing(clock, shared=shared) for _ in range(3)]


async def _sent(processes: Sequence[Pacing], clock: FakeClock, chats: Sequence[str], *, edits: str = "") -> list[float]:
    """Seconds from the start at which each message goes, all wanted at once, from each process in turn; what is told
    to come back does so."""

    async def one(number: int, chat: str) -> float:
        while True:
            try:
                assert await processes[number % len(processes)].turn(chat, edits=edits)
            except TemporaryError as error:
                assert error.retry_after is not None
                await clock.sleep(error.retry_after)
            else:
                return (clock.now() - START).total_seconds()

    return sorted(await asyncio.gather(*(one(number, chat) for number, chat in enumerate(chats))))


def _most_in(seconds: float, times: Sequence[float]) -> int:
    return max(sum(first <= time < first + seconds for time in times) for first in times)


# --- in virtual time -------------------------------------------------------------------------------------------------


async def test_together_they_send_thirty_a_second(clock: FakeClock, processes: list[Pacing]) -> None:
    times = await _sent(processes, clock, [str(number) for number in range(100)])
    assert 20 <= _most_in(1.0, times) <= 30
    assert times[-1] < 6


async def test_together_they_send_three_in_three_seconds_to_a_chat(clock: FakeClock, processes: list[Pacing]) -> None:
    times = await _sent(processes, clock, ["5"] * 12)
    assert _most_in(3.0, times) <= 3
    assert times[-1] < 25


async def test_together_they_send_twenty_a_minute_to_a_group(clock: FakeClock, processes: list[Pacing]) -> None:
    times = await _sent(processes, clock, ["-7"] * 36)
    assert 10 <= _most_in(60.0, times) <= 20
    assert times[-1] < 200


async def test_edits_are_not_in_the_groups_minute(
    clock: FakeClock, processes: list[Pacing], shared: VirtualPace
) -> None:
    await _sent(processes, clock, ["-7"], edits="3")
    clock.advance(10)
    await _sent(processes, clock, ["-7"])
    assert shared.asked == [("telegram", "telegram chat -7"), ("telegram", "telegram chat -7", "telegram group -7")]


async def test_a_full_chat_does_not_hold_up_the_others(clock: FakeClock, processes: list[Pacing]) -> None:
    one, other, _ = processes
    await one.turn("5")
    waiting = asyncio.create_task(other.turn("5"))
    await asyncio.sleep(0)
    for chat in range(10, 20):
        await other.turn(str(chat))
    assert (clock.now() - START).total_seconds() < 1.5
    assert not waiting.done()
    assert await waiting


async def test_progress_is_dropped_when_others_have_taken_the_place(clock: FakeClock, processes: list[Pacing]) -> None:
    one, other, _ = processes
    assert await one.turn("5", urgency=Urgency.PROGRESS, edits="1")
    assert await other.turn("5", urgency=Urgency.PROGRESS, edits="2") is False
    assert clock.now() == START
    assert await other.turn("5", edits="2")


async def test_final_messages_go_before_progress(clock: FakeClock, processes: list[Pacing]) -> None:
    await processes[0].turn("5")
    order: list[str] = []

    async def one(name: str, urgency: Urgency, edits: str) -> None:
        if await processes[1].turn("5", urgency=urgency, edits=edits):
            order.append(name)

    await asyncio.gather(
        one("progress", Urgency.PROGRESS, "1"), one("clip", Urgency.FINAL, ""), one("card", Urgency.FINAL, "2")
    )
    assert order == ["clip", "card"]


async def test_what_would_wait_long_comes_back_later(clock: FakeClock, shared: VirtualPace) -> None:
    pacing = Pacing(clock, group_per_min=2, shared=shared)
    await pacing.turn("-7")
    with pytest.raises(TemporaryError) as caught:
        await Pacing(clock, group_per_min=2, shared=shared).turn("-7")
    assert caught.value.retry_after == 60
    assert clock.now() == START


async def test_a_429_is_kept_by_the_others(clock: FakeClock, processes: list[Pacing]) -> None:
    await processes[0].hold("5", 70)
    for number, pacing in enumerate(processes):
        with pytest.raises(TemporaryError) as caught:
            await pacing.turn("5")
        assert caught.value.retry_after == 70
        assert await pacing.turn(f"6{number}")
    clock.advance(70)
    assert await processes[1].turn("5")


async def test_two_429s_stop_every_process(clock: FakeClock, processes: list[Pacing]) -> None:
    await processes[0].hold("5", 70)
    await processes[0].hold("6", 40)
    with pytest.raises(TemporaryError) as caught:
        await processes[1].turn("9")
    assert caught.value.retry_after == 70


async def test_without_the_shared_pace_nothing_is_sent(
    clock: FakeClock, processes: list[Pacing], shared: VirtualPace
) -> None:
    shared.away = True
    with pytest.raises(TemporaryError) as caught:
        await processes[0].turn("5")
    assert caught.value.retry_after is not None and 0 < caught.value.retry_after <= 5
    with pytest.raises(TemporaryError):
        await processes[0].turn("5", urgency=Urgency.PROGRESS, edits="1")
    await processes[0].hold("6", 7)
    with pytest.raises(TemporaryError):
        await processes[0].turn("6")
    shared.away = False
    assert await processes[0].turn("5")


async def test_who_is_cancelled_holds_nobody_up(clock: FakeClock, processes: list[Pacing]) -> None:
    await processes[0].turn("5")
    waiting = [asyncio.create_task(processes[1].turn("5")) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await processes[1].turn("5")
    assert (clock.now() - START).total_seconds() < 5


# --- over PostgreSQL, against the emulator -------------------------------------------------------------------------


@pytest.fixture
async def two(tg: TelegramEmulator, postgres_url: str) -> AsyncIterator[tuple[TelegramPlatform, TelegramPlatform]]:
    """The platforms of two processes; twenty messages a second is what they may send together."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            database = Database(postgres_url)
            stack.push_async_callback(database.close)
            connection = TelegramConnection(token=tg.token, api_url=tg.url, timeout_s=5.0, loopback_only=True)
            stack.push_async_callback(connection.close)
            clock = SwiftClock(1.0)
            made.append(TelegramPlatform(connection, clock=clock, overall_per_s=20, shared=PostgresPace(database)))
        yield made[0], made[1]


def _key(chat: TelegramChat) -> ConversationKey:
    return ConversationKey(platform="telegram", chat=str(chat.id))


def _refused(tg: TelegramEmulator) -> list[str]:
    return [call.error for call in tg.calls("*") if call.error is not None]


async def test_two_processes_stay_within_what_telegram_takes(
    tg: TelegramEmulator, two: tuple[TelegramPlatform, TelegramPlatform]
) -> None:
    tg.rate_limit(overall_per_second=28)  # some more than they allow themselves, since the way there takes its time
    chats = [tg.private(tg.user(f"Person {number}")) for number in range(36)]
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(two[number % 2].post(Post(key=_key(chat), text="x"), "") for number, chat in enumerate(chats))
        )
    assert _refused(tg) == []
    assert all(len(chat.messages) == 1 for chat in chats)


async def test_a_429_that_one_process_gets_holds_the_other(
    tg: TelegramEmulator, two: tuple[TelegramPlatform, TelegramPlatform]
) -> None:
    chat, elsewhere = tg.private(tg.user("Anna")), tg.private(tg.user("Ben"))
    tg.faults.add(Fault(match="sendMessage", status=429, retry_after=700))
    for platform in two:
        with pytest.raises(TemporaryError) as caught:
            await platform.post(Post(key=_key(chat), text="x"), "")
        assert caught.value.retry_after is not None and 600 < caught.value.retry_after <= 700
    assert len(tg.calls("sendMessage")) == 1
    await two[1].post(Post(key=_key(elsewhere), text="x"), "")
    assert len(elsewhere.messages) == 1


async def test_progress_of_the_other_process_is_dropped_and_final_words_are_not(
    tg: TelegramEmulator, two: tuple[TelegramPlatform, TelegramPlatform]
) -> None:
    chat = tg.private(tg.user("Anna"))
    status = Post(key=_key(chat), kind=PostKind.STATUS, text="0 %", progress=0.0)
    message_id = await two[0].post(status, "")
    assert await two[1].post(status, message_id) == message_id
    assert tg.calls("editMessageText") == []
    await two[1].post(replace(status, text="Done", progress=None, quiet=True), message_id)
    assert chat.messages[0].said == "Done"
