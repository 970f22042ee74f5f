"""Today so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "running_hours",
        sa.Column("hour", sa.DateTime(), nullable=False),
        *measures(),
        sa.PrimaryKeyConstraint("hour"),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "running_creator_hours",
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *measures(),
        *measures("settled_"),
        sa.PrimaryKeyConstraint("hour", "creator_id"),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "running_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("settled_through", sa.DateTime(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )


def measures(prefix: str = "") -> list[sa.Column[Any]]:
    return [
        sa.Column(f"{prefix}gifts", sa.BigInteger(), nullable=False),
        sa.Column(f"{prefix}revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column(f"{prefix}creator_share", sa.Numeric(precision=18, scale=2), nullable=False),
    ]
