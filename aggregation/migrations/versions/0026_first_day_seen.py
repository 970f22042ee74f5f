"""When somebody first came, so that nobody is looked for before. Filled by the next night."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.execute("DELETE FROM people_seen")
    op.add_column("people_seen", sa.Column("first_day", sa.Date(), nullable=True))
