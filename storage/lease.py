"""Makes sure that one database has one worker, as long as the engine does not share the work among several.

On SQLite it is a lock of the operating system beside the file, on PostgreSQL an advisory lock of a connection: both end
with their process, however that dies.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from core.errors import PermanentError, TemporaryError
from storage.database import async_url

if TYPE_CHECKING:
    import psycopg

WORKER_LOCK = 727_002
"""Key of PostgreSQL's advisory lock that the worker holds."""


class WorkerLease:
    """The right to work on the database file at `path`; a context manager, or `take` and `give_back`."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".worker")
        self._file: int | None = None

    def take(self) -> None:
        """Become the worker; raises PermanentError while another process is."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise PermanentError(
                f"Another Reelbot is already working on this database (process {owner}). Stop it first, or give this "
                "one a DATA_DIR of its own."
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def give_back(self) -> None:
        """Let somebody else work; harmless when the lease is not held."""
        if self._file is not None:
            os.close(self._file)  # the file stays: removing it would let two processes hold two locks
            self._file = None

    def __enter__(self) -> WorkerLease:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()


class PostgresLease:
    """The right to work on the PostgreSQL database at `url`."""

    def __init__(self, url: str) -> None:
        self._address = async_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.AsyncConnection[tuple[bool]] | None = None

    async def take(self) -> None:
        """Become the worker; raises PermanentError while another process is, TemporaryError when the database does
        not answer."""
        import psycopg  # only where it is used: it is slow to load

        try:
            connection = await psycopg.AsyncConnection[tuple[bool]].connect(self._address, autocommit=True)
        except psycopg.OperationalError as error:
            raise TemporaryError("The database does not answer. Is DATABASE_URL right, and is it running?") from error
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (WORKER_LOCK,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            await connection.close()
            raise PermanentError(
                "Another Reelbot is already working on this database. Stop it first; further processes may run with "
                "--only gateway."
            )
        self._connection = connection

    async def give_back(self) -> None:
        """Let somebody else work; harmless when the lease is not held."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
