"""Distinct users of any period without looking at each of them; the two largest tables by month."""

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "user_returns",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("days_since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("users", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("date", "days_since"),
    )
    keep("user_engagement")
    op.create_table(
        "user_engagement",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("session_count", sa.BigInteger(), nullable=True),
        sa.Column("session_duration", sa.BigInteger(), nullable=True),
        sa.Column("videos_watched", sa.BigInteger(), nullable=True),
        sa.Column("gifts_received", sa.BigInteger(), nullable=False),
        sa.Column("gifts_sent", sa.BigInteger(), nullable=False),
        sa.Column("credits_spent", sa.BigInteger(), nullable=False),
        postgresql_partition_by="RANGE (date)",
    )
    bring_back("user_engagement", "user_id, date")
    keep("creator_supporters")
    op.create_table(
        "creator_supporters",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supporter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="creator_supporters_money"),
        postgresql_partition_by="RANGE (date)",
    )
    bring_back("creator_supporters", "creator_id, supporter_id, date")


def keep(table: str) -> None:
    op.execute(f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM {table}")  # noqa: S608
    op.drop_table(table)


def bring_back(table: str, key: str) -> None:
    """The kept rows, each in its month; indexes after the rows, as that is faster."""
    found = op.get_bind().execute(sa.text("SELECT DISTINCT date_trunc('month', date)::date FROM kept"))
    for start in found.scalars().all():
        make_month(table, start)
    op.execute(f"INSERT INTO {table} SELECT * FROM kept")  # noqa: S608
    op.execute("DROP TABLE kept")
    op.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")
    op.create_index(f"{table}_date", table, ["date"], unique=False)


def make_month(table: str, start: date) -> None:
    end = (start + timedelta(days=31)).replace(day=1)
    op.execute(
        f"CREATE TABLE {table}_{start:%Y_%m} PARTITION OF {table} FOR VALUES FROM ('{start}') TO ('{end}')"
    )
