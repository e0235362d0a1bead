"""Everything that reads rows, as plain functions of a connection."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, false, func, not_, or_, select

from core.conversation import Conversation, Waiting
from core.generation import OPEN, RUNNING, Generation, GenerationStatus
from core.messages import ConversationKey
from core.money import EntryKind, LedgerEntry
from core.repositories import Admitted, Scene, Unsent
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
LONGEST_PAUSE = timedelta(minutes=30)
"""What is put off for longer was put off by a clock that was set back since, or by a service that may say so again."""


def _in_place(table: Table, key: ConversationKey) -> ColumnElement[bool]:
    return and_(table.c.platform == key.platform, table.c.chat == key.chat, table.c.thread == key.thread)


def _keys(connection: Connection, table: Table, open_rows: ColumnElement[bool]) -> tuple[ConversationKey, ...]:
    """The places of the rows that are open, the longest waiting first."""
    place = (table.c.platform, table.c.chat, table.c.thread)
    rows = connection.execute(select(*place).where(open_rows).group_by(*place).order_by(func.min(table.c.id)))
    return tuple(ConversationKey(platform=row.platform, chat=row.chat, thread=row.thread) for row in rows)


def probe(connection: Connection) -> None:
    """Fail as any statement would when the database is away or has no tables."""
    connection.execute(select(counters.c.value).limit(1))


def waiting(connection: Connection, key: ConversationKey) -> tuple[Waiting, ...]:
    """What waits in a place, oldest first."""
    statement = (
        select(inbox.c.id, inbox.c.body, inbox.c.received_at)
        .where(_in_place(inbox, key), inbox.c.done_at.is_(None))
        .order_by(inbox.c.id)
    )
    rows = connection.execute(statement)
    return tuple(Waiting(row=row.id, incoming=row.body, received_at=row.received_at) for row in rows)


def waiting_keys(connection: Connection) -> tuple[ConversationKey, ...]:
    """Every place where something waits."""
    return _keys(connection, inbox, inbox.c.done_at.is_(None))


def known(connection: Connection, key: ConversationKey) -> bool:
    """Whether there is a conversation in a place, or something waits that may begin one."""
    begun = select(conversations.c.id).where(_in_place(conversations, key)).exists()
    waits = select(inbox.c.id).where(_in_place(inbox, key), inbox.c.done_at.is_(None)).exists()
    return bool(connection.execute(select(or_(begun, waits))).scalar_one())


def conversation_of(connection: Connection, key: ConversationKey, message_id: str) -> str | None:
    """The conversation that a message of either side belongs to."""
    statement = select(messages.c.conversation_id).where(
        messages.c.platform == key.platform, messages.c.chat == key.chat, messages.c.message_id == message_id
    )
    found: str | None = connection.execute(statement).scalar_one_or_none()
    return found


def generation_of(connection: Connection, key: ConversationKey, message_id: str) -> int | None:
    """The generation that a message of ours is about."""
    statement = select(messages.c.generation_id).where(
        messages.c.platform == key.platform, messages.c.chat == key.chat, messages.c.message_id == message_id
    )
    found: int | None = connection.execute(statement).scalar_one_or_none()
    return found


def scene(connection: Connection, conversation_id: str) -> Scene | None:
    """The conversation with every generation that is alive and the last finished ones, newest first."""
    conversation: Conversation | None = connection.execute(
        select(conversations.c.body).where(conversations.c.id == conversation_id)
    ).scalar_one_or_none()
    if conversation is None:
        return None
    own = select(generations.c.body).where(generations.c.conversation_id == conversation_id)
    alive = connection.execute(own.where(generations.c.status.in_(ALIVE))).scalars()
    latest = own.where(generations.c.status.not_in(ALIVE)).order_by(generations.c.id.desc()).limit(MAX_FINISHED)
    # Two statements: a row that moves between them may turn up twice, and is then taken as it was read last.
    found: dict[int, Generation] = {generation.id: generation for generation in alive}
    found.update({generation.id: generation for generation in connection.execute(latest).scalars()})
    return Scene(conversation=conversation, generations=tuple(found[row] for row in sorted(found, reverse=True)))


def current(connection: Connection, key: ConversationKey, owner_id: str) -> str | None:
    """Somebody's current conversation in a place."""
    statement = select(conversations.c.id).where(
        _in_place(conversations, key), conversations.c.owner_id == owner_id, conversations.c.is_current
    )
    found: str | None = connection.execute(statement).scalar_one_or_none()
    return found


