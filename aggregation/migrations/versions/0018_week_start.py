"""With which weekday weeks begin on a person's pages."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column(
        "dashboard_accounts",
        sa.Column("week_start", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        "dashboard_accounts_week_start", "dashboard_accounts", "week_start IN (0, 5, 6)"
    )
