"""What all creators had in any period. `creator_months` is emptied: the worker's first pass fills it anew."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "creator_video_gifts",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="creator_video_gifts_money"),
        sa.PrimaryKeyConstraint("date", "creator_id"),
    )
    # Not a new table in its place: this one keeps who may do what with it.
    op.execute("TRUNCATE creator_months")
    op.drop_constraint("creator_months_money", "creator_months")
    op.drop_column("creator_months", "month_to_date")
    op.add_column("creator_months", sa.Column("earnings", sa.Numeric(precision=18, scale=2), nullable=False))
    op.add_column("creator_months", sa.Column("gifts", sa.BigInteger(), nullable=False))
    op.add_column("creator_months", sa.Column("views", sa.BigInteger(), nullable=True))
    op.add_column("creator_months", sa.Column("reactions", sa.BigInteger(), nullable=True))
    op.add_column(
        "creator_months", sa.Column("video_earnings", sa.Numeric(precision=18, scale=2), nullable=False)
    )
    op.create_check_constraint(
        "creator_months_money",
        "creator_months",
        "earnings >= 0 AND earnings <> 'NaN'::numeric"
        " AND video_earnings >= 0 AND video_earnings <> 'NaN'::numeric",
    )
