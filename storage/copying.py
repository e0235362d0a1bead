"""Moves everything from SQLite into PostgreSQL: every row of every table, as it is.

All of it is one transaction on the new database, tables included: whatever stops it leaves that database as it was, and
the old one is only read. What is said about it, and when it is allowed to run, is the work of the command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnClause, Connection, TableClause, column, create_engine, event, func, insert, select, text
from sqlalchemy import Table as SchemaTable
from sqlalchemy import table as plain_table
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

from core.errors import PermanentError
from storage.columns import FrozenValue
from storage.database import BUSY_TIMEOUT_S, database_url, sqlite_path
from storage.errors import database_errors
from storage.lease import WorkerLease
from storage.migrations import upgrade_tables
from storage.proof import Proof, examine
from storage.tables import metadata

CHUNK = 1_000
"""Rows that are in memory at the same time."""

NOT_KEPT = "Nothing was kept; the old database is as before."

Told = Callable[[str, int], None]
"""Called with each table's name and how many rows of it were copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was moved."""

    rows: Mapping[str, int]
    """By table."""
    proof: Proof
    """The ledger as it is in the new database, which is as it was in the old one."""


def copy_database(source: str, target: str, *, told: Told = lambda name, rows: None, chunk: int = CHUNK) -> Copied:
    """Copy the SQLite database at `source` into the empty PostgreSQL database at `target`.

    Nobody may work on the source or write into it meanwhile; its file is not changed. Raises PermanentError when the
    two are not such databases, while a worker runs on the source, when the target is not empty, and when what arrived
    is not what left; TemporaryError when a database does not answer. In each case the target is as it was before.
    """
    path = sqlite_path(source)
    if path is None:
        raise PermanentError("DATABASE_URL names no SQLite file: there is nothing to copy from.")
    if sqlite_path(target) is not None:
        raise PermanentError("The new database must be PostgreSQL; write it like postgresql://user@host/reelbot")
    if not path.is_file():
        raise PermanentError(f"There is no database at {path}: nothing to copy.")
    with WorkerLease(path), _reading(source) as old, _writing(target) as new:
        upgrade_tables(new)
        _same_version(old, new)
        _take_whole(new)
        rows = {table.name: _copy(old, new, table, chunk, told) for table in metadata.sorted_tables}
        proof = examine(new)
        if proof != examine(old):
            raise PermanentError(f"The ledger did not arrive as it was. {NOT_KEPT}")
        return Copied(rows=rows, proof=proof)


@contextmanager
def _reading(url: str) -> Iterator[Connection]:
    """The old database, locked against everybody who would write, and against ourselves."""
    engine = create_engine(database_url(url).set(drivername="sqlite"), poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def prepare(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000:.0f}")
        cursor.close()

    event.listen(engine, "connect", prepare)
    with database_errors(), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("PRAGMA query_only=ON")
        try:
            yield connection
        finally:
            connection.exec_driver_sql("ROLLBACK")


@contextmanager
def _writing(url: str) -> Iterator[Connection]:
    """The new database in one transaction, saved when the block ends well."""
    engine = create_engine(database_url(url), poolclass=NullPool)
    with database_errors(), engine.begin() as connection:
        yield connection


def _same_version(old: Connection, new: Connection) -> None:
    version = text("SELECT version_num FROM alembic_version")
    if not old.dialect.has_table(old, "alembic_version"):
        raise PermanentError("The old database has no tables: run `reelbot db upgrade` first, then copy.")
    before, after = old.execute(version).scalar(), new.execute(version).scalar()
    if before != after:
        raise PermanentError(
            f"The old database has tables of version {before} and this Reelbot makes version {after}: run "
            "`reelbot db upgrade` with this Reelbot first, then copy."
        )


def _take_whole(new: Connection) -> None:
    """Keep everybody else out until the end, and make sure that there is nothing yet."""
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    new.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    for table in metadata.sorted_tables:
        found = new.execute(select(func.count()).select_from(table)).scalar_one()
        if found:
            raise PermanentError(
                f"The new database is not empty: there {'is 1 row' if found == 1 else f'are {found} rows'} in "
                f"{table.name}. Drop it and create it anew, or name another one; nothing was copied."
            )


def _copy(old: Connection, new: Connection, table: SchemaTable, chunk: int, told: Told) -> int:
    """Copy one table and read it back."""
    plain = _plain(table)
    left = _Print()
    # In the order of the ids: a row of the ledger that ends a hold comes after that hold.
    wanted = select(plain).order_by(*(plain.c[key.name] for key in table.primary_key))
    for part in old.execute(wanted.execution_options(yield_per=chunk)).partitions():
        new.execute(insert(plain), [row._asdict() for row in part])
        left.add(part)
    arrived = _Print()
    for part in new.execute(select(plain).execution_options(yield_per=chunk)).partitions():
        arrived.add(part)
    if (left.rows, left.sum) != (arrived.rows, arrived.sum):
        raise PermanentError(
            f"Of {table.name}, {left.rows} rows left and {arrived.rows} arrived, or not as they were. {NOT_KEPT}"
        )
    _count_on(new, table)
    told(table.name, left.rows)
    return left.rows


def _plain(table: SchemaTable) -> TableClause:
    """The table with its bodies as the text that they are: they are not read on the way."""
    return plain_table(table.name, *(_plain_column(each.name, each.type) for each in table.columns))


def _plain_column(name: str, kind: TypeEngine[Any]) -> ColumnClause[Any]:
    return column(name, kind.impl_instance if isinstance(kind, FrozenValue) else kind)


class _Print:
    """A fingerprint of rows, whatever their order."""

    def __init__(self) -> None:
        self.rows = 0
        self.sum = 0

    def add(self, rows: Iterable[Any]) -> None:
        for row in rows:
            digest = hashlib.blake2b(repr(tuple(row)).encode(), digest_size=16).digest()
            self.sum = (self.sum + int.from_bytes(digest)) % (1 << 128)
            self.rows += 1


def _count_on(new: Connection, table: SchemaTable) -> None:
    """Ids that the database counts up go on after the largest that came with a row."""
    for key in table.primary_key:
        sequence = new.execute(select(func.pg_get_serial_sequence(f'"{table.name}"', key.name))).scalar()
        if sequence is not None:
            largest = new.execute(select(func.max(key))).scalar()
            if largest is not None:
                new.execute(select(func.setval(sequence, largest)))
