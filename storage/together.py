"""Writing to SQLite: what waits to be saved at the same time is saved in one transaction.

A commit waits for the disk, and SQLite takes one after the other. While one is on its way, what others have to save
gathers, and goes into the next one together, each behind a savepoint of its own. Nobody waits for company.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine

from core.errors import TemporaryError
from storage.errors import database_errors

T = TypeVar("T")
Work = Callable[[Connection], Any]

MOST = 50
"""So many are saved together: what comes in meanwhile waits for all of them."""
TURN_WITHIN_S = 30.0
"""How long something waits for its turn, in seconds."""


@dataclass(slots=True, eq=False)
class _Waiting:
    work: Work
    came: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of a work."""

    value: Any = None
    error: Exception | None = None


_InThread = Callable[[Callable[[], list[_Came]]], Awaitable[list[_Came]]]


class WritesTogether:
    """Runs works that write, in the order in which they came."""

    def __init__(self, engine: Engine, in_thread: _InThread) -> None:
        """`engine` has one connection that writes; `in_thread` runs a function in the thread that uses it."""
        self._engine = engine
        self._in_thread = in_thread
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def save(self, work: Callable[[Connection], T]) -> T:
        """What `work` returned, once it is saved. Raises what it raised, after which nothing of it is, and
        TemporaryError when the database does not take it in time."""
        loop = asyncio.get_running_loop()
        one = _Waiting(work, loop.create_future())
        self._waiting.append(one)
        patience = loop.call_later(TURN_WITHIN_S, self._give_up, one)
        if self._writer is None:
            self._writer = loop.create_task(self._write(), name="database writer")
        try:
            return cast(T, await one.came)
        finally:
            patience.cancel()

    def _give_up(self, one: _Waiting) -> None:
        if one in self._waiting:
            self._waiting.remove(one)
            one.came.set_exception(TemporaryError("The database does not answer."))

    async def _write(self) -> None:
        group: list[_Waiting] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                results = await self._in_thread(partial(self._saved, [one.work for one in group]))
                for one, came in zip(group, results, strict=True):
                    if one.came.done():
                        continue  # the program ends, and nobody waits for it any more
                    if came.error is not None:
                        one.came.set_exception(came.error)
                    else:
                        one.came.set_result(came.value)
        except Exception as error:  # the thread could not be used: whoever waits is to hear of it
            for one in (*group, *self._waiting):
                if not one.came.done():
                    one.came.set_exception(error)
            self._waiting = []
        finally:
            self._writer = None

    def _saved(self, works: Sequence[Work]) -> list[_Came]:
        """In the thread. Where they cannot be saved together nothing is, and each is tried by itself."""
        if len(works) > 1:
            begun = False
            try:
                with database_errors(), self._engine.begin() as connection:
                    begun = True
                    return [_behind_a_savepoint(connection, work) for work in works]
            except Exception as error:
                if not begun:  # somebody else is writing all the time; that was waited for once, and not for each
                    return [_Came(error=error)] * len(works)
        return [self._alone(work) for work in works]

    def _alone(self, work: Work) -> _Came:
        try:
            with database_errors(), self._engine.begin() as connection:
                return _Came(value=work(connection))
        except Exception as error:
            return _Came(error=error)


def _behind_a_savepoint(connection: Connection, work: Work) -> _Came:
    try:
        with database_errors(), connection.begin_nested():
            return _Came(value=work(connection))
    except Exception as error:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if not driver.in_transaction:
            raise  # SQLite has taken all of it back, as it does when the disk is full
        return _Came(error=error)
