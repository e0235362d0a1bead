"""When the program was last alive: a counter whose number is a moment, in seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from core.repositories import Changes
from storage import saving
from storage.database import upsert
from storage.tables import counters

ALIVE = "alive"


def last_alive(connection: Connection) -> datetime | None:
    """The moment that was kept last."""
    value = connection.execute(select(counters.c.value).where(counters.c.name == ALIVE)).scalar()
    return None if value is None else datetime.fromtimestamp(value, UTC)


def alive(connection: Connection, now: datetime, before: datetime | None, changes: Changes | None) -> bool:
    """Keep this moment and the changes, unless another moment than `before` is kept already."""
    number = int(now.timestamp())
    if before is None:
        first = upsert(connection, counters).values(name=ALIVE, value=number).on_conflict_do_nothing()
        kept = connection.execute(first).rowcount == 1
    else:
        same = (counters.c.name == ALIVE) & (counters.c.value == int(before.timestamp()))
        kept = connection.execute(update(counters).where(same).values(value=number)).rowcount == 1
    if kept and changes is not None:
        saving.commit(connection, changes)
    return kept
