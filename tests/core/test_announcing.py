"""Telling programs outside: in order, at least once, for a day. Real rows, a fake receiver, and time as it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from core.announcing import (
    AT_ONCE,
    FORGOTTEN_AT_ONCE,
    FORGOTTEN_EVERY,
    KEPT_GIVEN_UP,
    KEPT_TOLD,
    MAX_ASKED_S,
    Announcing,
)
from core.errors import PermanentError, TemporaryError
from core.events import DAY, WAITS_S, Event, event_of
from core.generation import GenerationStatus
from core.repositories import Changes
from storage.database import Database
from storage.events import EventStore
from storage.store import SqlStore
from tests.clock import START, FakeClock
from tests.core.test_generation import a_plan
from tests.storage.samples import a_conversation, a_generation
from tests.storage.sqlite import fresh_file

S = GenerationStatus
CLAIM_S = 30.0


class FakeReceiver:
    """The port `Announcer`: takes events unless there is an error to raise, and can be made to wait."""

    def __init__(self) -> None:
        self.tried: list[Event] = []
        self.taken: list[Event] = []
        self.errors: dict[int, Exception] = {}
        """What is raised for each generation's events."""
        self.open = asyncio.Event()
        self.open.set()
        self.most = 0
        self._at_once = 0
        self._came = asyncio.Condition()

    async def tries(self, count: int) -> None:
        """Return when so many tries have come in."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.tried) >= count)

    async def announce(self, event: Event) -> None:
        async with self._came:
            self.tried.append(event)
            self._came.notify_all()
        self._at_once += 1
        self.most = max(self.most, self._at_once)
        try:
            await self.open.wait()
        finally:
            self._at_once -= 1
        if (error := self.errors.get(event.generation_id)) is not None:
            raise error
        self.taken.append(event)


class Wire:
    """Rows, a receiver, and what tells it."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.clock = FakeClock()
        self.receiver = FakeReceiver()
        self.announcing = self.announcer()

    def announcer(self) -> Announcing:
        """One that starts anew over the same rows."""
        return Announcing(events=self.store.events, announcer=self.receiver, clock=self.clock, claim_s=CLAIM_S)

    async def go(self, number: int, *statuses: GenerationStatus) -> None:
        """Move a generation, one save for each status."""
        generation = await self.store.generation(number) or a_generation(number, plan=a_plan())
        for status in statuses:
            self.clock.advance(0.001)
            generation = generation.moved(status, self.clock.now())
            await self.store.commit(Changes(generations=(generation,), at=self.clock.now()))
            generation = replace(generation, revision=generation.revision + 1)

    async def tell(self, *numbers: int) -> None:
        """Tell what is due."""
        await self.announcing.sweep()
        for number in numbers or (1,):
            await self.announcing.settled(number)

    async def later(self, seconds: float) -> None:
        """Let time pass, and tell what is due then."""
        self.clock.advance(seconds)
        await self.tell()

    def statuses(self, number: int = 1) -> list[object]:
        """What arrived about a generation."""
        return [event.data["status"] for event in self.receiver.taken if event.generation_id == number]


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    """Over a fresh database with a conversation in it."""
    store = SqlStore(fresh_file(tmp_path), announce=event_of)
    await store.commit(Changes(conversations=(a_conversation(),), at=START))
    wire = Wire(store)
    yield wire
    wire.receiver.open.set()
    await wire.announcing.stop(0.1)
    await store.close()


async def test_a_generations_events_arrive_in_order_and_once(wire: Wire) -> None:
    await wire.go(1, S.QUEUED, S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING, S.COMPLETED)
    await wire.tell()
    await wire.tell()
    expected = ["queued", "submitting", "processing", "downloading", "delivering", "completed"]
    assert wire.statuses() == expected
    assert len({event.id for event in wire.receiver.taken}) == len(expected)


async def test_the_next_event_waits_for_the_one_before_it_and_other_generations_do_not(wire: Wire) -> None:
    await wire.go(1, S.QUEUED, S.SUBMITTING)
    await wire.go(2, S.QUEUED)
    wire.receiver.errors[1] = TemporaryError()
    await wire.tell(1, 2)
    assert wire.statuses(2) == ["queued"]
    assert [event.data["status"] for event in wire.receiver.tried if event.generation_id == 1] == ["queued"]
    del wire.receiver.errors[1]
    await wire.later(WAITS_S[0] - 1)
    assert wire.statuses() == []
    await wire.later(1)
    assert wire.statuses() == ["queued", "submitting"]
    first, second = (
        event for event in wire.receiver.tried if event.data["status"] == "queued" and event.generation_id == 1
    )
    assert first == second


async def test_a_save_wakes_the_one_who_tells(wire: Wire) -> None:
    wire.store.announced = wire.announcing.wake
    await wire.go(1, S.QUEUED)
    await wire.announcing.settled(1)
    assert wire.statuses() == ["queued"]


async def test_after_a_day_an_event_is_a_dead_letter_and_the_next_one_has_its_turn(wire: Wire) -> None:
    await wire.go(1, S.QUEUED, S.SUBMITTING)
    wire.receiver.errors[1] = TemporaryError()
    began = wire.clock.now()
    await wire.tell()
    while not (dead := await wire.store.events.listed(given_up=True, limit=10)):
        if wire.clock.now() - began > DAY * 2:
            raise AssertionError("it is tried for ever")
        await wire.later(600)
    assert [kept.event.data["status"] for kept in dead] == ["queued"]
    assert DAY <= wire.clock.now() - began < DAY * 1.01
    assert wire.receiver.tried[-1].data["status"] == "submitting", "it was its turn at once"
    del wire.receiver.errors[1]
    await wire.later(WAITS_S[0])
    assert wire.statuses() == ["submitting"]

    assert await wire.store.events.replay(None, wire.clock.now()) == (dead[0].event.id,)
    await wire.tell()
    assert wire.statuses() == ["submitting", "queued"]
    assert not await wire.store.events.listed(given_up=True, limit=10)


