"""Everything that writes rows, as plain functions of a connection. The caller's transaction makes each whole.

A conditional save names the revision that was read; whoever comes second gets StaleRow, and the caller's transaction
is rolled back. Statements that run in every turn are put together once, as in `storage.loading`.
"""

from __future__ import annotations

import functools
import secrets as random
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.conversation import Conversation
from core.errors import PermanentError, StaleRow
from core.events import Announce
from core.generation import Generation, GenerationStatus, OrderOutcome
from core.messages import Incoming, Message, short_id
from core.money import EntryKind, LedgerEntry
from core.repositories import Changes
from storage import budgets, events
from storage.database import is_duplicate, upsert
from storage.message_map import message_row, remember
from storage.prepared import Prepared
from storage.tables import (
    GIVEN_UP,
    conversations,
    counters,
    generations,
    house_costs,
    inbox,
    ledger,
    model_calls,
    outbox,
    secrets,
    turns,
)

SECRET_BYTES = 32

_FINISH = Prepared(
    update(inbox)
    .where(inbox.c.id == bindparam("row"), inbox.c.done_at.is_(None))
    .returning(inbox.c.platform, inbox.c.chat, inbox.c.message_id)
)
_HELD = ledger.alias("held")
_HOLD_OF = select(_HELD.c.id).where(_HELD.c.generation_id == bindparam("ended"), _HELD.c.kind == EntryKind.HOLD.value)
_ADD_ENTRY = Prepared(insert(ledger))
_END_HOLD = Prepared(insert(ledger).values(hold_id=_HOLD_OF.scalar_subquery()))
_ADD_HOUSE_COSTS, _ADD_TURNS, _ADD_POSTS, _ADD_MODEL_CALLS = (
    Prepared(insert(table)) for table in (house_costs, turns, outbox, model_calls)
)
_ADD = {table.name: Prepared(insert(table)) for table in (conversations, generations)}
_UPDATE = {
    table.name: Prepared(
        update(table).where(table.c.id == bindparam("same_id"), table.c.revision == bindparam("as_read"))
    )
    for table in (conversations, generations)
}


@functools.cache
def _receive(dialect: str) -> Prepared:
    new = upsert(dialect, inbox).on_conflict_do_nothing(index_elements=["platform", "event_id"])
    return Prepared(new.returning(inbox.c.id))


def receive(connection: Connection, incoming: Incoming, now: datetime) -> bool:
    """Put an event into the inbox; False when it is known already."""
    values = {
        "platform": incoming.key.platform,
        "event_id": incoming.event_id,
        "chat": incoming.key.chat,
        "thread": incoming.key.thread,
        "message_id": incoming.id if isinstance(incoming, Message) else "",
        "body": incoming,
        "received_at": now,
    }
    return _receive(connection.dialect.name).row(connection, values) is not None


def commit(connection: Connection, changes: Changes, announce: Announce | None = None) -> tuple[int, ...]:
    """Save everything that one step changes, with the events that `announce` makes of it; returns the generations
    that have one. Raises StaleRow and OverLimit."""
    budgets.check(connection, changes)
    new = events.announced(connection, changes, announce) if announce else []
    _finish_inbox(connection, changes)
    for incoming in changes.received:
        receive(connection, incoming, changes.at)
    # What stops being current is saved first: only one conversation of an owner may be current.
    for conversation in sorted(changes.conversations, key=lambda c: (c.current, c.id)):
        _save_conversation(connection, conversation)
    for generation in sorted(changes.generations, key=lambda g: g.id):  # one order for all, against deadlocks
        _save_generation(connection, generation)
    events.keep(connection, new, changes.at)
    for entry in changes.entries:
        _add_entry(connection, entry)
    if changes.house:
        _ADD_HOUSE_COSTS.each(
            connection,
            [
                {"generation_id": one.generation_id, "amount": one.amount, "reason": one.reason, "at": one.at}
                for one in changes.house
            ],
        )
    if changes.turns:
        rows = [
            {"conversation_id": turn.conversation_id, "person_id": turn.person_id, "at": turn.at, "body": turn}
            for turn in changes.turns
        ]
        _ADD_TURNS.each(connection, rows)
    if changes.unsaid:
        out_of_date = and_(outbox.c.anchor.in_(changes.unsaid), outbox.c.sent_at.is_(None))
        connection.execute(update(outbox).where(out_of_date).values(sent_at=changes.at, attempts=GIVEN_UP))
    if changes.posts:
        _ADD_POSTS.each(connection, _outbox_rows(changes))
    posted = [
        message_row(item.key.platform, item.key.chat, item.message_id, changes.conversation_id, item.generation_id)
        for item in changes.messages
    ]
    # Such a message may be one that an anchor stands for, edited into something else: it keeps its anchor.
    remember(connection, posted, "conversation_id", "generation_id")
    if changes.uses:
        _ADD_MODEL_CALLS.each(connection, _model_call_rows(changes))
    return tuple(event.generation_id for event in new)


def _finish_inbox(connection: Connection, changes: Changes) -> None:
    if not changes.done:
        return
    values = {"done_at": changes.at, "conversation_id": changes.conversation_id or None}
    known = []
    for row in sorted(set(changes.done)):  # one order for all, against deadlocks
        finished = _FINISH.row(connection, {"row": row, **values})
        if finished is None:
            raise StaleRow("A message was dealt with by somebody else meanwhile.")
        platform, chat, message_id = finished
        if message_id and changes.conversation_id:
            known.append(message_row(platform, chat, message_id, changes.conversation_id))
    remember(connection, known)  # an edited message comes in again under its id and stays where it belongs


