"""The days of each supporter in their sums, so that a night needn't read them. Filled as they give again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("supporter_totals", sa.Column("days", postgresql.ARRAY(sa.Date()), nullable=True))
    op.add_column(
        "supporter_totals", sa.Column("spark_ids", postgresql.ARRAY(sa.BigInteger()), nullable=True)
    )
