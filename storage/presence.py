"""When the program was last alive: a counter whose number is a moment, in seconds since 1970.

On SQLite, on one machine, time is what the caller's clock says. On PostgreSQL it is the database's: the clocks of the
machines over it need not agree, and how long nobody was there is counted on one clock alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select, update

from core.absence import LastAlive
from core.repositories import Changes
from storage import saving
from storage.database import upsert
from storage.tables import counters

ALIVE = "alive"


def last_alive(connection: Connection, now: datetime) -> LastAlive | None:
    """The moment that was kept last, as the clock has it that says `now`."""
    mark = connection.execute(select(counters.c.value).where(counters.c.name == ALIVE)).scalar()
    if mark is None:
        return None
    if connection.dialect.name != "postgresql":
        return LastAlive(mark=mark, at=datetime.fromtimestamp(mark, UTC))
    return LastAlive(mark=mark, at=now - timedelta(seconds=_databases_time(connection) - mark))


def alive(connection: Connection, now: datetime, before: LastAlive | None, changes: Changes | None) -> bool:
    """Keep this moment and the changes, unless another moment than `before` is kept already."""
    number = int(_databases_time(connection) if connection.dialect.name == "postgresql" else now.timestamp())
    if before is None:
        first = upsert(connection.dialect.name, counters).values(name=ALIVE, value=number).on_conflict_do_nothing()
        kept = connection.execute(first.returning(counters.c.name)).one_or_none() is not None
    else:
        same = (counters.c.name == ALIVE) & (counters.c.value == before.mark)
        kept = connection.execute(update(counters).where(same).values(value=number)).rowcount == 1
    if kept and changes is not None:
        saving.commit(connection, changes)
    return kept


def _databases_time(connection: Connection) -> float:
    return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
