"""The tables: columns for what SQL filters, sums or constrains, and the frozen core value as JSON beside them.

Statements are built on the `Table` objects at the end; the classes say what a column means. How tables come to be in a
database is `storage.migrations`' work.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, cast

from pydantic import Discriminator, Tag, TypeAdapter
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from core.conversation import Conversation, Turn
from core.events import Event
from core.generation import Generation
from core.messages import Message, Post, Press
from storage.columns import BigId, FrozenValue, Moment


def _kind(value: Any) -> str:
    """Which of the two an incoming event is; only a press has an action."""
    has_action = "action" in value if isinstance(value, dict) else isinstance(value, Press)
    return "press" if has_action else "message"


INCOMING: TypeAdapter[Any] = TypeAdapter(
    Annotated[Annotated[Message, Tag("message")] | Annotated[Press, Tag("press")], Discriminator(_kind)]
)
CONVERSATION = TypeAdapter(Conversation)
TURN = TypeAdapter(Turn)
GENERATION = TypeAdapter(Generation)
POST = TypeAdapter(Post)
EVENT = TypeAdapter(Event)


def _counted() -> Column[Any]:
    """An id that the database counts up."""
    return Column("id", BigId, primary_key=True, autoincrement=True)


def _body(adapter: TypeAdapter[Any]) -> Column[Any]:
    return Column("body", FrozenValue(adapter), nullable=False)


def _big(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, BigId, nullable=nullable)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that `where` is true for, on either database."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


GIVEN_UP = -1
"""What the attempts of an outbox row are when it was given up."""


class Row(SQLModel):
    """Base of the tables, with metadata of its own."""

    metadata: ClassVar[MetaData] = MetaData()


class InboxRow(Row, table=True):
    """An incoming message or press, from before it is acknowledged."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("platform", "event_id", name="uq_inbox_event"),
        _partial("ix_inbox_waiting", "platform", "chat", "thread", "id", where="done_at IS NULL"),
    )
    id: int = Field(sa_column=_counted())
    platform: str
    event_id: str
    chat: str
    thread: str
    message_id: str
    """The platform's id of a message; empty for a press, whose id is that of the message it was tapped on."""
    body: Any = Field(sa_column=_body(INCOMING))
    received_at: datetime = Field(sa_type=Moment)
    done_at: datetime | None = Field(sa_type=Moment)
    conversation_id: str | None
    """Set when it is done."""


class ConversationRow(Row, table=True):
    """A conversation; at most one of an owner is current in a place."""

    __tablename__ = "conversations"
    __table_args__ = (
        _partial("uq_conversations_current", "platform", "chat", "thread", "owner_id", where="is_current", unique=True),
        Index("ix_conversations_owner", "platform", "chat", "thread", "owner_id", "updated_at"),
    )
    id: str = Field(primary_key=True)
    platform: str
    chat: str
    thread: str
    owner_id: str
    is_current: bool
    updated_at: datetime = Field(sa_type=Moment)
    revision: int
    body: Any = Field(sa_column=_body(CONVERSATION))


class TurnRow(Row, table=True):
    """What was said and what came of it."""

    __tablename__ = "turns"
    __table_args__ = (
        ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_turns_conversation"),
        Index("ix_turns_conversation", "conversation_id", "id"),
    )
    id: int = Field(sa_column=_counted())
    conversation_id: str
    person_id: str
    at: datetime = Field(sa_type=Moment)
    body: Any = Field(sa_column=_body(TURN))


class GenerationRow(Row, table=True):
    """A generation and where it stands."""

    __tablename__ = "generations"
    __table_args__ = (
        ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_generations_conversation"),
        Index("ix_generations_conversation", "conversation_id", "id"),
        Index("ix_generations_status", "status", "due_at"),
        Index("ix_generations_requester", "requester_id", "id"),
        Index("ix_generations_team", "team", "id"),
        _partial("ix_generations_times", "model", "id", where="took_s IS NOT NULL"),
        _partial("ix_generations_admitted", "admitted_at", where="admitted_at IS NOT NULL"),
    )
    id: int = Field(sa_column=Column("id", BigId, primary_key=True, autoincrement=False))
    conversation_id: str
    platform: str
    chat: str
    thread: str
    requester_id: str
    team: str
    status: str
    due_at: datetime | None = Field(sa_type=Moment)
    admitted_at: datetime | None = Field(sa_type=Moment)
    """When it was let in, the last time; never so in rows that nobody saved since this is kept."""
    provider: str
    """Empty until there is a plan."""
    model: str
    quote_amount: int | None = Field(sa_column=_big("quote_amount", nullable=True))
    """Micros; the most that is charged."""
    took_s: float | None
    """Seconds from the order to the finished clip."""
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)
    revision: int
    body: Any = Field(sa_column=_body(GENERATION))


class LedgerRow(Row, table=True):
    """One line of the ledger. The constraints make sure that a generation has at most one hold, that nothing is
    captured or released without it, and that it ends only once."""

    __tablename__ = "ledger"
    __table_args__ = (
        ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_ledger_generation"),
        ForeignKeyConstraint(["hold_id"], ["ledger.id"], name="fk_ledger_hold"),
        UniqueConstraint("hold_id", name="uq_ledger_end"),
        CheckConstraint("kind IN ('quote', 'hold', 'capture', 'release', 'adjust')", name="ck_ledger_kind"),
        CheckConstraint("(kind IN ('capture', 'release')) = (hold_id IS NOT NULL)", name="ck_ledger_end"),
        _partial("uq_ledger_hold", "generation_id", where="kind = 'hold'", unique=True),
        Index("ix_ledger_generation", "generation_id", "id"),
        Index("ix_ledger_person", "person_id", "at"),
        Index("ix_ledger_team", "team", "at"),
    )
    id: int = Field(sa_column=_counted())
    kind: str
    amount: int = Field(sa_column=_big("amount"))
    """Micros."""
    generation_id: int = Field(sa_column=_big("generation_id"))
    conversation_id: str
    person_id: str
    team: str
    reason: str
    at: datetime = Field(sa_type=Moment)
    hold_id: int | None = Field(sa_column=_big("hold_id", nullable=True))
    """For a capture or release: the hold that it ends."""


