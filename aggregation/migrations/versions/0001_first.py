"""The analytics tables, accounts and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "creator_metrics",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("video_views", sa.BigInteger(), nullable=True),
        sa.Column("video_likes", sa.BigInteger(), nullable=True),
        sa.Column("video_comments", sa.BigInteger(), nullable=True),
        sa.Column("video_shares", sa.BigInteger(), nullable=True),
        sa.Column("gifts_received", sa.BigInteger(), nullable=False),
        sa.Column("gift_revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("followers", sa.BigInteger(), nullable=True),
        sa.Column("followers_gained", sa.BigInteger(), nullable=True),
        sa.Column(
            "engagement_rate",
            sa.Numeric(),
            sa.Computed(
                "CASE WHEN video_views > 0 THEN (video_likes + video_comments + video_shares) * 100.0 / video_views END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "gift_revenue >= 0 AND gift_revenue <> 'NaN'::numeric", name="creator_metrics_money"
        ),
        sa.PrimaryKeyConstraint("creator_id", "date"),
    )
    op.create_index("creator_metrics_date", "creator_metrics", ["date"], unique=False)
    op.create_table(
        "creator_profiles",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("followers", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("creator_id"),
    )
    op.create_table(
        "creator_supporters",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supporter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="creator_supporters_money"),
        sa.PrimaryKeyConstraint("creator_id", "supporter_id", "date"),
    )
    op.create_index("creator_supporters_date", "creator_supporters", ["date"], unique=False)
    op.create_table(
        "daily_analytics",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("total_users", sa.BigInteger(), nullable=False),
        sa.Column("active_users", sa.BigInteger(), nullable=True),
        sa.Column("new_users", sa.BigInteger(), nullable=False),
        sa.Column("total_gifts_sent", sa.BigInteger(), nullable=False),
        sa.Column("total_revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("creator_earnings", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("platform_earnings", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column(
            "average_gift_value",
            sa.Numeric(),
            sa.Computed(
                "CASE WHEN total_gifts_sent > 0 THEN total_revenue / total_gifts_sent ELSE 0 END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("top_spark_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "engagement_rate",
            sa.Numeric(),
            sa.Computed(
                "CASE WHEN total_users > 0 THEN active_users * 100.0 / total_users END", persisted=True
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "total_revenue >= 0 AND total_revenue <> 'NaN'::numeric AND creator_earnings >= 0 AND creator_earnings <> 'NaN'::numeric AND platform_earnings >= 0 AND platform_earnings <> 'NaN'::numeric",
            name="daily_analytics_money",
        ),
        sa.PrimaryKeyConstraint("date"),
    )
    op.create_table(
        "dashboard_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role = 'creator') = (creator_id IS NOT NULL)", name="dashboard_accounts_creator"
        ),
        sa.CheckConstraint("role IN ('admin', 'analyst', 'creator')", name="dashboard_accounts_role"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "dashboard_accounts_name", "dashboard_accounts", [sa.literal_column("lower(name)")], unique=True
    )
    op.create_table(
        "data_checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("cells", sa.BigInteger(), nullable=False),
        sa.Column("unequal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("data_checks_checked_at", "data_checks", ["checked_at"], unique=False)
    op.create_table(
        "gift_analytics",
        sa.Column("spark_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("send_count", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("unique_senders", sa.BigInteger(), nullable=False),
        sa.Column("unique_recipients", sa.BigInteger(), nullable=False),
        sa.Column(
            "average_value",
            sa.Numeric(),
            sa.Computed("CASE WHEN send_count > 0 THEN revenue / send_count END", persisted=True),
            nullable=True,
        ),
        sa.CheckConstraint("revenue >= 0 AND revenue <> 'NaN'::numeric", name="gift_analytics_money"),
        sa.PrimaryKeyConstraint("spark_id", "hour"),
    )
    op.create_index("gift_analytics_hour", "gift_analytics", ["hour"], unique=False)
    op.create_table(
        "job_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'succeeded', 'failed', 'interrupted')", name="job_runs_state"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("job_runs_job_started_at", "job_runs", ["job", "started_at"], unique=False)
    op.create_table(
        "retention_cohorts",
        sa.Column("cohort_date", sa.Date(), nullable=False),
        sa.Column("cohort_size", sa.BigInteger(), nullable=False),
        sa.Column("day_0", sa.BigInteger(), nullable=True),
        sa.Column("day_1", sa.BigInteger(), nullable=True),
        sa.Column("day_7", sa.BigInteger(), nullable=True),
        sa.Column("day_30", sa.BigInteger(), nullable=True),
        sa.Column("day_60", sa.BigInteger(), nullable=True),
        sa.Column("day_90", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("cohort_date"),
    )
    op.create_table(
        "revenue_breakdown",
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("transaction_count", sa.BigInteger(), nullable=False),
        sa.Column(
            "average_transaction",
            sa.Numeric(),
            sa.Computed(
                "CASE WHEN transaction_count > 0 THEN amount / transaction_count END", persisted=True
            ),
            nullable=True,
        ),
        sa.CheckConstraint("amount >= 0 AND amount <> 'NaN'::numeric", name="revenue_breakdown_money"),
        sa.PrimaryKeyConstraint("date", "source"),
    )
    op.create_table(
        "revenue_forecast",
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("forecast_date", sa.Date(), nullable=False),
        sa.Column("methodology", sa.Text(), nullable=False),
        sa.Column("projected_revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("confidence", sa.Numeric(), nullable=False),
        sa.CheckConstraint(
            "projected_revenue >= 0 AND projected_revenue <> 'NaN'::numeric", name="revenue_forecast_money"
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 100", name="revenue_forecast_confidence"),
        sa.PrimaryKeyConstraint("made_on", "forecast_date", "methodology"),
    )
    op.create_table(
        "user_engagement",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("session_count", sa.BigInteger(), nullable=True),
        sa.Column("session_duration", sa.BigInteger(), nullable=True),
        sa.Column("videos_watched", sa.BigInteger(), nullable=True),
        sa.Column("gifts_received", sa.BigInteger(), nullable=False),
        sa.Column("gifts_sent", sa.BigInteger(), nullable=False),
        sa.Column("credits_spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "date"),
    )
    op.create_index("user_engagement_date", "user_engagement", ["date"], unique=False)
    op.create_table(
        "dashboard_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["account_id"], ["dashboard_accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(
        op.f("ix_dashboard_sessions_account_id"), "dashboard_sessions", ["account_id"], unique=False
    )
