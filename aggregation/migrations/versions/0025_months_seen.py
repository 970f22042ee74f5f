"""In which months somebody had come, so that nobody is looked for in the others. Filled by the next night."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.execute("DELETE FROM people_seen")
    op.add_column("people_seen", sa.Column("months", postgresql.BIT(varying=True), nullable=False))
