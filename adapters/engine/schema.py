"""Procrastinate's tables: made once, by whichever process comes first."""

from __future__ import annotations

import psycopg
from procrastinate.schema import SchemaManager

from core.errors import TemporaryError

SCHEMA_LOCK = 727_003
"""Key of PostgreSQL's advisory lock that lets one process at a time make the tables."""

LOCK_INDEX = """
CREATE INDEX IF NOT EXISTS reelbot_jobs_lock_idx ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing')
"""
"""Without it each fetch reads all that waits: 10 jobs a second instead of 600 where thousands do."""


def conninfo(url: str) -> str:
    """The database's address as the driver itself takes it, without SQLAlchemy's name of a driver."""
    _, _, rest = url.partition("://")
    return f"postgresql://{rest}"


async def prepare(address: str) -> None:
    """Make the tables if they are not there; harmless when they are, all or nothing. Raises TemporaryError."""
    try:
        async with await psycopg.AsyncConnection.connect(address, connect_timeout=5) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
            if await _missing(connection, "procrastinate_jobs"):
                await connection.execute(SchemaManager.get_schema())
            if await _missing(connection, "reelbot_jobs_lock_idx"):
                await connection.execute(LOCK_INDEX)
    except psycopg.Error as error:
        raise TemporaryError(f"The tables of the queue could not be made: {error}") from error


async def _missing(connection: psycopg.AsyncConnection[tuple[object, ...]], name: str) -> bool:
    cursor = await connection.execute("SELECT to_regclass(%s) IS NULL", (name,))
    row = await cursor.fetchone()
    return bool(row and row[0])
