"""Everything that reads rows, as plain functions of a connection.

What runs in every turn is a `Prepared`, put together once and given what is asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, func, literal_column, not_, or_, select

from core.conversation import Conversation, Waiting
from core.generation import OPEN, RUNNING, Generation, GenerationStatus
from core.messages import ConversationKey
from core.money import EntryKind, LedgerEntry
from core.repositories import Admitted, Scene
from storage.prepared import Prepared
from storage.tables import (
    GIVEN_UP,
    conversations,
    counters,
    generations,
    inbox,
    ledger,
    messages,
    model_calls,
    outbox,
)

_WAITING = frozenset({GenerationStatus.AMBIGUOUS, GenerationStatus.PENDING_APPROVAL})
ALIVE = tuple(status.value for status in OPEN | RUNNING | _WAITING)
"""Statuses of which a scene holds every generation."""
MAX_FINISHED = 10
"""How many of the others a scene holds."""
MAX_CONVERSATIONS = 20
MAX_TIMES = 100
_STANDS_FOR = Prepared(
    select(messages.c.message_id)
    .where(messages.c.anchor == bindparam("asked"), messages.c.anchor != literal_column("''"))
    .order_by(messages.c.id.desc())
    .limit(1)
)
"""Put together once: it is asked for nearly everything that is sent. The second condition is the index's own."""


def _in_place(table: Table) -> ColumnElement[bool]:
    """Rows of the place that a statement is given with `_place`."""
    return and_(
        table.c.platform == bindparam("in_platform"),
        table.c.chat == bindparam("in_chat"),
        table.c.thread == bindparam("in_thread"),
    )


def _place(key: ConversationKey) -> dict[str, str]:
    return {"in_platform": key.platform, "in_chat": key.chat, "in_thread": key.thread}


_WAITING_IN = Prepared(
    select(inbox.c.id, inbox.c.body, inbox.c.received_at)
    .where(_in_place(inbox), inbox.c.done_at.is_(None))
    .order_by(inbox.c.id)
)
_KNOWN = Prepared(
    select(
        or_(
            select(conversations.c.id).where(_in_place(conversations)).exists(),
            select(inbox.c.id).where(_in_place(inbox), inbox.c.done_at.is_(None)).exists(),
        )
    )
)
_MESSAGE = and_(
    messages.c.platform == bindparam("in_platform"),
    messages.c.chat == bindparam("in_chat"),
    messages.c.message_id == bindparam("asked"),
)
_CONVERSATION_OF = Prepared(select(messages.c.conversation_id).where(_MESSAGE))
_GENERATION_OF = Prepared(select(messages.c.generation_id).where(_MESSAGE))
_CURRENT = Prepared(
    select(conversations.c.id).where(
        _in_place(conversations), conversations.c.owner_id == bindparam("owner"), conversations.c.is_current
    )
)
_CONVERSATION = Prepared(select(conversations.c.body).where(conversations.c.id == bindparam("asked")))
_IS_ALIVE = generations.c.status.in_([literal_column(f"'{status}'") for status in ALIVE])
_OF_CONVERSATION = select(generations.c.body).where(generations.c.conversation_id == bindparam("asked"))
_ALIVE_OF = Prepared(_OF_CONVERSATION.where(_IS_ALIVE))
_LATEST_OF = Prepared(_OF_CONVERSATION.where(not_(_IS_ALIVE)).order_by(generations.c.id.desc()).limit(MAX_FINISHED))
_GENERATION = Prepared(select(generations.c.body).where(generations.c.id == bindparam("asked")))
_NEWEST_SAID = Prepared(
    # Newest first along the primary key: what is asked for was said lately, so few rows are looked at.
    select(outbox.c.sent_at, outbox.c.attempts)
    .where(outbox.c.anchor == bindparam("asked"))
    .order_by(outbox.c.id.desc())
    .limit(1)
)
_TO_BE_SAID = Prepared(
    select(outbox.c.id).where(outbox.c.anchor == bindparam("asked"), outbox.c.sent_at.is_(None)).limit(1)
)


