"""Rates that several processes keep together over one PostgreSQL.

When a place is free is told by the waits that are returned; nobody waits for it here. The database's clock is seen from
outside: between the moments before and after a question lies the one at which it was answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from core.errors import TemporaryError
from core.ports import Rate
from core.rates import within
from storage.database import Database
from storage.pace import PostgresPace
from storage.store import SqlStore

SLOW = Rate(name="slow", every_s=10.0, burst=5)
"""So slow that what a question takes does not count."""
LONG = 100_000.0


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
async def paces(url: str) -> AsyncIterator[list[PostgresPace]]:
    """Those of four processes."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(4):
            database = Database(url)
            stack.push_async_callback(database.close)
            made.append(PostgresPace(database))
        yield made


class Granted:
    """When a place is free, on this machine's clock: not before `earliest`, not after `latest`, in seconds."""

    def __init__(self, asked: float, wait: float) -> None:
        self.wait = wait
        self.earliest = asked + wait
        self.latest = time.monotonic() + wait


async def granted(pace: PostgresPace, *rates: Rate, at_most_s: float = LONG) -> Granted:
    asked = time.monotonic()
    return Granted(asked, await pace.wait_s(rates, at_most_s=at_most_s))


def too_close(places: Sequence[Granted], rate: Rate) -> list[tuple[int, int]]:
    """The pairs between which, ends included, there are for certain more than the rate allows."""
    ordered = sorted(places, key=lambda one: one.earliest)
    return [
        (first, last)
        for first in range(len(ordered))
        for last in range(first + rate.burst, len(ordered))
        if ordered[last].latest - ordered[first].earliest < (last - first + 1 - rate.burst) * rate.every_s
    ]


