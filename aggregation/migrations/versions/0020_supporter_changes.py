"""On which days what a supporter gave has changed: what lies before needn't be looked through."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("supporter_changes", sa.Column("date", sa.Date(), nullable=True))
    # What is noted but not summed up yet may be of any day.
    op.execute(
        "UPDATE supporter_changes"
        " SET date = coalesce((SELECT min(first_day) FROM supporter_totals), DATE '2000-01-01')"
    )
    op.drop_constraint("supporter_changes_pkey", "supporter_changes")
    op.create_primary_key(
        "supporter_changes_pkey", "supporter_changes", ["creator_id", "supporter_id", "date"]
    )
