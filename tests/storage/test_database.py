"""Addresses, and what a database that is away, locked or without tables looks like from outside."""

from __future__ import annotations

import sqlite3
import traceback
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from core.errors import PermanentError, TemporaryError
from storage.database import Database, database_url, sqlite_path
from storage.migrations import upgrade
from storage.store import SqlStore
from tests.storage.samples import KEY, NOW, a_message


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///data/reelbot.db", "sqlite"),
        ("sqlite+aiosqlite:////srv/reelbot.db", "sqlite"),
        ("postgresql://bot@db/reelbot", "postgresql+psycopg"),
        ("postgres://bot@db/reelbot", "postgresql+psycopg"),
    ],
)
def test_addresses_get_our_drivers(url: str, driver: str) -> None:
    assert database_url(url).drivername == driver


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/x", "sqlite://", "sqlite:///:memory:"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(PermanentError, match="DATABASE_URL"):
        database_url(url)


def test_the_file_of_an_address() -> None:
    assert sqlite_path("sqlite:///data/reelbot.db") == Path("data/reelbot.db")
    assert sqlite_path("postgresql://bot@db/reelbot") is None


async def test_a_database_without_tables_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    store = SqlStore(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(PermanentError, match="reelbot db upgrade"):
        await store.open()
    await store.close()


async def test_a_server_that_is_away_is_temporary(tmp_path: Path) -> None:
    store = SqlStore(f"postgresql://bot@/reelbot?host={tmp_path}")
    with pytest.raises(TemporaryError):
        await store.open()
    await store.close()


async def test_a_missing_file_is_said_so_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none" / "reelbot.db"
    store = SqlStore(f"sqlite:///{path}")
    with pytest.raises(PermanentError, match="run `reelbot db upgrade`"):
        await store.open()
    assert not path.parent.exists()
    await store.close()


async def test_a_locked_database_is_temporary_and_still_read(tmp_path: Path) -> None:
    path = tmp_path / "reelbot.db"
    await upgrade(f"sqlite:///{path}")
    store = SqlStore(f"sqlite:///{path}", busy_timeout_s=0.02)
    await store.receive(a_message(1), NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TemporaryError, match="locked"):
            await store.receive(a_message(2), NOW)
        assert len(await store.waiting(KEY)) == 1
        other.execute("ROLLBACK")
    assert await store.receive(a_message(2), NOW)
    await store.close()


async def test_an_error_does_not_quote_what_people_wrote(tmp_path: Path) -> None:
    path = tmp_path / "reelbot.db"
    await upgrade(f"sqlite:///{path}")
    store = SqlStore(f"sqlite:///{path}")
    said = a_message(text="a red fox")
    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE inbox RENAME TO elsewhere")
    with pytest.raises(PermanentError) as raised:
        await store.receive(said, NOW)
    logged = "".join(traceback.format_exception(raised.value))
    assert "INSERT INTO inbox" in logged
    assert "a red fox" not in logged
    assert "[parameters: " not in logged
    await store.close()


def _pragmas(connection: Connection) -> list[object]:
    names = ("journal_mode", "synchronous", "foreign_keys")
    return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]


async def test_commits_are_on_the_disk_before_they_count(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'reelbot.db'}")
    assert await database.write(_pragmas) == ["wal", 2, 1]
    await database.close()
