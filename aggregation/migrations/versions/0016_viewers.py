"""Who watched a creator's videos on which day, and for how long they hadn't. The worker's first pass fills it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "creator_viewers",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("viewer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "viewer_id", "date"),
        postgresql_partition_by="RANGE (date)",
    )
    op.create_index("creator_viewers_date", "creator_viewers", ["date"])
    op.create_table(
        "viewer_returns",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("days_since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("viewers", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "date", "days_since"),
        postgresql_partition_by="RANGE (date)",
    )
    op.create_index("viewer_returns_date", "viewer_returns", ["date"])