class OutboxRow(Row, table=True):
    """Something to be said for certain."""

    __tablename__ = "outbox"
    __table_args__ = (_partial("ix_outbox_unsent", "platform", "chat", "thread", "id", where="sent_at IS NULL"),)
    id: int = Field(sa_column=_counted())
    platform: str
    chat: str
    thread: str
    anchor: str
    conversation_id: str | None
    generation_id: int | None = Field(sa_column=_big("generation_id", nullable=True))
    body: Any = Field(sa_column=_body(POST))
    created_at: datetime = Field(sa_type=Moment)
    due_at: datetime | None = Field(sa_type=Moment)
    """Not to be sent before this."""
    sent_at: datetime | None = Field(sa_type=Moment)
    """When it went out, or was given up."""
    attempts: int
    """Tries that failed; GIVEN_UP for what is marked as sent without a message that anybody could see."""


class EventRow(Row, table=True):
    """Something that programs outside are told about a generation. It is told, given up, or still to be told."""

    __tablename__ = "events"
    __table_args__ = (
        ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_events_generation"),
        UniqueConstraint("event_id", name="uq_events_event"),
        _partial("ix_events_untold", "generation_id", "id", where="sent_at IS NULL AND given_up_at IS NULL"),
        _partial("ix_events_given_up", "id", where="given_up_at IS NOT NULL"),
    )
    id: int = Field(sa_column=_counted())
    event_id: str
    """What the receiver knows it by."""
    generation_id: int = Field(sa_column=_big("generation_id"))
    kind: str
    body: Any = Field(sa_column=_body(EVENT))
    created_at: datetime = Field(sa_type=Moment)
    due_at: datetime = Field(sa_type=Moment)
    """Not to be told before this; while it is being told, when somebody else may take over."""
    attempts: int
    """Tries that failed."""
    tried_since: datetime | None = Field(sa_type=Moment)
    """The first try that failed, from which its day counts."""
    sent_at: datetime | None = Field(sa_type=Moment)
    given_up_at: datetime | None = Field(sa_type=Moment)


class MessageRow(Row, table=True):
    """A platform's message of either side, and what it belongs to."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("platform", "chat", "message_id", name="uq_messages_message"),
        _partial("ix_messages_anchor", "anchor", "id", where="anchor <> ''"),
    )
    id: int = Field(sa_column=_counted())
    platform: str
    chat: str
    message_id: str
    conversation_id: str | None
    generation_id: int | None = Field(sa_column=_big("generation_id", nullable=True))
    anchor: str


class HouseCostRow(Row, table=True):
    """What a provider bills, or may bill, for work that nobody was charged for."""

    __tablename__ = "house_costs"
    __table_args__ = (
        ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_house_costs_generation"),
        Index("ix_house_costs_at", "at"),
    )
    id: int = Field(sa_column=_counted())
    generation_id: int = Field(sa_column=_big("generation_id"))
    amount: int = Field(sa_column=_big("amount"))
    """Micros; at most."""
    reason: str
    at: datetime = Field(sa_type=Moment)


class ModelCallRow(Row, table=True):
    """A paid call of a dialogue model."""

    __tablename__ = "model_calls"
    __table_args__ = (Index("ix_model_calls_at", "at"), Index("ix_model_calls_person", "person_id", "at"))
    id: int = Field(sa_column=_counted())
    conversation_id: str | None
    at: datetime = Field(sa_type=Moment)
    model: str
    purpose: str
    tokens_in: int
    tokens_out: int
    cost: int = Field(sa_column=_big("cost"))
    """Micros."""
    person_id: str = Field(sa_column=Column("person_id", String, nullable=False, server_default=""))
    """For whom; empty in rows of before this was known."""


class CounterRow(Row, table=True):
    """A counter; the last number it gave out."""

    __tablename__ = "counters"
    name: str = Field(primary_key=True)
    value: int = Field(sa_column=_big("value"))


class PaceRow(Row, table=True):
    """How fast something may be done by all processes together."""

    __tablename__ = "paces"
    name: str = Field(primary_key=True)
    free_at: datetime = Field(sa_type=Moment)
    """When all of its burst is free again; until then, some of it."""
    held_until: datetime | None = Field(sa_type=Moment)
    """Nobody goes on before this: a service said so."""


class SecretRow(Row, table=True):
    """A random value of our own, such as the key that signs links."""

    __tablename__ = "secrets"
    name: str = Field(primary_key=True)
    value: bytes = Field(sa_column=Column("value", LargeBinary, nullable=False))


def _table(row: type[Row]) -> Table:
    return cast(Table, vars(row)["__table__"])


inbox = _table(InboxRow)
conversations = _table(ConversationRow)
turns = _table(TurnRow)
generations = _table(GenerationRow)
ledger = _table(LedgerRow)
house_costs = _table(HouseCostRow)
outbox = _table(OutboxRow)
events = _table(EventRow)
messages = _table(MessageRow)
model_calls = _table(ModelCallRow)
counters = _table(CounterRow)
paces = _table(PaceRow)
secrets = _table(SecretRow)
metadata = Row.metadata