async def test_what_nobody_wants_is_a_dead_letter_at_once(wire: Wire) -> None:
    await wire.go(1, S.QUEUED, S.SUBMITTING)
    wire.receiver.errors[1] = PermanentError("gone")
    await wire.tell()
    assert len(await wire.store.events.listed(given_up=True, limit=10)) == 2
    assert len(wire.receiver.tried) == 2


async def test_a_receiver_that_asks_for_time_gets_it_up_to_an_hour(wire: Wire) -> None:
    await wire.go(1, S.QUEUED)
    wire.receiver.errors[1] = TemporaryError(retry_after=10 * MAX_ASKED_S)
    await wire.tell()
    await wire.later(MAX_ASKED_S - 1)
    assert len(wire.receiver.tried) == 1
    await wire.later(1)
    assert len(wire.receiver.tried) == 2


async def test_an_error_that_nobody_foresaw_is_tried_again(wire: Wire) -> None:
    await wire.go(1, S.QUEUED)
    wire.receiver.errors[1] = ValueError("what is this")
    await wire.tell()
    del wire.receiver.errors[1]
    await wire.later(WAITS_S[0])
    assert wire.statuses() == ["queued"]


async def test_only_so_many_are_on_their_way_at_once(wire: Wire) -> None:
    numbers = range(1, AT_ONCE + 5)
    for number in numbers:
        await wire.go(number, S.QUEUED)
    wire.receiver.open.clear()
    await wire.announcing.sweep()
    await wire.receiver.tries(AT_ONCE)
    await asyncio.sleep(0.05)
    wire.receiver.open.set()
    for number in numbers:
        await wire.announcing.settled(number)
    assert wire.receiver.most == AT_ONCE
    assert len(wire.receiver.taken) == len(numbers)


async def test_what_was_cut_off_is_told_again_under_the_same_id_once_the_claim_ends(wire: Wire) -> None:
    await wire.go(1, S.QUEUED, S.SUBMITTING)
    wire.receiver.open.clear()
    await wire.announcing.sweep()
    await wire.receiver.tries(1)
    cut_off, wire.announcing = wire.announcing, wire.announcer()
    await wire.tell()
    assert len(wire.receiver.tried) == 1, "somebody else is at it"
    await cut_off.stop(0.0)
    wire.receiver.open.set()
    await wire.later(CLAIM_S)
    assert wire.statuses() == ["queued", "submitting"]
    assert wire.receiver.tried[0] == wire.receiver.tried[1]


async def test_a_stop_lets_what_is_on_its_way_arrive_and_begins_nothing(wire: Wire) -> None:
    await wire.go(1, S.QUEUED, S.SUBMITTING)
    wire.receiver.open.clear()
    await wire.announcing.sweep()
    await wire.receiver.tries(1)
    stopping = asyncio.create_task(wire.announcing.stop(5.0))
    await asyncio.sleep(0.01)
    wire.receiver.open.set()
    await stopping
    assert wire.statuses() == ["queued"]
    wire.announcing = wire.announcer()
    await wire.tell()
    assert wire.statuses() == ["queued", "submitting"]


# --- forgetting ------------------------------------------------------------------------------------------------------


async def test_what_was_told_is_forgotten_after_a_month_and_what_nobody_took_after_three(wire: Wire) -> None:
    wire.receiver.errors[2] = PermanentError("gone")
    await wire.go(1, S.QUEUED, S.SUBMITTING)
    await wire.go(2, S.QUEUED)
    await wire.tell(1, 2)

    async def kept() -> list[int]:
        return [one.event.generation_id for one in await wire.store.events.listed(given_up=False, limit=100)]

    await wire.later(KEPT_TOLD.total_seconds())
    assert await kept() == [1, 1, 2]
    await wire.later(FORGOTTEN_EVERY.total_seconds() - 1)
    assert await kept() == [1, 1, 2], "it was looked for less than an hour ago"
    await wire.later(1)
    assert await kept() == [2]
    await wire.later((KEPT_GIVEN_UP - KEPT_TOLD).total_seconds())
    assert await kept() == []


class Old(EventStore):
    """Rows with so many events to forget."""

    old = 0

    async def prune(self, told_before: datetime, given_up_before: datetime, limit: int) -> int:
        forgotten = min(self.old, limit)
        self.old -= forgotten
        return forgotten


async def test_many_are_forgotten_in_one_sweep_after_the_other(tmp_path: Path) -> None:
    database = Database(fresh_file(tmp_path))
    rows = Old(database)
    announcing = Announcing(events=rows, announcer=FakeReceiver(), clock=FakeClock(), claim_s=CLAIM_S)
    rows.old = 2 * FORGOTTEN_AT_ONCE + 1
    left = []
    for _ in range(3):
        await announcing.sweep()
        left.append(rows.old)
    assert left == [FORGOTTEN_AT_ONCE + 1, 1, 0]
    rows.old = 1
    await announcing.sweep()
    assert rows.old == 1, "there was nothing more a moment ago"
    await announcing.stop(0.1)
    await database.close()
