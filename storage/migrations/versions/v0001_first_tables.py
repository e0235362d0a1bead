"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
moment = sa.DateTime(timezone=True)


def _counted() -> sa.Column[int]:
    return sa.Column("id", big, primary_key=True, autoincrement=True)


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _body() -> sa.Column[str]:
    return sa.Column("body", sa.Text(), nullable=False)


def _index(name: str, table: str, *columns: str, where: str = "", unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(), primary_key=True),
        *_text("platform", "chat", "thread", "owner_id"),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _body(),
    )
    place = ("platform", "chat", "thread", "owner_id")
    _index("uq_conversations_current", "conversations", *place, where="is_current", unique=True)
    _index("ix_conversations_owner", "conversations", *place, "updated_at")
    op.create_table(
        "turns",
        _counted(),
        *_text("conversation_id", "person_id"),
        sa.Column("at", moment, nullable=False),
        _body(),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_turns_conversation"),
    )
    _index("ix_turns_conversation", "turns", "conversation_id", "id")


def _inbox_and_outbox() -> None:
    op.create_table(
        "inbox",
        _counted(),
        *_text("platform", "event_id", "chat", "thread", "message_id"),
        _body(),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("done_at", moment),
        *_text("conversation_id", nullable=True),
        sa.UniqueConstraint("platform", "event_id", name="uq_inbox_event"),
    )
    _index("ix_inbox_waiting", "inbox", "platform", "chat", "thread", "id", where="done_at IS NULL")
    op.create_table(
        "outbox",
        _counted(),
        *_text("platform", "chat", "thread", "anchor"),
        *_text("conversation_id", nullable=True),
        sa.Column("generation_id", big),
        _body(),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("due_at", moment),
        sa.Column("sent_at", moment),
        sa.Column("attempts", sa.Integer(), nullable=False),
    )
    _index("ix_outbox_unsent", "outbox", "platform", "chat", "thread", "id", where="sent_at IS NULL")
    op.create_table(
        "messages",
        _counted(),
        *_text("platform", "chat", "message_id"),
        *_text("conversation_id", nullable=True),
        sa.Column("generation_id", big),
        *_text("anchor"),
        sa.UniqueConstraint("platform", "chat", "message_id", name="uq_messages_message"),
    )
    _index("ix_messages_anchor", "messages", "anchor", "id", where="anchor <> ''")


def _generations() -> None:
    op.create_table(
        "generations",
        sa.Column("id", big, primary_key=True, autoincrement=False),
        *_text("conversation_id", "platform", "chat", "thread", "requester_id", "team", "status"),
        sa.Column("due_at", moment),
        *_text("provider", "model"),
        sa.Column("quote_amount", big),
        sa.Column("took_s", sa.Float()),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _body(),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_generations_conversation"),
    )
    _index("ix_generations_conversation", "generations", "conversation_id", "id")
    _index("ix_generations_status", "generations", "status", "due_at")
    _index("ix_generations_requester", "generations", "requester_id", "id")
    _index("ix_generations_team", "generations", "team", "id")
    _index("ix_generations_times", "generations", "model", "id", where="took_s IS NOT NULL")


def _money() -> None:
    op.create_table(
        "ledger",
        _counted(),
        *_text("kind"),
        sa.Column("amount", big, nullable=False),
        sa.Column("generation_id", big, nullable=False),
        *_text("conversation_id", "person_id", "team", "reason"),
        sa.Column("at", moment, nullable=False),
        sa.Column("hold_id", big),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_ledger_generation"),
        sa.ForeignKeyConstraint(["hold_id"], ["ledger.id"], name="fk_ledger_hold"),
        sa.UniqueConstraint("hold_id", name="uq_ledger_end"),
        sa.CheckConstraint("kind IN ('quote', 'hold', 'capture', 'release', 'adjust')", name="ck_ledger_kind"),
        sa.CheckConstraint("(kind IN ('capture', 'release')) = (hold_id IS NOT NULL)", name="ck_ledger_end"),
    )
    _index("uq_ledger_hold", "ledger", "generation_id", where="kind = 'hold'", unique=True)
    _index("ix_ledger_generation", "ledger", "generation_id", "id")
    _index("ix_ledger_person", "ledger", "person_id", "at")
    _index("ix_ledger_team", "ledger", "team", "at")
    op.create_table(
        "model_calls",
        _counted(),
        *_text("conversation_id", nullable=True),
        sa.Column("at", moment, nullable=False),
        *_text("model", "purpose"),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("cost", big, nullable=False),
    )
    _index("ix_model_calls_at", "model_calls", "at")


def upgrade() -> None:
    """Create everything."""
    _conversations()
    _inbox_and_outbox()
    _generations()
    _money()
    op.create_table(
        "counters", sa.Column("name", sa.String(), primary_key=True), sa.Column("value", big, nullable=False)
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
