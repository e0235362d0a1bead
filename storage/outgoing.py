"""The outbox's rows: what is still to be sent, and what becomes of it. Plain functions of a connection.

How a row comes in is `storage.saving`'s work, with the rest of what one step changes. The statements are put together
once: anew for every message, that alone took 1.5 ms of processor time, twice as much as sending it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import Connection, and_, bindparam, false, func, not_, select, update

from core.messages import ConversationKey
from core.repositories import Unsent
from storage.loading import message_of
from storage.message_map import message_row, remember
from storage.prepared import Prepared
from storage.tables import GIVEN_UP, outbox

PAGE = 20
"""So many rows of a place are read at once: mostly all, and few enough to be read without a thread."""
LONGEST_PAUSE = timedelta(minutes=30)
"""What is put off for longer was put off by a clock that was set back since, or by a service that may say so again."""

_PLACE = (outbox.c.platform, outbox.c.chat, outbox.c.thread)
_IS_UNSENT = outbox.c.sent_at.is_(None)
_IS_ONE_OF = outbox.c.id.in_(bindparam("numbers", expanding=True))
_HAS_TO_WAIT = func.coalesce(
    and_(outbox.c.due_at > bindparam("now"), outbox.c.due_at <= bindparam("longest_pause")), false()
)
_UNSENT = Prepared(
    select(outbox.c.id, outbox.c.body, outbox.c.attempts, _HAS_TO_WAIT.label("waits"))
    .where(*(column == bindparam(f"in_{column.name}") for column in _PLACE), _IS_UNSENT)
    .order_by(outbox.c.id)
    .limit(PAGE)
)
_FIRST = select(func.min(outbox.c.id)).where(_IS_UNSENT).group_by(*_PLACE)
_KEYS = select(*_PLACE).where(outbox.c.id.in_(_FIRST), not_(_HAS_TO_WAIT)).order_by(outbox.c.id)
_SENT = (
    update(outbox)
    .where(_IS_ONE_OF, _IS_UNSENT)
    .values(sent_at=bindparam("now"))
    .returning(
        outbox.c.id,
        outbox.c.platform,
        outbox.c.chat,
        outbox.c.anchor,
        outbox.c.conversation_id,
        outbox.c.generation_id,
    )
)
_GIVEN_UP = update(outbox).where(_IS_ONE_OF).values(attempts=GIVEN_UP)
_RESERVED = (
    update(outbox)
    .where(_IS_ONE_OF, _IS_UNSENT, not_(_HAS_TO_WAIT))
    .values(due_at=bindparam("until"))
    .returning(outbox.c.id)
)
_POSTPONED = (
    update(outbox)
    .where(outbox.c.id == bindparam("number"), _IS_UNSENT)
    .values(due_at=bindparam("until"), attempts=outbox.c.attempts + bindparam("counted"))
)


def unsent(connection: Connection, key: ConversationKey, now: datetime) -> tuple[Unsent, ...]:
    """What is to be sent in a place, in order, up to the first row that has to wait; at most `PAGE` rows."""
    place = {"in_platform": key.platform, "in_chat": key.chat, "in_thread": key.thread}
    found = _UNSENT.rows(connection, place | _at(now))
    ready = tuple(takewhile(lambda row: not row[-1], found))
    shown = {anchor: message_of(connection, anchor) for anchor in {post.anchor for _, post, *_ in ready} - {""}}
    return tuple(
        Unsent(row=row, post=post, attempts=attempts, message_id=shown.get(post.anchor, ""))
        for row, post, attempts, _ in ready
    )


def unsent_keys(connection: Connection, now: datetime) -> tuple[ConversationKey, ...]:
    """Every place whose first unsent row does not have to wait, the longest waiting first."""
    rows = connection.execute(_KEYS, _at(now))
    return tuple(ConversationKey(platform=row.platform, chat=row.chat, thread=row.thread) for row in rows)


def sent(connection: Connection, rows: Mapping[int, str], now: datetime, moved: Mapping[int, ConversationKey]) -> None:
    """Mark rows as sent and remember their messages; rows that were sent before stay as they are."""
    rows_sent = sorted(connection.execute(_SENT, {"numbers": list(rows), "now": now}).all(), key=lambda row: row.id)
    given_up = [row.id for row in rows_sent if not rows[row.id]]
    if given_up:
        connection.execute(_GIVEN_UP, {"numbers": given_up})
    known = [
        message_row(
            row.platform,
            moved[row.id].chat if row.id in moved else row.chat,
            rows[row.id],
            row.conversation_id,
            row.generation_id,
            "" if row.id in moved else row.anchor,
        )
        for row in rows_sent
        if rows[row.id]
    ]
    remember(connection, known, "conversation_id", "generation_id", "anchor")


def reserve(connection: Connection, rows: Collection[int], now: datetime, until: datetime) -> frozenset[int]:
    """Have these rows wait for nobody but the caller; returns them without those that wait for somebody else, or were
    sent."""
    free = connection.execute(_RESERVED, {"numbers": sorted(rows), "until": until} | _at(now))
    return frozenset(row.id for row in free)


def postpone(connection: Connection, row: int, until: datetime, counted: bool) -> None:
    """Try the row not before `until`, and count an attempt unless it is not to be counted."""
    connection.execute(_POSTPONED, {"number": row, "until": until, "counted": int(counted)})


def _at(now: datetime) -> dict[str, datetime]:
    """The moments that say whether a row has to wait."""
    return {"now": now, "longest_pause": now + LONGEST_PAUSE}
