"""When the program was last alive, kept by machines whose clocks disagree: on PostgreSQL the database's clock counts.

Outages are made by setting back what is kept: the database's clock cannot be moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from core import texts
from core.absence import AWAY, Absence
from core.claiming import Alone
from core.messages import Incoming
from core.outbox import Outbox
from core.repositories import Changes
from storage.migrations import upgrade
from storage.store import SqlStore
from tests.clock import FakeClock
from tests.fakes import FakePlatform
from tests.storage.postgres import empty_tables, fresh_database, postgres_available, private_postgres
from tests.storage.samples import KEY, NOW, a_conversation, a_generation, later
from tests.storage.sqlite import fresh_file

needs_postgres = pytest.mark.skipif(not postgres_available(), reason="PostgreSQL is not installed")
OFF = timedelta(hours=3)
"""How far the machines' clocks are apart."""


@pytest.fixture(scope="module")
def migrated() -> Iterator[str]:
    """A database with tables."""
    with private_postgres() as server, fresh_database(server) as url:
        asyncio.run(upgrade(url))
        yield url


@pytest.fixture
def url(migrated: str) -> str:
    empty_tables(migrated)
    return migrated


class Machine:
    """One that runs the program, with a clock of its own."""

    def __init__(self, url: str, now: datetime) -> None:
        self.clock = FakeClock(now)
        self.store = SqlStore(url)
        self.platform = FakePlatform(KEY.platform)

    async def look(self) -> list[str]:
        """Start, and look; returns what was said so far."""
        platforms = {KEY.platform: self.platform}
        outbox = Outbox(rows=self.store, platforms=platforms, claims=Alone(), clock=self.clock, sends=True)
        absence = Absence(
            presence=self.store,
            generations=self.store,
            outbox=outbox,
            platforms=tuple(platforms),
            read_back={},
            receive=receive_nothing,
            clock=self.clock,
        )
        await absence.look()
        await outbox.settled(KEY)
        await outbox.stop()
        return [shown.text.strip() for shown in self.platform.shown]


async def receive_nothing(incoming: Incoming) -> None:
    """Nobody writes here."""
    raise AssertionError(incoming)


@pytest.fixture
async def machines(url: str) -> AsyncIterator[list[Machine]]:
    """One whose clock is three hours slow, one that is right and one that is three hours fast; something is open."""
    now = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        made = []
        for off in (-OFF, timedelta(), OFF):
            machine = Machine(url, now + off)
            stack.push_async_callback(machine.store.close)
            made.append(machine)
        generations = (a_generation(1),)
        await made[0].store.commit(Changes(conversations=(a_conversation(),), generations=generations, at=NOW))
        yield made


def set_back(url: str, by: timedelta) -> None:
    """As if the program had not been there for so much longer."""
    with psycopg.connect(url) as connection:
        changed = connection.execute(
            "UPDATE counters SET value = value - %s WHERE name = 'alive'", [int(by.total_seconds())]
        )
        assert changed.rowcount == 1


@needs_postgres
async def test_machines_whose_clocks_differ_take_nobody_for_absent(machines: list[Machine]) -> None:
    for _ in range(2):
        for machine in machines:
            assert await machine.look() == []


@needs_postgres
async def test_an_absence_is_said_once_whatever_the_clocks_say_and_in_the_times_of_who_says_it(
    machines: list[Machine], url: str
) -> None:
    await machines[2].look()
    set_back(url, timedelta(hours=1))
    slow = machines[0]
    (said,) = await slow.look()
    now = slow.clock.now()
    assert said in {texts.talk.away(now - timedelta(hours=1, seconds=ago), now) for ago in range(60)}
    assert await machines[1].look() == []
    assert await machines[2].look() == []


@needs_postgres
async def test_of_two_machines_one_keeps_what_follows(machines: list[Machine], url: str) -> None:
    slow, _, fast = machines
    assert await slow.store.last_alive(slow.clock.now()) is None
    assert await slow.store.alive(slow.clock.now(), None)
    assert not await fast.store.alive(fast.clock.now(), None)
    set_back(url, AWAY + timedelta(minutes=1))
    seen = [await machine.store.last_alive(machine.clock.now()) for machine in (slow, fast)]
    for one, machine in zip(seen, (slow, fast), strict=True):
        assert one is not None and machine.clock.now() - one.at > AWAY
    assert await fast.store.alive(fast.clock.now(), seen[1], Changes(at=NOW))
    assert not await slow.store.alive(slow.clock.now(), seen[0], Changes(at=NOW))


async def test_on_one_machine_time_is_its_own_clocks(tmp_path: Path) -> None:
    machine = Machine(fresh_file(tmp_path), NOW)
    try:
        assert await machine.store.last_alive(NOW) is None
        assert await machine.store.alive(NOW, None)
        kept = await machine.store.last_alive(later(5))
        assert kept is not None and kept.at == NOW.replace(microsecond=0)
        assert await machine.store.alive(later(5), kept)
        assert not await machine.store.alive(later(6), kept)
    finally:
        await machine.store.close()
