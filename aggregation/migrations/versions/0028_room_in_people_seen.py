"""Room in each page for rows that are written again every month. Filled by the next night."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute("TRUNCATE people_seen")
    op.execute("ALTER TABLE people_seen SET (fillfactor = 50)")
