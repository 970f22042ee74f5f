"""A creator's supporters and earnings in any period without looking at each gift or day."""

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
    op.create_table(
        "creator_months",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month_to_date", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint(
            "month_to_date >= 0 AND month_to_date <> 'NaN'::numeric", name="creator_months_money"
        ),
        sa.PrimaryKeyConstraint("date", "creator_id"),
    )
    op.create_index("supporter_returns_date", "supporter_returns", ["date"], unique=False)