def rows(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM paces ORDER BY name").fetchall()]


# --- the rate --------------------------------------------------------------------------------------------------------


async def test_four_processes_keep_one_rate(paces: list[PostgresPace]) -> None:
    places = await asyncio.gather(*(granted(paces[number % 4], SLOW) for number in range(200)))
    assert too_close(places, SLOW) == []
    assert sum(place.wait == 0 for place in places) == SLOW.burst
    assert max(place.wait for place in places) <= (200 - SLOW.burst) * SLOW.every_s


async def test_a_limit_is_kept_in_every_window(paces: list[PostgresPace]) -> None:
    rate = within("group", limit=20, window_s=6_000.0, burst=10)
    places = sorted(
        await asyncio.gather(*(granted(paces[number % 4], rate) for number in range(100))), key=lambda one: one.earliest
    )
    for first, later in zip(places, places[20:], strict=False):
        assert later.latest - first.earliest > 6_000.0


@pytest.mark.parametrize("limit", [1, 2, 3, 20, 30])
@pytest.mark.parametrize("part", [1, 2, 5])
def test_a_burst_and_what_follows_it_are_within_the_limit(limit: int, part: int) -> None:
    rate = within("x", limit=limit, window_s=60.0, burst=limit // part)
    assert rate.burst >= 1
    assert rate.burst + 60.0 / rate.every_s <= max(limit, 2) + 1e-9


async def test_a_burst_comes_back_with_time(paces: list[PostgresPace]) -> None:
    quick = Rate(name="quick", every_s=0.02, burst=3)
    for _ in range(3):
        await granted(paces[0], quick)
    await asyncio.sleep(0.1)
    assert [(await granted(pace, quick)).wait for pace in paces[:3]] == [0.0, 0.0, 0.0]


async def test_each_name_has_a_rate_of_its_own(paces: list[PostgresPace]) -> None:
    one, other = Rate(name="one", every_s=1_000.0), Rate(name="other", every_s=1_000.0)
    assert [(await granted(paces[0], rate)).wait for rate in (one, other)] == [0.0, 0.0]
    assert (await granted(paces[1], one)).wait > 900


async def test_several_rates_wait_for_the_slowest_and_are_all_counted(paces: list[PostgresPace]) -> None:
    wide, narrow = Rate(name="wide", every_s=100.0), Rate(name="narrow", every_s=10_000.0)
    await granted(paces[0], wide, narrow)
    assert 9_900 < (await granted(paces[1], wide, narrow)).wait <= 10_000
    assert 10_000 < (await granted(paces[2], wide)).wait <= 10_100


# --- when the wait is too long ---------------------------------------------------------------------------------------


async def test_what_waits_too_long_is_not_counted(paces: list[PostgresPace]) -> None:
    wide, narrow = Rate(name="wide", every_s=1_000.0, burst=2), Rate(name="narrow", every_s=5_000.0)
    await granted(paces[0], wide, narrow)
    for pace in paces:
        assert (await granted(pace, wide, narrow, at_most_s=10.0)).wait > 4_900
    assert (await granted(paces[0], wide)).wait == 0
    assert (await granted(paces[0], narrow)).wait <= 5_000


async def test_without_patience_only_what_is_free_is_counted(paces: list[PostgresPace]) -> None:
    waits = [(await granted(paces[number % 4], SLOW, at_most_s=0.0)).wait for number in range(12)]
    assert waits[:5] == [0.0] * 5
    assert all(0 < wait <= 10 for wait in waits[5:])


# --- pauses ----------------------------------------------------------------------------------------------------------


async def test_a_pause_is_for_all_processes_and_for_its_name_only(paces: list[PostgresPace]) -> None:
    free = Rate(name="free", every_s=1.0)
    await paces[0].hold(SLOW.name, 700.0)
    for pace in paces:
        assert 690 < (await granted(pace, SLOW, free, at_most_s=0.0)).wait <= 700
    assert (await granted(paces[1], free)).wait == 0


async def test_a_shorter_pause_does_not_end_a_longer_one(paces: list[PostgresPace]) -> None:
    await paces[0].hold(SLOW.name, 700.0)
    await paces[1].hold(SLOW.name, 7.0)
    assert (await granted(paces[2], SLOW, at_most_s=0.0)).wait > 690
    await paces[1].hold(SLOW.name, 7_000.0)
    assert (await granted(paces[2], SLOW, at_most_s=0.0)).wait > 6_990


async def test_a_pause_ends(paces: list[PostgresPace]) -> None:
    await paces[0].hold(SLOW.name, 0.05)
    await asyncio.sleep(0.1)
    assert (await granted(paces[1], SLOW, at_most_s=0.0)).wait == 0


async def test_what_is_counted_already_is_kept_over_a_pause(paces: list[PostgresPace]) -> None:
    for _ in range(5):
        await granted(paces[0], SLOW)
    await paces[0].hold(SLOW.name, 0.01)
    assert (await granted(paces[1], SLOW)).wait > 9


async def test_what_has_no_rate_is_only_held(paces: list[PostgresPace], url: str) -> None:
    method = Rate(name="method", every_s=0.0)
    assert [(await granted(pace, method, at_most_s=0.0)).wait for pace in paces * 2] == [0.0] * 8
    assert rows(url) == []
    await paces[0].hold("method", 700.0)
    assert (await granted(paces[1], method, SLOW, at_most_s=0.0)).wait > 690


# --- rows ------------------------------------------------------------------------------------------------------------


async def test_crossing_names_never_wait_for_each_other(url: str) -> None:
    """In every order, while rows are made, held and removed; a deadlock would be raised as TemporaryError."""
    names = "abcdef"
    async with AsyncExitStack() as stack:
        waits = []
        for process in range(4):
            database = Database(url)
            stack.push_async_callback(database.close)
            pace = PostgresPace(database, forget_every=3)
            for number in range(30):
                chosen = [names[(process + number * step) % 6] for step in (1, 2, 5)]
                rates = [Rate(name=f"{number % 4} {name}", every_s=0.001) for name in dict.fromkeys(chosen)]
                waits.append(pace.wait_s(rates[:: 1 if process % 2 else -1], at_most_s=60.0))
                waits.append(_held(pace, rates[0].name))
        async with asyncio.timeout(30):
            assert all(wait < 60 for wait in await asyncio.gather(*waits))


@pytest.mark.parametrize("there", [True, False])
async def test_crossing_orders_make_nobody_wait_for_the_other(
    paces: list[PostgresPace], url: str, *, there: bool
) -> None:
    """Two processes that have begun in crossing orders, both kept by a third in the middle, go on when that is gone."""
    names = ("a", "m", "z")
    rates = [Rate(name=name, every_s=0.001) for name in names]
    with psycopg.connect(url) as third, psycopg.connect(url, autocommit=True) as looking:
        for name in names if there else ():
            looking.execute("INSERT INTO paces (name, free_at) VALUES (%s, now())", (name,))
        third.execute(
            "INSERT INTO paces (name, free_at) VALUES ('m', now()) ON CONFLICT (name) DO UPDATE SET free_at = now()"
        )
        asking = [
            asyncio.create_task(pace.wait_s(one, at_most_s=60.0))
            for pace, one in zip(paces, (rates, rates[::-1]), strict=False)
        ]
        async with asyncio.timeout(20):
            while _waiting(looking) < 2:  # noqa: ASYNC110 - a database
                await asyncio.sleep(0.01)
            third.rollback()
            assert all(wait < 60 for wait in await asyncio.gather(*asking))


def _waiting(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    found = connection.execute("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return len(found.fetchall())


async def test_nothing_is_saved_up_while_nobody_asks(paces: list[PostgresPace], url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO paces (name, free_at) VALUES ('slow', now() - interval '1 day')")
    waits = [(await granted(paces[number % 4], SLOW, at_most_s=0.0)).wait for number in range(8)]
    assert [wait > 0 for wait in waits] == [False] * 5 + [True] * 3


async def _held(pace: PostgresPace, name: str) -> float:
    await pace.hold(name, 0.001)
    return 0.0


async def test_old_rows_are_removed_and_others_kept(url: str) -> None:
    database = Database(url)
    pace = PostgresPace(database, forget_every=2)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO paces (name, free_at, held_until) SELECT * FROM (VALUES"
            " ('old', now() - interval '1 hour', NULL),"
            " ('old pause', now() - interval '1 hour', now() - interval '1 hour'),"
            " ('held', now() - interval '1 hour', now() + interval '1 hour'),"
            " ('counted', now() + interval '1 hour', NULL)) AS old (name, free_at, held_until)"
        )
    await granted(pace, SLOW)
    assert rows(url) == ["counted", "held", "old", "old pause", "slow"]
    await granted(pace, SLOW)
    assert rows(url) == ["counted", "held", "slow"]
    await database.close()


async def test_a_database_whose_clock_was_set_back_stops_nobody_for_long(url: str, paces: list[PostgresPace]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO paces (name, free_at) VALUES ('slow', now() + interval '3 days')")
    assert (await granted(paces[0], SLOW, at_most_s=5.0)).wait <= 60 + SLOW.every_s


async def test_a_database_without_the_table_lets_messages_wait(url: str) -> None:
    """They are not given up, as they would be for an error that stays."""
    database = Database(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE paces RENAME TO put_away")
        try:
            with pytest.raises(TemporaryError):
                await PostgresPace(database).wait_s([SLOW], at_most_s=1.0)
        finally:
            connection.execute("ALTER TABLE put_away RENAME TO paces")
            await database.close()


async def test_a_store_has_one_where_there_may_be_several_processes(url: str, tmp_path: Path) -> None:
    shared, alone = SqlStore(url), SqlStore(f"sqlite:///{tmp_path / 'x.db'}")
    assert shared.pace is not None
    assert await shared.pace.wait_s([SLOW], at_most_s=0.0) == 0
    assert alone.pace is None
    await shared.close()
    await alone.close()


async def test_a_database_that_is_away_is_said() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=2")
    with pytest.raises(TemporaryError):
        await PostgresPace(database).wait_s([SLOW], at_most_s=1.0)
    with pytest.raises(TemporaryError):
        await PostgresPace(database).hold("slow", 1.0)
    await database.close()
