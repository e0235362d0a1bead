"""What waits to be saved at the same time is saved in one transaction, and no one's trouble is another's."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from core.errors import PermanentError, StaleRow, TemporaryError
from storage import together
from storage.database import Database


def adding(number: int) -> Callable[[Connection], int]:
    """Adds a row and says which."""

    def work(connection: Connection) -> int:
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    connection.close()
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{path}", busy_timeout_s=0.1)
    yield database
    await database.close()


def rows(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        found = [number for (number,) in connection.execute("SELECT a FROM t ORDER BY a")]
    connection.close()
    return found


async def test_what_waits_together_is_saved_in_one_transaction(path: Path, database: Database) -> None:
    begun: list[None] = []
    event.listen(database._writer, "begin", lambda connection: begun.append(None))
    came = await asyncio.gather(*(database.write(adding(number)) for number in range(20)))
    assert came == list(range(20))
    assert rows(path) == list(range(20))
    assert len(begun) < 5, "the first by itself, the others together"


async def test_one_that_fails_takes_no_other_with_it(path: Path, database: Database) -> None:
    def stale(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO t VALUES (100)")
        raise StaleRow("Somebody was quicker.")

    works = [database.write(adding(1)), database.write(stale), database.write(adding(1)), database.write(adding(2))]
    first, second, third, fourth = await asyncio.gather(database.write(adding(0)), *works[:3], return_exceptions=True)
    assert (first, second) == (0, 1)
    assert isinstance(third, StaleRow)
    assert isinstance(fourth, PermanentError), "there is such a row already"
    assert await works[3] == 2
    assert rows(path) == [0, 1, 2], "and nothing of those that failed"


async def test_each_is_saved_by_itself_when_sqlite_takes_the_whole_back(path: Path, database: Database) -> None:
    def rolled_back(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT OR ROLLBACK INTO t VALUES (0)")  # as a full disk does to a transaction

    await database.write(adding(0))
    works = [adding(1), adding(2), rolled_back, adding(3)]
    came = await asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)
    assert came[:2] == [1, 2]
    assert isinstance(came[2], PermanentError)
    assert came[3] == 3
    assert rows(path) == [0, 1, 2, 3]


async def test_a_locked_file_is_waited_for_once_and_not_for_each(path: Path, database: Database) -> None:
    await database.write(adding(0))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    tries: list[None] = []
    event.listen(database._writer, "begin", lambda connection: tries.append(None))
    came = await asyncio.gather(*(database.write(adding(number)) for number in range(1, 9)), return_exceptions=True)
    assert all(isinstance(one, TemporaryError) for one in came)
    assert len(tries) <= 2
    other.execute("ROLLBACK")
    other.close()
    assert await database.write(adding(1)) == 1
    assert rows(path) == [0, 1]


async def test_what_was_begun_is_finished_when_its_caller_is_gone(path: Path, database: Database) -> None:
    tasks = [asyncio.create_task(database.write(adding(number))) for number in range(6)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    assert rows(path) == list(range(6)), "when the callers leave, it is done"


async def test_more_than_fit_into_one_group_are_saved_as_well(path: Path, database: Database) -> None:
    count = 2 * together.MOST + 3
    assert await asyncio.gather(*(database.write(adding(number)) for number in range(count))) == list(range(count))
    assert rows(path) == list(range(count))


async def test_what_was_saved_last_is_seen_by_the_next_of_the_group(path: Path, database: Database) -> None:
    def counted(connection: Connection) -> int:
        return int(connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one())

    came = await asyncio.gather(*(database.write(work) for work in (adding(1), adding(2), counted, adding(3), counted)))
    assert came == [1, 2, 2, 3, 3]
