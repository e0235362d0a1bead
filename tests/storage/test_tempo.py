"""How fast somebody may talk, counted by several gateways over one PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from core.tempo import Tempo
from storage.migrations import upgrade
from storage.store import SqlStore
from tests.clock import START
from tests.storage.postgres import empty_tables, fresh_database, postgres_available, private_postgres

pytestmark = pytest.mark.skipif(not postgres_available(), reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def migrated() -> Iterator[str]:
    """A database with tables."""
    with private_postgres() as server, fresh_database(server) as url:
        asyncio.run(upgrade(url))
        yield url


@pytest.fixture
async def stores(migrated: str) -> AsyncIterator[list[SqlStore]]:
    """Those of three gateways."""
    empty_tables(migrated)
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(3):
            store = SqlStore(migrated)
            stack.push_async_callback(store.close)
            made.append(store)
        yield made


async def test_gateways_give_one_person_so_many_turns_together(stores: list[SqlStore]) -> None:
    gateways = [Tempo(2, store.pace) for store in stores]  # two at once, then one in 30 s: no test takes so long
    waits = await asyncio.gather(*(gateway.wait("ann", START) for gateway in gateways * 2))
    assert sorted(wait == 0.0 for wait in waits) == [False] * 4 + [True] * 2
    assert all(0 < wait <= 30.0 for wait in waits if wait)
    assert await gateways[0].wait("bob", START) == 0.0
    told = await asyncio.gather(*(gateway.tell("ann", START) for gateway in gateways))
    assert sorted(told) == [False, False, True]


async def test_a_database_that_is_away_silences_nobody() -> None:
    away = SqlStore("postgresql://nobody@127.0.0.1:1/nothing")
    try:
        assert await Tempo(2, away.pace).wait("ann", START) == 0.0
    finally:
        await away.close()
