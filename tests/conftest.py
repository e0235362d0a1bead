"""What many tests share: the product on a stage, one PostgreSQL server, and the order of the files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.migrations import upgrade
from tests.ordering import slowest_first
from tests.stage import Stage, staged
from tests.storage.postgres import (
    MISSING,
    empty_tables,
    fresh_database,
    postgres_available,
    postgres_is_owed,
    private_postgres,
)


def pytest_sessionstart() -> None:
    """End the run before its first test where PostgreSQL is owed."""
    if postgres_is_owed():
        pytest.exit(f"{MISSING}; POSTGRES_REQUIRED asks for it. Install PostgreSQL, or unset that.", returncode=1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give out the slow files first, so that no process is left alone with one at the end."""
    slowest_first(items)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The product over a fresh SQLite database, with a fake platform, provider and clock."""
    async with staged(tmp_path) as stage:
        yield stage


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server: one for each process that runs tests. The one place where its absence is a
    skip."""
    if not postgres_available():
        pytest.skip(MISSING)
    with private_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """A database with tables, for whoever empties it first."""
    with fresh_database(postgres_server) as url:
        asyncio.run(upgrade(url))
        yield url


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """A database with empty tables."""
    empty_tables(postgres_database)
    return postgres_database
