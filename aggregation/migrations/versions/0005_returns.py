"""Distinct supporters of any period without looking at each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "supporter_returns",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("days_since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("supporters", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "date", "days_since"),
        postgresql_partition_by="RANGE (date)",
    )
    op.create_index("supporter_returns_date", "supporter_returns", ["date"], unique=False)
