"""Most supporters gave too seldom ever to be cooling: their index has no entries of them to write each night."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

NAME = "supporter_totals_creator_id_cooling_from"


def upgrade() -> None:
    op.drop_index(NAME, "supporter_totals")
    op.create_index(
        NAME,
        "supporter_totals",
        ["creator_id", "cooling_from"],
        postgresql_where=sa.text("cooling_from IS NOT NULL"),
    )
