"""Events for programs outside, as rows: saved with the change they tell of, told one after the other, listed, replayed,
and forgotten.

What is told of a change is the work of `core.events`, sending it `core.announcing`'s. The caller's transaction makes
each function whole.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, literal, or_, select, update

from core.events import Announce, Event, on_the_way
from core.repositories import Changes, UntoldEvent
from storage.columns import Moment
from storage.database import Database
from storage.tables import events, generations

_AS_READ = select(generations.c.body).where(
    generations.c.id == bindparam("asked"), generations.c.revision == bindparam("as_read")
)
_UNTOLD = and_(events.c.sent_at.is_(None), events.c.given_up_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """An event and what became of it."""

    event: Event
    attempts: int
    """Tries that failed."""
    due_at: datetime
    """The next try, of what is neither sent nor given up."""
    sent_at: datetime | None
    given_up_at: datetime | None


class EventStore:
    """The rows of the events: the port `EventRows`, and what an admin does with them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def telling(self, now: datetime, limit: int) -> tuple[int, ...]:
        """Generations whose first untold event is due, the longest waiting first."""
        return await self._database.read(telling, now, limit)

    async def claim(self, generation_id: int, now: datetime, until: datetime) -> UntoldEvent | None:
        """The generation's first untold event, if it is due; nobody else is given it before `until`."""
        return await self._database.write(claim, generation_id, now, until)

    async def told(self, row: int, now: datetime) -> None:
        """The receiver has it."""
        await self._database.write(told, row, now)

    async def put_off(self, row: int, until: datetime | None, now: datetime) -> None:
        """A try at `now` failed: the next one is not before `until`; None gives it up."""
        await self._database.write(put_off, row, until, now)

    async def prune(self, told_before: datetime, given_up_before: datetime, limit: int) -> int:
        """Forget events that were told, or given up, before these moments, at most `limit`; returns how many."""
        return await self._database.write(prune, told_before, given_up_before, limit)

    async def listed(self, *, given_up: bool, limit: int) -> tuple[KeptEvent, ...]:
        """The last `limit` events, oldest first; `given_up`: only the dead letters among them."""
        return await self._database.read(listed, given_up, limit)

    async def replay(self, event_ids: Collection[str] | None, now: datetime) -> tuple[str, ...]:
        """Let these be told anew, with a day of their own; None for every dead letter. Returns the ids of those that
        are, in their order; what waits to be told anyway is not among them."""
        return await self._database.write(replay, event_ids, now)


def announced(connection: Connection, changes: Changes, announce: Announce) -> list[Event]:
    """What is to be told of the changes; to be asked before the generations are saved."""
    found = []
    for after in sorted(changes.generations, key=lambda generation: generation.id):
        asked = {"asked": after.id, "as_read": after.revision}
        before = connection.execute(_AS_READ, asked).scalar_one_or_none()
        for row in on_the_way(before, after):
            # What is booked in the same go belongs to where it stands in the end.
            entries, house = (changes.entries, changes.house) if row is after else ((), ())
            event = announce(before, row, entries, house)
            if event is not None:
                found.append(event)
            before = row
    return found


def keep(connection: Connection, new: Collection[Event], now: datetime) -> None:
    """Save events, after the generations that they tell of: whoever saves one of those next then comes behind."""
    if new:
        rows = [
            {
                "event_id": event.id,
                "generation_id": event.generation_id,
                "kind": event.kind.value,
                "body": event,
                "created_at": now,
                "due_at": now,
                "attempts": 0,
            }
            for event in new
        ]
        connection.execute(insert(events), rows)


def telling(connection: Connection, now: datetime, limit: int) -> tuple[int, ...]:
    """Generations whose first untold event is due."""
    first = select(func.min(events.c.id)).where(_UNTOLD).group_by(events.c.generation_id)
    due = select(events.c.generation_id).where(events.c.id.in_(first), events.c.due_at <= now)
    return tuple(connection.execute(due.order_by(events.c.id).limit(limit)).scalars())


def claim(connection: Connection, generation_id: int, now: datetime, until: datetime) -> UntoldEvent | None:
    """The generation's first untold event, if it is due."""
    first = select(func.min(events.c.id)).where(_UNTOLD, events.c.generation_id == generation_id)
    # The conditions are looked at again once whoever claims it at the same moment is done, so only one of them wins.
    statement = (
        update(events)
        .where(events.c.id == first.scalar_subquery(), _UNTOLD, events.c.due_at <= now)
        .values(due_at=until)
        .returning(events.c.id, events.c.body, events.c.attempts, events.c.tried_since)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    return UntoldEvent(row=row.id, event=row.body, attempts=row.attempts, tried_since=row.tried_since)


def told(connection: Connection, row: int, now: datetime) -> None:
    """The receiver has it, also where somebody gave it up meanwhile."""
    connection.execute(update(events).where(events.c.id == row).values(sent_at=now, given_up_at=None))


def put_off(connection: Connection, row: int, until: datetime | None, now: datetime) -> None:
    """A try failed; what was told by somebody else meanwhile stays told."""
    statement = update(events).where(events.c.id == row, events.c.sent_at.is_(None))
    tried_since = func.coalesce(events.c.tried_since, literal(now, Moment()))
    ended = {"given_up_at": now} if until is None else {"due_at": until}
    connection.execute(statement.values(attempts=events.c.attempts + 1, tried_since=tried_since, **ended))


def prune(connection: Connection, told_before: datetime, given_up_before: datetime, limit: int) -> int:
    """Forget old events. Only the oldest `limit` of those that are told or long given up are looked at, so that it
    costs the same however many there are; what was told once more lately may keep newer ones a while longer."""
    long_given_up = events.c.given_up_at < given_up_before
    first = select(events.c.id).where(or_(events.c.sent_at.is_not(None), long_given_up)).order_by(events.c.id)
    # The moments are looked at again where it is deleted: somebody may have let it be told anew just now.
    old = or_(events.c.sent_at < told_before, long_given_up)
    return connection.execute(delete(events).where(events.c.id.in_(first.limit(limit)), old)).rowcount


def listed(connection: Connection, given_up: bool, limit: int) -> tuple[KeptEvent, ...]:
    """The last events."""
    statement = select(events).order_by(events.c.id.desc()).limit(limit)
    if given_up:
        statement = statement.where(events.c.given_up_at.is_not(None))
    rows = [
        KeptEvent(
            event=row.body,
            attempts=row.attempts,
            due_at=row.due_at,
            sent_at=row.sent_at,
            given_up_at=row.given_up_at,
        )
        for row in connection.execute(statement)
    ]
    return tuple(reversed(rows))


def replay(connection: Connection, event_ids: Collection[str] | None, now: datetime) -> tuple[str, ...]:
    """Let events be told anew."""
    given_up = events.c.given_up_at.is_not(None)
    named = events.c.event_id.in_(event_ids or ()) & (events.c.sent_at.is_not(None) | given_up)
    which = given_up if event_ids is None else named
    values = {"due_at": now, "attempts": 0, "tried_since": None, "sent_at": None, "given_up_at": None}
    rows = connection.execute(update(events).where(which).values(**values).returning(events.c.id, events.c.event_id))
    return tuple(row.event_id for row in sorted(rows, key=lambda row: row.id))
