"""Costs that nobody is charged for: dialogue models' calls know for whom they were made, and what a provider bills for
work that came to nothing has a table of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"

big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Calls of before belong to nobody, and earlier costs of the house are not known."""
    op.add_column("model_calls", sa.Column("person_id", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_model_calls_person", "model_calls", ["person_id", "at"])
    op.create_table(
        "house_costs",
        sa.Column("id", big, primary_key=True, autoincrement=True),
        sa.Column("generation_id", big, nullable=False),
        sa.Column("amount", big, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_house_costs_generation"),
    )
    op.create_index("ix_house_costs_at", "house_costs", ["at"])
