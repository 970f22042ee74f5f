"""What a supporter gave in all, in the month of the last gift: a night's rows go into the indexes of one month."""

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

TABLE = "supporter_totals"
COLUMNS = "creator_id, supporter_id, first_day, last_day, gift_days, gifts, amount, usual_gap, spark_id"
# A row may be of any day on which somebody gave.
MONTHS = """
    SELECT CAST(generate_series(date_trunc('month', min(date)), max(date), '1 month') AS date)
    FROM creator_supporters
"""
PREVIOUS = """
    CASE WHEN gift_days > 1 THEN (
        SELECT max(date) FROM creator_supporters AS day
        WHERE day.creator_id = kept.creator_id AND day.supporter_id = kept.supporter_id AND day.date < last_day
    ) END
"""


def upgrade() -> None:
    # It has more bits now; the next night fills it.
    op.execute("DELETE FROM people_seen")
    op.execute(f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT {COLUMNS} FROM {TABLE}")  # noqa: S608
    op.drop_table(TABLE)
    op.create_table(
        TABLE,
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supporter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("previous_day", sa.Date(), nullable=True),
        sa.Column("gift_days", sa.BigInteger(), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("usual_gap", sa.Integer(), nullable=True),
        sa.Column("spark_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "cooling_from",
            sa.Date(),
            sa.Computed(
                "CASE WHEN gifts >= 3 THEN last_day + greatest(14, 3 * usual_gap) + 1 END", persisted=True
            ),
            nullable=True,
        ),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="supporter_totals_money"),
        postgresql_partition_by="RANGE (last_day)",
    )
    for start in op.get_bind().execute(sa.text(MONTHS)).scalars().all():
        make_month(start)
    op.execute(f"INSERT INTO {TABLE} ({COLUMNS}, previous_day) SELECT {COLUMNS}, {PREVIOUS} FROM kept")  # noqa: S608
    op.execute("DROP TABLE kept")
    # After the rows, as that is faster.
    op.execute(f"ALTER TABLE {TABLE} ADD PRIMARY KEY (creator_id, supporter_id, last_day)")
    op.create_index(f"{TABLE}_creator_id_amount", TABLE, ["creator_id", "amount"])
    op.create_index(
        f"{TABLE}_creator_id_cooling_from",
        TABLE,
        ["creator_id", "cooling_from"],
        postgresql_where=sa.text("cooling_from IS NOT NULL"),
    )


def make_month(start: date) -> None:
    end = (start + timedelta(days=31)).replace(day=1)
    op.execute(
        f"CREATE TABLE {TABLE}_{start:%Y_%m} PARTITION OF {TABLE} FOR VALUES FROM ('{start}') TO ('{end}')"
    )