def owned(connection: Connection, key: ConversationKey, owner_id: str) -> tuple[Conversation, ...]:
    """Somebody's conversations in a place, latest first."""
    statement = (
        select(conversations.c.body)
        .where(_in_place(conversations, key), conversations.c.owner_id == owner_id)
        .order_by(conversations.c.updated_at.desc())
        .limit(MAX_CONVERSATIONS)
    )
    return tuple(connection.execute(statement).scalars())


def generation(connection: Connection, generation_id: int) -> Generation | None:
    """One generation as it is now."""
    statement = select(generations.c.body).where(generations.c.id == generation_id)
    found: Generation | None = connection.execute(statement).scalar_one_or_none()
    return found


def with_status(connection: Connection, *statuses: str) -> tuple[Generation, ...]:
    """Every generation in one of these statuses, oldest first."""
    statement = select(generations.c.body).where(generations.c.status.in_(statuses)).order_by(generations.c.id)
    return tuple(connection.execute(statement).scalars())


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
    statement = (
        select(messages.c.message_id)
        .where(messages.c.anchor == anchor, messages.c.anchor != "")
        .order_by(messages.c.id.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar_one_or_none() or ""


def shown_at(connection: Connection, anchor: str) -> datetime | None:
    """When the newest of what was to be said under an anchor went out; None when nobody can have seen it."""
    of_anchor = outbox.c.anchor == anchor
    # Newest first along the primary key: what is asked for was said lately, so few rows are looked at.
    newest = select(outbox.c.sent_at, outbox.c.attempts).where(of_anchor).order_by(outbox.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    if row is None or row.sent_at is None or row.attempts == GIVEN_UP:
        return None
    waits = connection.execute(select(outbox.c.id).where(of_anchor, outbox.c.sent_at.is_(None)).limit(1)).first()
    return row.sent_at if waits is None else None


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


def put_off(now: datetime) -> ColumnElement[bool]:
    """Whether a row of the outbox has to wait."""
    return func.coalesce(and_(outbox.c.due_at > now, outbox.c.due_at <= now + LONGEST_PAUSE), false())


def unsent(connection: Connection, key: ConversationKey, now: datetime) -> tuple[Unsent, ...]:
    """What is to be sent in a place, in order, up to the first row that has to wait."""
    statement = (
        select(outbox.c.id, outbox.c.body, outbox.c.attempts, put_off(now).label("waits"))
        .where(_in_place(outbox, key), outbox.c.sent_at.is_(None))
        .order_by(outbox.c.id)
    )
    ready: list[Any] = []
    for row in connection.execute(statement):
        if row.waits:
            break
        ready.append(row)
    shown = {anchor: message_of(connection, anchor) for anchor in {row.body.anchor for row in ready} - {""}}
    return tuple(
        Unsent(row=row.id, post=row.body, attempts=row.attempts, message_id=shown.get(row.body.anchor, ""))
        for row in ready
    )


def unsent_keys(connection: Connection, now: datetime) -> tuple[ConversationKey, ...]:
    """Every place whose first unsent row does not have to wait."""
    place = (outbox.c.platform, outbox.c.chat, outbox.c.thread)
    first = select(func.min(outbox.c.id)).where(outbox.c.sent_at.is_(None)).group_by(*place)
    return _keys(connection, outbox, and_(outbox.c.id.in_(first), not_(put_off(now))))
