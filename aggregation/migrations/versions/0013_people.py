"""Who comes back, who pays again, how often and how long people are there."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "cohort_activity",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("age", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days_since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("users", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("date", "age", "days_since"),
    )
    op.create_table(
        "cohort_value",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("age", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="cohort_value_money"),
        sa.PrimaryKeyConstraint("date", "age"),
    )
    op.create_table(
        "gifter_activity",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("age", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("users", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("date", "age"),
    )
    op.create_table(
        "gifter_months",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="gifter_months_money"),
        sa.PrimaryKeyConstraint("user_id", "date"),
    )
    op.create_index("gifter_months_date", "gifter_months", ["date"], unique=False)
    op.create_table(
        "gifter_cohorts",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("cohort_date", sa.Date(), nullable=False),
        sa.Column("gifters", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("kept", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint(
            "amount >= 0 AND amount <> 'NaN'::numeric AND kept >= 0 AND kept <> 'NaN'::numeric",
            name="gifter_cohorts_money",
        ),
        sa.PrimaryKeyConstraint("date", "cohort_date"),
    )
    op.create_table(
        "user_frequency",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("users", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("date", "days"),
    )
    op.create_table(
        "session_lengths",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("date", "minutes"),
    )
