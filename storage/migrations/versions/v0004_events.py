"""What programs outside are told about generations, saved with what it tells of."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(name: str, *columns: str, where: str) -> None:
    rows = sa.text(where)
    op.create_index(name, "events", list(columns), sqlite_where=rows, postgresql_where=rows)


def upgrade() -> None:
    """Nothing of before is told."""
    op.create_table(
        "events",
        sa.Column("id", big, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("generation_id", big, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        _moment("created_at", nullable=False),
        _moment("due_at", nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _moment("tried_since"),
        _moment("sent_at"),
        _moment("given_up_at"),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_events_generation"),
        sa.UniqueConstraint("event_id", name="uq_events_event"),
    )
    _index("ix_events_untold", "generation_id", "id", where="sent_at IS NULL AND given_up_at IS NULL")
    _index("ix_events_given_up", "id", where="given_up_at IS NOT NULL")
