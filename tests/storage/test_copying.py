"""Moving to PostgreSQL: from a file that real conversations filled, with something in every table there is."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary

from core.errors import PermanentError
from storage.columns import FrozenValue, Moment
from storage.copying import copy_database
from storage.lease import WorkerLease
from storage.store import SqlStore
from storage.tables import metadata
from tests.faults.forked import command
from tests.stage import HERE, staged
from tests.storage.postgres import fresh_database
from tests.storage.samples import NOW, a_message

ROOT = Path(__file__).parents[2]
RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"


@pytest.fixture
def target(postgres_server: str) -> Iterator[str]:
    """A database without anything."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that was lived in; what no conversation makes is added, so that no table is empty."""
    folder = tmp_path_factory.mktemp("lived")

    async def live() -> None:
        async with staged(folder) as stage:
            await stage.say(RICH)
            await stage.press(stage.platform.last, "Make it")
            await stage.finished(1)
            await stage.say("make me a video of a лиса 🦊")
            await stage.store.secret("links")

    asyncio.run(live())
    path = folder / "reelbot.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in metadata.sorted_tables:
            if not connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]:
                values = [_something(each) for each in table.columns]
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO {table.name} ({_names(table.name)}) VALUES ({marks})", values)
    return path


@pytest.fixture
def source(old: Path, tmp_path: Path) -> Path:
    """A copy of it to be changed."""
    path = tmp_path / "reelbot.db"
    path.write_bytes(old.read_bytes())
    return path


def _something(each: Column[Any]) -> object:
    """A value of the column's kind, as SQLite keeps it."""
    if isinstance(each.type, Moment):
        return "2026-11-21 12:00:00.000001"
    if isinstance(each.type, FrozenValue):
        return '{"kept":  "as it is"}'
    if isinstance(each.type, LargeBinary):
        return b"\x00\xff"
    if isinstance(each.type, Float):
        return 0.1
    return 1 if isinstance(each.type, Integer | Boolean) else "x"


def _names(table: str) -> str:
    return ", ".join(f'"{each.name}"' for each in metadata.tables[table].columns)


def _rows(connection: Any, table: str) -> list[tuple[object, ...]]:
    """Everything in the table, comparable between the two."""
    columns = tuple(metadata.tables[table].columns)
    found = connection.execute(f"SELECT {_names(table)} FROM {table}").fetchall()
    return sorted((tuple(map(_comparable, row, columns)) for row in found), key=repr)


def _comparable(value: Any, each: Column[Any]) -> object:
    """SQLite keeps moments as text without a zone, and truth as numbers."""
    if value is None:
        return None
    if isinstance(each.type, Moment):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return bool(value) if isinstance(each.type, Boolean) else value


def _counts(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        names = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # type: ignore[index]


def test_every_row_of_every_table_arrives_as_it_was(old: Path, target: str) -> None:
    before = old.read_bytes()
    told: dict[str, int] = {}
    copied = copy_database(f"sqlite:///{old}", target, told=told.__setitem__, chunk=2)
    assert old.read_bytes() == before
    assert told == copied.rows
    assert set(told) == set(metadata.tables)
    assert min(told.values()) > 0
    with closing(sqlite3.connect(old)) as source, psycopg.connect(target) as arrived:
        for table in metadata.tables:
            assert _rows(arrived, table) == _rows(source, table)
    assert copied.proof.generations == 2
    assert not copied.proof.findings


async def test_the_bot_goes_on_where_it_was(old: Path, target: str) -> None:
    copied = await asyncio.to_thread(copy_database, f"sqlite:///{old}", target)
    store = SqlStore(target)
    await store.open()
    first = await store.generation(1)
    assert first is not None
    assert first.status == "completed"
    assert await store.receive(a_message(99, key=HERE), NOW)
    assert [each.row for each in await store.waiting(HERE)] == [copied.rows["inbox"] + 1]
    assert await store.reserve_generation_ids(1) == (3,)
    await store.close()


def test_a_database_that_is_not_empty_is_left_alone(source: Path, target: str) -> None:
    copy_database(f"sqlite:///{source}", target)
    before = _counts(target)
    with pytest.raises(
        PermanentError, match=r"not empty: there (is|are) \d+ rows? in \w+\. Drop it and create it anew"
    ):
        copy_database(f"sqlite:///{source}", target)
    assert _counts(target) == before


def test_nothing_is_copied_while_a_worker_runs(source: Path, target: str) -> None:
    with WorkerLease(source), pytest.raises(PermanentError, match="already working on this database"):
        copy_database(f"sqlite:///{source}", target)
    assert _counts(target) == {}


def test_what_breaks_on_the_way_leaves_nothing_behind(source: Path, target: str) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE secrets SET name = 'nul' || char(0)")

    with pytest.raises(PermanentError, match="NUL"):
        copy_database(f"sqlite:///{source}", target)
    assert _counts(target) == {}


def test_a_killed_copy_can_be_done_again(source: Path, target: str) -> None:
    killed = (
        "import os, signal, sys; from storage.copying import copy_database\n"
        "def told(table, rows):\n    if table == 'ledger': os.kill(os.getpid(), signal.SIGKILL)\n"
        "copy_database(sys.argv[1], sys.argv[2], told=told)"
    )
    command = [sys.executable, "-c", killed, f"sqlite:///{source}", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == -9, done.stderr
    assert copy_database(f"sqlite:///{source}", target).rows["ledger"] > 0


def test_other_versions_and_other_kinds_of_database_are_refused(source: Path, target: str, tmp_path: Path) -> None:
    url = f"sqlite:///{source}"
    with pytest.raises(PermanentError, match="names no SQLite file"):
        copy_database(target, target)
    with pytest.raises(PermanentError, match="must be PostgreSQL"):
        copy_database(url, f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(PermanentError, match="There is no database at"):
        copy_database(f"sqlite:///{tmp_path / 'none.db'}", target)
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(PermanentError, match="tables of version 0001"):
        copy_database(url, target)
    (tmp_path / "bare.db").touch()
    with pytest.raises(PermanentError, match="has no tables"):
        copy_database(f"sqlite:///{tmp_path / 'bare.db'}", target)
    assert _counts(target) == {}


def test_the_command_says_what_it_did(source: Path, target: str) -> None:
    copy = partial(
        command, "db", "copy", "--to", target,
        folder=source.parent, environment={**os.environ, "DATABASE_URL": f"sqlite:///{source}"},
    )  # fmt: skip
    done = copy()
    assert (done.returncode, done.stderr) == (0, "")
    with closing(sqlite3.connect(source)) as connection:
        entries = connection.execute("SELECT count(*) FROM ledger").fetchone()[0]
    assert f"  ledger: {entries}\n" in done.stdout
    assert "each read back and as it was. The ledger of 2 videos has the same totals on both sides" in done.stdout
    assert "Now set DATABASE_URL" in done.stdout
    again = copy()
    assert again.returncode == 1
    assert "not empty" in again.stderr
