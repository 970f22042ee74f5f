"""What a creator's pages show: sparks and refunds, supporters by name and in all; and who opened which page."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("creator_supporters", sa.Column("spark_id", sa.BigInteger(), nullable=True))
    op.create_table(
        "supporter_changes",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supporter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "supporter_id"),
    )
    op.create_table(
        "supporter_totals",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supporter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("gift_days", sa.BigInteger(), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("usual_gap", sa.Integer(), nullable=True),
        sa.Column("spark_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "cooling_from",
            sa.Date(),
            sa.Computed(
                "CASE WHEN gifts >= 3 THEN last_day + greatest(14, 3 * usual_gap) + 1 END", persisted=True
            ),
            nullable=True,
        ),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="supporter_totals_money"),
        sa.PrimaryKeyConstraint("creator_id", "supporter_id"),
    )
    op.create_index("supporter_totals_creator_id_amount", "supporter_totals", ["creator_id", "amount"])
    op.create_index(
        "supporter_totals_creator_id_cooling_from", "supporter_totals", ["creator_id", "cooling_from"]
    )
    op.create_table(
        "supporter_profiles",
        sa.Column("supporter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("supporter_id"),
    )
    op.create_table(
        "creator_sparks",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("spark_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("earned", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("refunded_gifts", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint(
            "earned >= 0 AND earned <> 'NaN'::numeric AND refunded >= 0 AND refunded <> 'NaN'::numeric",
            name="creator_sparks_money",
        ),
        sa.PrimaryKeyConstraint("creator_id", "date", "spark_id"),
        postgresql_partition_by="RANGE (date)",
    )
    op.create_index("creator_sparks_date", "creator_sparks", ["date"])
    op.create_table(
        "creator_videos",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("video_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=True)
            for name in ("views", "likes", "comments", "shares")
        ),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("earned", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("earned >= 0 AND earned <> 'NaN'::numeric", name="creator_videos_money"),
        sa.PrimaryKeyConstraint("creator_id", "date", "video_id"),
        postgresql_partition_by="RANGE (date)",
    )
    op.create_index("creator_videos_date", "creator_videos", ["date"])
    op.create_table(
        "video_profiles",
        sa.Column("video_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("made_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("video_id"),
    )
    op.create_table(
        "creator_hours",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("earned", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("earned >= 0 AND earned <> 'NaN'::numeric", name="creator_hours_money"),
        sa.PrimaryKeyConstraint("creator_id", "date", "hour"),
        postgresql_partition_by="RANGE (date)",
    )
    op.create_index("creator_hours_date", "creator_hours", ["date"])
    op.create_table(
        "peer_benchmarks",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        *(
            sa.Column(name, sa.Numeric(precision=18, scale=2), nullable=True)
            for name in ("lower", "median", "upper")
        ),
        sa.PrimaryKeyConstraint("month", "band"),
    )
    op.create_table(
        "page_visits",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["dashboard_accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("day", "account_id", "page"),
    )
