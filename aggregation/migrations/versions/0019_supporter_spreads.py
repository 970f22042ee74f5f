"""How what a creator of many supporters was given is spread over them. The worker's first pass fills it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "supporter_spreads",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("so_far", sa.Numeric(18, 2), nullable=False),
        sa.Column("squares", sa.Numeric(38, 4), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "first_day", "last_day", "place"),
        sa.CheckConstraint(
            "amount >= 0 AND amount <> 'NaN'::numeric AND so_far >= 0 AND so_far <> 'NaN'::numeric"
            " AND squares >= 0 AND squares <> 'NaN'::numeric",
            "supporter_spreads_money",
        ),
    )
