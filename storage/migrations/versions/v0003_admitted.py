"""When a generation was let in has a column of its own, so that whose turn it is outlasts the program."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Who was let in before is not known; what is under way says so at its next save."""
    op.add_column("generations", sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True))
    known = sa.text("admitted_at IS NOT NULL")
    op.create_index(
        "ix_generations_admitted", "generations", ["admitted_at"], sqlite_where=known, postgresql_where=known
    )