def probe(connection: Connection) -> None:
    """Fail as any statement would when the database is away or has no tables."""
    connection.execute(select(counters.c.value).limit(1))


def waiting(connection: Connection, key: ConversationKey) -> tuple[Waiting, ...]:
    """What waits in a place, oldest first."""
    rows = _WAITING_IN.rows(connection, _place(key))
    return tuple(Waiting(row=row, incoming=body, received_at=received_at) for row, body, received_at in rows)


def waiting_keys(connection: Connection) -> tuple[ConversationKey, ...]:
    """Every place where something waits, the longest waiting first."""
    place = (inbox.c.platform, inbox.c.chat, inbox.c.thread)
    rows = connection.execute(
        select(*place).where(inbox.c.done_at.is_(None)).group_by(*place).order_by(func.min(inbox.c.id))
    )
    return tuple(ConversationKey(platform=row.platform, chat=row.chat, thread=row.thread) for row in rows)


def known(connection: Connection, key: ConversationKey) -> bool:
    """Whether there is a conversation in a place, or something waits that may begin one."""
    return bool(_KNOWN.value(connection, _place(key)))


def conversation_of(connection: Connection, key: ConversationKey, message_id: str) -> str | None:
    """The conversation that a message of either side belongs to."""
    asked = {"in_platform": key.platform, "in_chat": key.chat, "asked": message_id}
    found: str | None = _CONVERSATION_OF.value(connection, asked)
    return found


def generation_of(connection: Connection, key: ConversationKey, message_id: str) -> int | None:
    """The generation that a message of ours is about."""
    asked = {"in_platform": key.platform, "in_chat": key.chat, "asked": message_id}
    found: int | None = _GENERATION_OF.value(connection, asked)
    return found


def scene(connection: Connection, conversation_id: str) -> Scene | None:
    """The conversation with every generation that is alive and the last finished ones, newest first."""
    asked = {"asked": conversation_id}
    conversation: Conversation | None = _CONVERSATION.value(connection, asked)
    if conversation is None:
        return None
    # Two statements: a row that moves between them may turn up twice, and is then taken as it was read last.
    found: dict[int, Generation] = {row.id: row for (row,) in _ALIVE_OF.rows(connection, asked)}
    found.update({row.id: row for (row,) in _LATEST_OF.rows(connection, asked)})
    return Scene(conversation=conversation, generations=tuple(found[row] for row in sorted(found, reverse=True)))


def current(connection: Connection, key: ConversationKey, owner_id: str) -> str | None:
    """Somebody's current conversation in a place."""
    found: str | None = _CURRENT.value(connection, {**_place(key), "owner": owner_id})
    return found


def owned(connection: Connection, key: ConversationKey, owner_id: str) -> tuple[Conversation, ...]:
    """Somebody's conversations in a place, latest first."""
    statement = (
        select(conversations.c.body)
        .where(_in_place(conversations), conversations.c.owner_id == owner_id)
        .order_by(conversations.c.updated_at.desc())
        .limit(MAX_CONVERSATIONS)
    )
    return tuple(connection.execute(statement, _place(key)).scalars())


def generation(connection: Connection, generation_id: int) -> Generation | None:
    """One generation as it is now."""
    found: Generation | None = _GENERATION.value(connection, {"asked": generation_id})
    return found


def with_status(connection: Connection, *statuses: str) -> tuple[Generation, ...]:
    """Every generation in one of these statuses, oldest first."""
    statement = select(generations.c.body).where(generations.c.status.in_(statuses)).order_by(generations.c.id)
    return tuple(connection.execute(statement).scalars())


def some(connection: Connection, ids: Collection[int]) -> tuple[Generation, ...]:
    """These rows as they are now, oldest first."""
    statement = select(generations.c.body).where(generations.c.id.in_(ids)).order_by(generations.c.id)
    return tuple(connection.execute(statement).scalars())


def revisions(connection: Connection, *statuses: str) -> dict[int, int]:
    """The revision of every generation in one of these statuses, oldest first."""
    columns = generations.c
    statement = select(columns.id, columns.revision).where(columns.status.in_(statuses)).order_by(columns.id)
    return dict(connection.execute(statement).all())


