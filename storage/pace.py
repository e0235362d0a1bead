"""How fast all processes over one PostgreSQL go together: the `Pace` port.

Each name has a row with the moment at which all of its burst is free again. A place moves that moment on by one
interval, and is free from a burst before it (the generic cell rate algorithm): the row says all there is to know,
however many places were given out. Time is the database's, so that the machines' clocks need not agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from core.errors import PermanentError, TemporaryError
from core.ports import Rate
from storage.database import Database, upsert
from storage.tables import paces

FORGET_EVERY = 500
"""After so many questions of one process old rows are removed."""
FORGET_AFTER_S = 600.0
MOST_FORGOTTEN = 5_000
"""Rows removed at once: many more than the questions between can have made."""
FURTHEST_S = 60.0
"""Nobody waits longer for what was counted, or says so by `at_most_s`: a row further ahead is from before the
database's clock was set back."""


class PostgresPace:
    """Implements the `Pace` port; PostgreSQL only.

    forget_every: after so many questions old rows are removed
    """

    def __init__(self, database: Database, *, forget_every: int = FORGET_EVERY) -> None:
        self._database = database
        self._forget_every = forget_every
        self._asked = 0

    async def wait_s(self, rates: Sequence[Rate], *, at_most_s: float) -> float:
        """How many seconds to wait before going on; it is counted then, for all of the rates. When that is more than
        `at_most_s`, nothing is counted. Raises TemporaryError."""
        with _temporary():
            wait = await self._database.write(_take, rates, at_most_s)
            while wait is None:
                await self._database.write(_make, sorted({rate.name for rate in rates if rate.every_s > 0}))
                wait = await self._database.write(_take, rates, at_most_s)
        self._asked += 1
        if self._asked % self._forget_every == 0:
            with suppress(TemporaryError), _temporary():  # the place is taken, they are removed another time
                await self._database.write(_forget)
        return wait

    async def hold(self, name: str, seconds: float) -> None:
        """Whoever asks for a rate of that name waits so long, in this process or another. Raises TemporaryError."""
        with _temporary():
            await self._database.write(_hold, name, seconds)


@contextmanager
def _temporary() -> Iterator[None]:
    """Nothing is wrong with the message that asks: it waits, also when somebody has to see to the database."""
    try:
        yield
    except PermanentError as error:
        raise TemporaryError(str(error)) from error


def _take(connection: Connection, rates: Sequence[Rate], at_most_s: float) -> float | None:
    """The seconds to wait; None when a row is missing that has to be counted in.

    Rows are locked in the order of their names and never while others are being made, so that two processes never
    wait for each other."""
    locked = connection.execute(
        select(paces).where(paces.c.name.in_([rate.name for rate in rates])).order_by(paces.c.name).with_for_update()
    )
    rows = {row.name: row for row in locked}
    counted = [rate for rate in rates if rate.every_s > 0]
    if any(rate.name not in rows for rate in counted):
        return None
    now = connection.execute(select(func.clock_timestamp())).scalar_one()  # once the rows are ours, not before
    held = [row.held_until for row in rows.values() if row.held_until is not None]
    full = {rate.name: _full_at(rate, rows[rate.name], now, at_most_s) for rate in counted}
    at = max([now, *held, *(full[rate.name] - (rate.burst - 1) * _interval(rate) for rate in counted)])
    wait: float = (at - now).total_seconds()
    if wait <= at_most_s and counted:
        connection.execute(
            update(paces).where(paces.c.name == bindparam("which")).values(free_at=bindparam("free")),
            [{"which": rate.name, "free": max(full[rate.name], at) + _interval(rate)} for rate in counted],
        )
    return wait


def _full_at(rate: Rate, row: Row[tuple[object, ...]], now: datetime, at_most_s: float) -> datetime:
    """When all of the burst is free again."""
    free_at: datetime = row.free_at
    furthest = now + rate.burst * _interval(rate) + timedelta(seconds=max(at_most_s, FURTHEST_S))
    return min(free_at, furthest)


def _interval(rate: Rate) -> timedelta:
    """Rounded up: moments are kept in microseconds, and sooner would be too often."""
    return timedelta(microseconds=math.ceil(rate.every_s * 1_000_000))


def _make(connection: Connection, names: Sequence[str]) -> None:
    rows = [{"name": name, "free_at": func.clock_timestamp()} for name in names]
    connection.execute(upsert(connection.dialect.name, paces).values(rows).on_conflict_do_nothing())


def _hold(connection: Connection, name: str, seconds: float) -> None:
    now = func.clock_timestamp()
    until = now + timedelta(seconds=seconds)
    new = upsert(connection.dialect.name, paces).values(name=name, free_at=now, held_until=until)
    later = func.greatest(paces.c.held_until, new.excluded.held_until)
    connection.execute(new.on_conflict_do_update(index_elements=[paces.c.name], set_={"held_until": later}))


def _forget(connection: Connection) -> None:
    """Remove rows that say no more than no row does; those in use are passed over."""
    before = func.clock_timestamp() - timedelta(seconds=FORGET_AFTER_S)
    idle = (paces.c.free_at < before) & (func.coalesce(paces.c.held_until, before) <= before)
    some = select(paces.c.name).where(idle).limit(MOST_FORGOTTEN).with_for_update(skip_locked=True)
    connection.execute(delete(paces).where(paces.c.name.in_(some)))
