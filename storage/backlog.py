"""What has been waiting the longest, for those who watch over the program."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from storage.tables import events, inbox, outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Since when the oldest of each kind waits; None when nothing does."""

    inbox: datetime | None
    """Messages that are not answered."""
    outbox: datetime | None
    """What is to be said."""
    events: datetime | None
    """What programs outside are to be told."""
    events_waiting: int
    """How many events are neither told nor given up."""
    events_given_up: int
    """How many events nobody took."""


def backlog(connection: Connection, platforms: Collection[str]) -> Backlog:
    """What waits, on these platforms; of others nobody here could deal with it."""
    heard = select(func.min(inbox.c.received_at)).where(inbox.c.done_at.is_(None), inbox.c.platform.in_(platforms))
    said = select(func.min(outbox.c.created_at)).where(outbox.c.sent_at.is_(None), outbox.c.platform.in_(platforms))
    untold = and_(events.c.sent_at.is_(None), events.c.given_up_at.is_(None))
    told = select(func.min(events.c.created_at), func.count()).where(untold)
    given_up = select(func.count()).select_from(events).where(events.c.given_up_at.is_not(None))
    oldest, waiting = connection.execute(told).one()
    return Backlog(
        inbox=connection.execute(heard).scalar(),
        outbox=connection.execute(said).scalar(),
        events=oldest,
        events_waiting=waiting,
        events_given_up=connection.execute(given_up).scalar_one(),
    )
