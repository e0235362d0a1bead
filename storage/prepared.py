"""Statements that run in every turn, put together and compiled once.

On SQLite, whose rows are in this process, SQLAlchemy's part in running a statement takes longer than the statement:
0.11 ms of processor time with one that is put together already, 0.35 ms with one that is not, against 0.02 ms of the
driver. So there it compiles the statement and says how values are turned into columns and back, and the driver runs it.
What a statement says stays in `storage.loading`, `storage.saving` and their neighbours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlalchemy.types import TypeEngine

Statement = Select[*tuple[Any, ...]] | Insert | Update | Delete | ReturningInsert[Any] | ReturningUpdate[Any]
Convert = Callable[[Any], Any]


class Prepared:
    """A statement whose parameters are columns' values, or named by `bindparam`; not with a list of them, as `in_`
    takes. Every method raises what `Connection.execute` raises."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement.inline() if isinstance(statement, Insert) else statement
        self._compiled: dict[tuple[str, ...], _Compiled] = {}

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """What is found or returned, all of it."""
        if connection.dialect.name == "sqlite":
            compiled = self._for(connection.dialect, given)
            try:
                return compiled.taken(compiled.run(connection, given).fetchall())
            except sqlite3.Error:
                pass  # it did nothing; SQLAlchemy meets the error as well, and knows what it means
        return connection.execute(self.statement, given).all()

    def row(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first of the rows."""
        rows = self.rows(connection, given)
        return rows[0] if rows else None

    def value(self, connection: Connection, given: Mapping[str, Any]) -> Any | None:
        """The first column of the first of the rows."""
        row = self.row(connection, given)
        return row[0] if row is not None else None

    def change(self, connection: Connection, given: Mapping[str, Any]) -> int:
        """How many rows it added, changed or removed."""
        if connection.dialect.name == "sqlite":
            try:
                return self._for(connection.dialect, given).run(connection, given).rowcount
            except sqlite3.Error:
                pass  # as above
        return connection.execute(self.statement, given).rowcount

    def each(self, connection: Connection, given: Sequence[Mapping[str, Any]]) -> None:
        """`change`, for each of these."""
        if connection.dialect.name == "sqlite":
            for one in given:
                self.change(connection, one)
        elif given:
            connection.execute(self.statement, given)

    def _for(self, dialect: Dialect, given: Mapping[str, Any]) -> _Compiled:
        names = () if isinstance(self.statement, Select) else tuple(given)
        if names not in self._compiled:
            self._compiled[names] = _compile(self.statement, dialect, names)
        return self._compiled[names]


@dataclass(frozen=True, slots=True)
class _Compiled:
    text: str
    constants: Mapping[str, Any]
    parameters: tuple[tuple[str, Convert | None], ...]
    columns: tuple[tuple[int, Convert], ...]
    """Those that are not taken as they are."""

    def run(self, connection: Connection, given: Mapping[str, Any]) -> sqlite3.Cursor:
        known = {**self.constants, **given}
        values = [known[name] if convert is None else convert(known[name]) for name, convert in self.parameters]
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver.execute(self.text, values)

    def taken(self, found: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        if not self.columns:
            return found
        rows = [list(row) for row in found]
        for row in rows:
            for place, convert in self.columns:
                row[place] = convert(row[place])
        return rows


def _compile(statement: Statement, dialect: Dialect, names: Sequence[str]) -> _Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=list(names) or None)
    parameters = [(name, compiled.binds[name].type) for name in compiled.positiontup or ()]
    returned = statement.selected_columns if isinstance(statement, Select) else statement.exported_columns
    results = [_result(column.type, dialect) for column in returned]
    return _Compiled(
        text=str(compiled),
        constants=compiled.params,
        parameters=tuple((name, type_.dialect_impl(dialect).bind_processor(dialect)) for name, type_ in parameters),
        columns=tuple((place, convert) for place, convert in enumerate(results) if convert is not None),
    )


def _result(type_: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return type_.dialect_impl(dialect).result_processor(dialect, None)