def _save_conversation(connection: Connection, conversation: Conversation) -> None:
    saved = replace(conversation, revision=conversation.revision + 1)
    values = {
        "platform": conversation.key.platform,
        "chat": conversation.key.chat,
        "thread": conversation.key.thread,
        "owner_id": conversation.owner_id,
        "is_current": conversation.current,
        "updated_at": conversation.updated_at,
        "body": saved,
    }
    _save(connection, conversations, conversation.id, conversation.revision, values, f"conversation {conversation.id}")


def _save_generation(connection: Connection, generation: Generation) -> None:
    saved = replace(generation, revision=generation.revision + 1)
    plan, order = generation.plan, generation.order
    values = {
        "conversation_id": generation.conversation_id,
        "platform": generation.key.platform,
        "chat": generation.key.chat,
        "thread": generation.key.thread,
        "requester_id": generation.requester.id,
        "team": generation.requester.team,
        "status": generation.status.value,
        "due_at": generation.due_at,
        "provider": order.provider if order else plan.provider if plan else "",
        "model": order.model if order else plan.model if plan else "",
        "quote_amount": plan.quote.amount if plan else None,
        "took_s": _took_s(generation),
        "created_at": generation.created_at,
        "updated_at": generation.updated_at,
        "body": saved,
    }
    admitted = generation.entered.get(GenerationStatus.SUBMITTING.value)
    if admitted is not None:  # what waits to be let in once more keeps the last time until then
        values["admitted_at"] = admitted
    _save(connection, generations, generation.id, generation.revision, values, generation.name)


def _took_s(generation: Generation) -> float | None:
    """Seconds from the accepted order to the finished clip, once both are known."""
    finished = generation.entered.get(GenerationStatus.DOWNLOADING.value)
    order = generation.order
    if finished is None or order is None or order.outcome is not OrderOutcome.ACCEPTED:
        return None
    return (finished - order.sent_at).total_seconds()


def _save(
    connection: Connection, table: Table, row_id: int | str, revision: int, values: dict[str, Any], name: str
) -> None:
    """Insert the row (revision 0) or update the revision that was read; raises StaleRow."""
    values = {**values, "revision": revision + 1}
    try:
        if revision == 0:
            _ADD[table.name].change(connection, {"id": row_id, **values})
            return
        same = {"same_id": row_id, "as_read": revision}
        won = _UPDATE[table.name].change(connection, {**same, **values}) == 1
    except IntegrityError as error:
        if is_duplicate(error):
            raise StaleRow(f"Somebody else saved {name}, or another current one in its place, first.") from error
        raise
    if not won:
        raise StaleRow(f"Somebody else saved {name} first.")


def _add_entry(connection: Connection, entry: LedgerEntry) -> None:
    values = {
        "kind": entry.kind.value,
        "amount": entry.amount,
        "generation_id": entry.generation_id,
        "conversation_id": entry.conversation_id,
        "person_id": entry.person_id,
        "team": entry.team,
        "reason": entry.reason,
        "at": entry.at,
    }
    try:
        if entry.kind in (EntryKind.CAPTURE, EntryKind.RELEASE):
            _END_HOLD.change(connection, {**values, "ended": entry.generation_id})
        else:
            _ADD_ENTRY.change(connection, values)
    except IntegrityError as error:
        raise PermanentError(
            f"The ledger refuses {entry.kind} for {short_id(entry.generation_id)}: a generation is held once, and its "
            "hold ends in one capture or one release."
        ) from error


def _outbox_rows(changes: Changes) -> list[dict[str, Any]]:
    return [
        {
            "platform": item.post.key.platform,
            "chat": item.post.key.chat,
            "thread": item.post.key.thread,
            "anchor": item.post.anchor,
            "conversation_id": item.conversation_id or changes.conversation_id or None,
            "generation_id": item.generation_id,
            "body": item.post,
            "created_at": changes.at,
            "attempts": 0,
        }
        for item in changes.posts
    ]


def _model_call_rows(changes: Changes) -> list[dict[str, Any]]:
    return [
        {
            "conversation_id": changes.conversation_id or None,
            "at": changes.at,
            "model": use.model,
            "purpose": use.purpose,
            "tokens_in": use.tokens_in,
            "tokens_out": use.tokens_out,
            "cost": use.cost,
            "person_id": changes.person_id,
        }
        for use in changes.uses
    ]


def reserve(connection: Connection, counter: str, count: int) -> range:
    """The next `count` numbers of a counter, from 1 on; nobody else gets them."""
    add = upsert(connection.dialect.name, counters).values(name=counter, value=count)
    statement = add.on_conflict_do_update(
        index_elements=["name"], set_={"value": counters.c.value + add.excluded.value}
    ).returning(counters.c.value)
    last: int = connection.execute(statement).scalar_one()
    return range(last - count + 1, last + 1)


def secret(connection: Connection, name: str) -> bytes:
    """The random value of that name; made on first use."""
    new = upsert(connection.dialect.name, secrets).values(name=name, value=random.token_bytes(SECRET_BYTES))
    connection.execute(new.on_conflict_do_nothing())
    value: bytes = connection.execute(select(secrets.c.value).where(secrets.c.name == name)).scalar_one()
    return bytes(value)