def count(connection: Connection, *statuses: str) -> int:
    """How many are in one of these statuses."""
    statement = select(func.count()).select_from(generations).where(generations.c.status.in_(statuses))
    return int(connection.execute(statement).scalar_one())


def due(connection: Connection, now: datetime, *statuses: str) -> tuple[Generation, ...]:
    """Those whose `due_at` has come, oldest first."""
    statement = (
        select(generations.c.body)
        .where(generations.c.status.in_(statuses), generations.c.due_at <= now)
        .order_by(generations.c.id)
    )
    return tuple(connection.execute(statement).scalars())


def admitted(connection: Connection, since: datetime) -> tuple[Admitted, ...]:
    """Who was let in since then, newest last."""
    columns = generations.c
    statement = (
        select(columns.requester_id, columns.model, columns.admitted_at)
        .where(columns.admitted_at >= since)
        .order_by(columns.admitted_at, columns.id)
    )
    rows = connection.execute(statement)
    return tuple(Admitted(person_id=row.requester_id, model=row.model, at=row.admitted_at) for row in rows)


def of_person(connection: Connection, person_id: str, limit: int) -> tuple[Generation, ...]:
    """Somebody's generations in every place: all that are alive and the last finished ones, newest first."""
    own = select(generations.c.body).where(generations.c.requester_id == person_id)
    alive = connection.execute(own.where(generations.c.status.in_(ALIVE))).scalars()
    ended = own.where(generations.c.status.not_in(ALIVE)).order_by(generations.c.id.desc()).limit(limit)
    found: dict[int, Generation] = {generation.id: generation for generation in alive}
    found.update({generation.id: generation for generation in connection.execute(ended).scalars()})
    return tuple(found[row] for row in sorted(found, reverse=True))


def times(connection: Connection, model: str) -> tuple[float, ...]:
    """Seconds from order to finished of the model's latest clips, newest first."""
    statement = (
        select(generations.c.took_s)
        .where(generations.c.model == model, generations.c.took_s.is_not(None))
        .order_by(generations.c.id.desc())
        .limit(MAX_TIMES)
    )
    return tuple(connection.execute(statement).scalars())


def message_of(connection: Connection, anchor: str) -> str:
    """The platform's message that an anchor stands for, or empty."""
    return _STANDS_FOR.value(connection, {"asked": anchor}) or ""


def shown_at(connection: Connection, anchor: str) -> datetime | None:
    """When the newest of what was to be said under an anchor went out; None when nobody can have seen it."""
    asked = {"asked": anchor}
    newest = _NEWEST_SAID.row(connection, asked)
    if newest is None:
        return None
    sent_at: datetime | None
    sent_at, attempts = newest
    if sent_at is None or attempts == GIVEN_UP:
        return None
    return sent_at if _TO_BE_SAID.row(connection, asked) is None else None


def entries(connection: Connection, generation_id: int) -> tuple[LedgerEntry, ...]:
    """What was booked for a generation, oldest first."""
    rows = connection.execute(select(ledger).where(ledger.c.generation_id == generation_id).order_by(ledger.c.id))
    return tuple(
        LedgerEntry(
            kind=EntryKind(row.kind),
            amount=row.amount,
            generation_id=row.generation_id,
            person_id=row.person_id,
            conversation_id=row.conversation_id,
            team=row.team,
            reason=row.reason,
            at=row.at,
        )
        for row in rows
    )


def talk_cost(connection: Connection, person_id: str, since: datetime) -> int:
    """Micros that dialogue models cost for somebody."""
    statement = select(func.coalesce(func.sum(model_calls.c.cost), 0)).where(
        model_calls.c.person_id == person_id, model_calls.c.at >= since
    )
    return int(connection.execute(statement).scalar_one())


def balance(connection: Connection, generation_id: int) -> dict[str, int]:
    """Micros by kind of ledger entry."""
    statement = (
        select(ledger.c.kind, func.sum(ledger.c.amount))
        .where(ledger.c.generation_id == generation_id)
        .group_by(ledger.c.kind)
    )
    return {kind: int(amount) for kind, amount in connection.execute(statement)}
