"""What the pages about revenue and gifts need: refunds, values, people and names of sparks."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "spark_profiles",
        sa.Column("spark_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("spark_id"),
    )
    op.create_table(
        "spark_days",
        sa.Column("spark_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("creator_earnings", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("senders", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("recipients", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.CheckConstraint(
            "creator_earnings >= 0 AND creator_earnings <> 'NaN'::numeric", name="spark_days_money"
        ),
        sa.PrimaryKeyConstraint("spark_id", "date"),
    )
    op.create_index("spark_days_date", "spark_days", ["date"], unique=False)
    op.create_table(
        "gift_values",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="gift_values_money"),
        sa.PrimaryKeyConstraint("date", "amount"),
    )
    op.create_table(
        "gift_refunds",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="gift_refunds_money"),
        sa.PrimaryKeyConstraint("date"),
    )
    op.create_table(
        "gifter_returns",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("days_since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gifters", sa.BigInteger(), nullable=False),
        sa.Column("first_timers", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.PrimaryKeyConstraint("date", "days_since"),
    )
    op.add_column("creator_supporters", sa.Column("gross", sa.Numeric(precision=18, scale=2), nullable=True))
    op.create_check_constraint(
        "creator_supporters_gross", "creator_supporters", "gross >= 0 AND gross <> 'NaN'::numeric"
    )
    # The worker's first pass then fills the column; nothing on the pages waits for it.
    op.execute(
        "UPDATE job_runs SET state = 'interrupted', error = 'an upgrade brought another column'"
        " WHERE job = 'supporters' AND state = 'succeeded'"
    )
