"""Which cells are unequal, what people ask the worker to do, and what a run has to say."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("job_runs", sa.Column("seconds", sa.Double()))
    op.add_column("job_runs", sa.Column("log", sa.Text()))
    op.create_table(
        "unequal_cells",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("creator_id", sa.BigInteger()),
        sa.Column("cells", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("unequal_cells_table_name_day", "unequal_cells", ["table_name", "day"])
    op.create_table(
        "job_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("jobs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.Column("found", postgresql.JSON()),
        sa.Column("preview_id", sa.BigInteger()),
        sa.CheckConstraint("kind IN ('preview', 'run')", name="job_requests_kind"),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'succeeded', 'failed')", name="job_requests_state"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("preview_id"),
    )
