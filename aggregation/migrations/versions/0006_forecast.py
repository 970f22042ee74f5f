"""Forecasts with limits, kept beside what came; creators' forecasts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Nothing has filled it yet.
    op.drop_table("revenue_forecast")
    op.create_table(
        "revenue_forecast",
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("data_through", sa.Date(), nullable=False),
        sa.Column("forecast_date", sa.Date(), nullable=False),
        sa.Column("methodology", sa.Text(), nullable=False),
        sa.Column("projected_revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("confidence", sa.Numeric(), nullable=False),
        sa.Column("low_80", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("high_80", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("low_95", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("high_95", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("low_98", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("high_98", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("actual_revenue", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.CheckConstraint(
            "projected_revenue >= 0 AND projected_revenue <> 'NaN'::numeric AND low_98 >= 0 AND low_98 <> 'NaN'::numeric AND high_98 >= 0 AND high_98 <> 'NaN'::numeric",
            name="revenue_forecast_money",
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 100", name="revenue_forecast_confidence"),
        sa.CheckConstraint(
            "low_98 <= low_95 AND low_95 <= low_80 AND low_80 <= projected_revenue AND projected_revenue <= high_80 AND high_80 <= high_95 AND high_95 <= high_98",
            name="revenue_forecast_limits",
        ),
        sa.PrimaryKeyConstraint("made_on", "data_through", "forecast_date", "methodology"),
    )
    op.create_index("revenue_forecast_forecast_date", "revenue_forecast", ["forecast_date"], unique=False)
    op.create_table(
        "revenue_forecast_totals",
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("data_through", sa.Date(), nullable=False),
        sa.Column("methodology", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("history_days", sa.BigInteger(), nullable=False),
        sa.Column("projected_revenue", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("low_80", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("high_80", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("low_95", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("high_95", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("confidence", sa.Numeric(), nullable=False),
        sa.Column("spread", sa.Double(), nullable=False),
        sa.Column("recalibration", sa.Double(), nullable=False),
        sa.Column("skill", sa.Double(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("notes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("actual_revenue", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.CheckConstraint(
            "projected_revenue >= 0 AND projected_revenue <> 'NaN'::numeric AND low_95 >= 0 AND low_95 <> 'NaN'::numeric AND high_95 >= 0 AND high_95 <> 'NaN'::numeric",
            name="revenue_forecast_totals_money",
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 100", name="revenue_forecast_totals_confidence"),
        sa.CheckConstraint(
            "low_95 <= low_80 AND low_80 <= projected_revenue AND projected_revenue <= high_80 AND high_80 <= high_95",
            name="revenue_forecast_totals_limits",
        ),
        sa.PrimaryKeyConstraint("made_on", "data_through", "methodology", "days"),
    )
    op.create_table(
        "creator_forecasts",
        sa.Column("creator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("data_through", sa.Date(), nullable=False),
        sa.Column("history_days", sa.BigInteger(), nullable=False),
        sa.Column("weekday_0", sa.Double(), nullable=False),
        sa.Column("weekday_1", sa.Double(), nullable=False),
        sa.Column("weekday_2", sa.Double(), nullable=False),
        sa.Column("weekday_3", sa.Double(), nullable=False),
        sa.Column("weekday_4", sa.Double(), nullable=False),
        sa.Column("weekday_5", sa.Double(), nullable=False),
        sa.Column("weekday_6", sa.Double(), nullable=False),
        sa.Column("spread_1", sa.Double(), nullable=False),
        sa.Column("spread_7", sa.Double(), nullable=False),
        sa.Column("spread_30", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id"),
    )
