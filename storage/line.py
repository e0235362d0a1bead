"""One connection to PostgreSQL that stays open, for what lasts as long as a connection: locks and notifications."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, LiteralString, Self

from core.errors import TemporaryError
from storage.database import database_url

if TYPE_CHECKING:
    import psycopg


def plain_address(url: str) -> str:
    """The address of a PostgreSQL database as the driver itself takes it."""
    return database_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class Line:
    """A connection whose end is noticed when it comes; used by one task at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]], lease_s: float) -> None:
        self.connection = connection
        self.stirred = asyncio.Event()
        """Set when something came in: a notification, or the end of the connection."""
        self.answered = time.monotonic()
        """When the last statement that was answered was sent."""
        self._answer_within_s = lease_s * 0.4
        self._loop = asyncio.get_running_loop()
        self._watch()

    @classmethod
    async def open(cls, address: str, lease_s: float) -> Self:
        """Connect. A host that dies without a word is dropped by the server half a lease after the process itself has
        stopped to count on it, and so is a process that hangs. Raises TemporaryError."""
        import psycopg  # only where it is used: it is slow to load

        idle, interval = max(1, round(lease_s * 0.6)), max(1, round(lease_s * 0.3))
        settings = {
            "tcp_keepalives_idle": str(idle),
            "tcp_keepalives_interval": str(interval),
            "tcp_keepalives_count": "3",
            "idle_session_timeout": str(round(lease_s * 1500)),
        }
        try:
            connection = await psycopg.AsyncConnection[tuple[Any, ...]].connect(
                address,
                autocommit=True,
                connect_timeout=max(2, round(lease_s * 0.5)),
                keepalives=1,
                keepalives_idle=idle,
                keepalives_interval=interval,
                keepalives_count=3,
            )
        except psycopg.Error as error:
            raise TemporaryError("The database does not answer.") from error
        line = cls(connection, lease_s)
        try:
            await line.ask(
                "SELECT set_config(name, %s::json ->> name, false) FROM pg_settings WHERE name = ANY(%s)",
                (json.dumps(settings), list(settings)),  # an older server lacks some of them
            )
        except BaseException:
            await line.close()
            raise
        return line

    async def ask(self, statement: LiteralString, values: tuple[object, ...] = ()) -> object:
        """The first value of the answer. Raises TemporaryError when none comes; the connection is then of no use."""
        import psycopg

        sent = time.monotonic()
        task = asyncio.create_task(self._first(statement, values))
        try:
            # Twice half the time: to a process that was stopped and goes on, the first half is over before it can read.
            await asyncio.wait({task}, timeout=self._answer_within_s / 2)
            await asyncio.wait({task}, timeout=self._answer_within_s / 2)
            if not task.done():
                raise TemporaryError("The database does not answer in time.")
            value = task.result()
        except psycopg.Error as error:
            raise TemporaryError("The connection to the database is cut.") from error
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.answered = sent
        self._watch()
        return value

    async def close(self) -> None:
        """Close it; harmless when it is cut already."""
        if not self.connection.closed:
            self._loop.remove_reader(self.connection.fileno())
        await self.connection.close()

    async def _first(self, statement: LiteralString, values: tuple[object, ...]) -> object:
        self._loop.remove_reader(self.connection.fileno())  # psycopg waits on the same socket
        cursor = await self.connection.execute(statement, values or None)
        row = await cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def _watch(self) -> None:
        self.stirred.clear()
        self._loop.add_reader(self.connection.fileno(), self._stir)

    def _stir(self) -> None:
        self._loop.remove_reader(self.connection.fileno())
        self.stirred.set()
