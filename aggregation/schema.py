"""The tables: the platform's own (`source`) and the ones Sparkboard fills (`analytics`)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import BIT, JSON

source = MetaData()
analytics = MetaData()

REQUIRED_SOURCES = ("users", "videos", "sparks", "virtual_gifts")
GIFT_STATUSES = ("completed", "pending", "failed", "refunded")
TRANSACTION_STATUSES = ("completed", "refunded", "failed")
INTERACTION_KINDS = ("like", "comment", "share")
COHORT_OFFSETS = (0, 1, 7, 30, 60, 90)
# Cohorts are followed for so many days.
OLDEST_AGE = 90
# Where the classes of session lengths begin, in minutes.
SESSION_STEPS = (0, 1, 3, 5, 10, 15, 30, 60, 120)
# The source's numeric(12,2) can hold no more; comparing with it also leaves NaN, infinity and null out.
LARGEST_SHARE = "9999999999.99"

ROLES = ("admin", "analyst", "creator")

# Of rows that are written again and again: with half of each page free, a new version stays in its page and
# needs no new entry in the index (HOT), so that the tables don't grow.
OFTEN_WRITTEN = {"fillfactor": "50"}


def _id() -> Column[Any]:
    return Column("id", BigInteger, primary_key=True, autoincrement=False)


def _reference(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> Column[Any]:
    """A time in UTC, as the platform's own schema stores it."""
    return Column(name, DateTime, nullable=nullable)


def _counter(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


# ---- the platform's own tables (created here only by `demo` and `import`) ----

users = Table(
    "users",
    source,
    _id(),
    Column("username", Text, nullable=False),
    Column("is_creator", Boolean, nullable=False),
    _counter("followers"),
    _moment("created_at"),
    Index("users_created_at", "created_at"),
)
videos = Table(
    "videos",
    source,
    _id(),
    _reference("creator_id"),
    Column("title", Text, nullable=False),
    _counter("views"),
    _counter("likes"),
    _counter("comments"),
    _counter("shares"),
    _moment("created_at"),
)
sparks = Table(
    "sparks", source, _id(), Column("name", Text, nullable=False), Column("credits", Integer, nullable=False)
)
virtual_gifts = Table(
    "virtual_gifts",
    source,
    _id(),
    _reference("spark_id"),
    _reference("sender_id"),
    _reference("recipient_id"),
    Column("video_id", BigInteger),
    Column("creator_share", Numeric(12, 2)),
    Column("platform_share", Numeric(12, 2)),
    Column("status", Text, nullable=False),
    _moment("created_at"),
    Index("virtual_gifts_created_at", "created_at"),
    Index("virtual_gifts_recipient_id", "recipient_id"),
)
user_sessions = Table(
    "user_sessions",
    source,
    _id(),
    _reference("user_id"),
    _moment("started_at"),
    Column("duration_seconds", Integer),
    Index("user_sessions_started_at", "started_at"),
)
video_watches = Table(
    "video_watches",
    source,
    _id(),
    _reference("user_id"),
    _reference("video_id"),
    _moment("watched_at"),
    Column("seconds_watched", Integer),
    Index("video_watches_watched_at", "watched_at"),
)
video_interactions = Table(
    "video_interactions",
    source,
    _id(),
    _reference("user_id"),
    _reference("video_id"),
    Column("kind", Text, nullable=False),
    _moment("created_at"),
    Index("video_interactions_created_at", "created_at"),
)
follows = Table(
    "follows",
    source,
    _id(),
    _reference("follower_id"),
    _reference("creator_id"),
    _moment("created_at"),
    _moment("unfollowed_at", nullable=True),
    Index("follows_created_at", "created_at"),
    Index("follows_unfollowed_at", "unfollowed_at"),
)
transactions = Table(
    "transactions",
    source,
    _id(),
    Column("user_id", BigInteger),
    Column("source", Text, nullable=False),
    Column("amount", Numeric(12, 2)),
    Column("status", Text, nullable=False),
    _moment("created_at"),
    Index("transactions_created_at", "created_at"),
)


# ---- analytics tables (made by migrations; names and columns are relied on from outside) ----


def _count(name: str, *, nullable: bool = False) -> Column[Any]:
    """A whole number. Nullable where the source table behind it may be missing."""
    return Column(name, BigInteger, nullable=nullable)


def _money(name: str) -> Column[Any]:
    return Column(name, Numeric(18, 2), nullable=False)


def _ratio(name: str, expression: str) -> Column[Any]:
    """Computed once, on the stored sums, so that no engine's division can differ."""
    return Column(name, Numeric, Computed(expression, persisted=True))


def _no_nan(table: str, columns: Sequence[str]) -> CheckConstraint:
    """NaN passes `>= 0` in PostgreSQL, so it is named."""
    return CheckConstraint(
        " AND ".join(f"{column} >= 0 AND {column} <> 'NaN'::numeric" for column in columns), f"{table}_money"
    )


# By month, so that a night's rows go into the indexes of one: their keys lie all over them, and in those of a
# whole history nearly each row is written with a page of its own. aggregation/partitions.py makes the months.
BY_MONTH = "RANGE (date)"

daily_analytics = Table(
    "daily_analytics",
    analytics,
    Column("date", Date, primary_key=True),
    _count("total_users"),
    _count("active_users", nullable=True),
    _count("new_users"),
    _count("total_gifts_sent"),
    _money("total_revenue"),
    _money("creator_earnings"),
    _money("platform_earnings"),
    _ratio(
        "average_gift_value",
        "CASE WHEN total_gifts_sent > 0 THEN total_revenue / total_gifts_sent ELSE 0 END",
    ),
    Column("top_spark_id", BigInteger),
    _ratio("engagement_rate", "CASE WHEN total_users > 0 THEN active_users * 100.0 / total_users END"),
    _no_nan("daily_analytics", ("total_revenue", "creator_earnings", "platform_earnings")),
)
creator_metrics = Table(
    "creator_metrics",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    _count("video_views", nullable=True),
    _count("video_likes", nullable=True),
    _count("video_comments", nullable=True),
    _count("video_shares", nullable=True),
    _count("gifts_received"),
    _money("gift_revenue"),
    _count("followers", nullable=True),
    _count("followers_gained", nullable=True),
    _ratio(
        "engagement_rate",
        "CASE WHEN video_views > 0 "
        "THEN (video_likes + video_comments + video_shares) * 100.0 / video_views END",
    ),
    _no_nan("creator_metrics", ("gift_revenue",)),
    Index("creator_metrics_date", "date"),
)
gift_analytics = Table(
    "gift_analytics",
    analytics,
    Column("spark_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", DateTime, primary_key=True),
    _count("send_count"),
    _money("revenue"),
    _count("unique_senders"),
    _count("unique_recipients"),
    _ratio("average_value", "CASE WHEN send_count > 0 THEN revenue / send_count END"),
    _no_nan("gift_analytics", ("revenue",)),
    Index("gift_analytics_hour", "hour"),
)
user_engagement = Table(
    "user_engagement",
    analytics,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    _count("session_count", nullable=True),
    _count("session_duration", nullable=True),
    _count("videos_watched", nullable=True),
    _count("gifts_received"),
    _count("gifts_sent"),
    _count("credits_spent"),
    Index("user_engagement_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
revenue_breakdown = Table(
    "revenue_breakdown",
    analytics,
    Column("date", Date, primary_key=True),
    Column("source", Text, primary_key=True),
    _money("amount"),
    _count("transaction_count"),
    _ratio("average_transaction", "CASE WHEN transaction_count > 0 THEN amount / transaction_count END"),
    _no_nan("revenue_breakdown", ("amount",)),
)
retention_cohorts = Table(
    "retention_cohorts",
    analytics,
    Column("cohort_date", Date, primary_key=True),
    _count("cohort_size"),
    *(_count(f"day_{offset}", nullable=True) for offset in COHORT_OFFSETS),
)


def _nominal_limits(*nominals: int) -> tuple[Column[Any], ...]:
    """low_80, high_80, …: between them it lies with that probability in percent."""
    return tuple(_money(f"{side}_{nominal}") for nominal in nominals for side in ("low", "high"))


def _ordered_limits(table: str, *nominals: int) -> CheckConstraint:
    outside_in = sorted(nominals, reverse=True)
    names = [f"low_{each}" for each in outside_in]
    names += ["projected_revenue", *(f"high_{each}" for each in reversed(outside_in))]
    ordered = (f"{low} <= {high}" for low, high in pairwise(names))
    return CheckConstraint(" AND ".join(ordered), f"{table}_limits")


# Never overwritten: what was forecast stands beside what came.
revenue_forecast = Table(
    "revenue_forecast",
    analytics,
    Column("made_on", Date, primary_key=True),
    Column("data_through", Date, primary_key=True),
    Column("forecast_date", Date, primary_key=True),
    Column("methodology", Text, primary_key=True),
    _money("projected_revenue"),
    Column("confidence", Numeric, nullable=False),
    *_nominal_limits(80, 95, 98),
    # Null until the day is complete.
    Column("actual_revenue", Numeric(18, 2)),
    CheckConstraint("confidence BETWEEN 0 AND 100", "revenue_forecast_confidence"),
    _no_nan("revenue_forecast", ("projected_revenue", "low_98", "high_98")),
    _ordered_limits("revenue_forecast", 80, 95, 98),
    Index("revenue_forecast_forecast_date", "forecast_date"),
)
# Sums over the first `days` days of a forecast, with limits of their own.
revenue_forecast_totals = Table(
    "revenue_forecast_totals",
    analytics,
    Column("made_on", Date, primary_key=True),
    Column("data_through", Date, primary_key=True),
    Column("methodology", Text, primary_key=True),
    Column("days", Integer, primary_key=True, autoincrement=False),
    # Whether it is the forecast, or one that it is compared with.
    Column("chosen", Boolean, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    _count("history_days"),
    _money("projected_revenue"),
    *_nominal_limits(80, 95),
    Column("confidence", Numeric, nullable=False),
    # The scale of the error, and the factor in it that comes from the own record.
    Column("spread", Double, nullable=False),
    Column("recalibration", Double, nullable=False),
    Column("skill", Double),
    Column("state", Text, nullable=False),
    Column("notes", ARRAY(Text), nullable=False),
    Column("actual_revenue", Numeric(18, 2)),
    CheckConstraint("confidence BETWEEN 0 AND 100", "revenue_forecast_totals_confidence"),
    _no_nan("revenue_forecast_totals", ("projected_revenue", "low_95", "high_95")),
    _ordered_limits("revenue_forecast_totals", 80, 95),
)
# The newest of each creator with revenue in the last year. A week's days, again and again; limits of any
# number of days follow from the three spreads (aggregation/forecasting/creators.py).
creator_forecasts = Table(
    "creator_forecasts",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("made_on", Date, nullable=False),
    Column("data_through", Date, nullable=False),
    _count("history_days"),
    *(Column(f"weekday_{number}", Double, nullable=False) for number in range(7)),
    *(Column(f"spread_{days}", Double, nullable=False) for days in (1, 7, 30)),
)

# What pages need beside the seven, so that none of them reads the platform's own tables.
creator_profiles = Table(
    "creator_profiles",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text),
    _count("followers", nullable=True),
)
# Only gifts with a video of the creator's own.
creator_video_gifts = Table(
    "creator_video_gifts",
    analytics,
    Column("date", Date, primary_key=True),
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    _count("gifts"),
    _money("amount"),
    _no_nan("creator_video_gifts", ("amount",)),
)
# Of the month, by the end of the day.
creator_months = Table(
    "creator_months",
    analytics,
    Column("date", Date, primary_key=True),
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    _money("earnings"),
    _count("gifts"),
    _count("views", nullable=True),
    # likes, comments and shares
    _count("reactions", nullable=True),
    _money("video_earnings"),
    _no_nan("creator_months", ("earnings", "video_earnings")),
)
user_returns = Table(
    "user_returns",
    analytics,
    Column("date", Date, primary_key=True),
    # 0 stands for users who had never been active before.
    Column("days_since", Integer, primary_key=True, autoincrement=False),
    _count("users"),
)
# Of users by the day they signed up: how many were active at `age` days, on `date`. `days_since` their visit
# before, but after signing up; 0 where there was none. So who came back in any range of ages is a sum.
cohort_activity = Table(
    "cohort_activity",
    analytics,
    Column("date", Date, primary_key=True),
    Column("age", Integer, primary_key=True, autoincrement=False),
    Column("days_since", Integer, primary_key=True, autoincrement=False),
    _count("users"),
)
# What they spent on gifts at that age.
cohort_value = Table(
    "cohort_value",
    analytics,
    Column("date", Date, primary_key=True),
    Column("age", Integer, primary_key=True, autoincrement=False),
    _money("amount"),
    _no_nan("cohort_value", ("amount",)),
)
# Of users by the day of their first gift: at age 0 how many there are, at later ones how many were active.
gifter_activity = Table(
    "gifter_activity",
    analytics,
    Column("date", Date, primary_key=True),
    Column("age", Integer, primary_key=True, autoincrement=False),
    _count("users"),
)
# Months go by their last day, on which they are complete.
gifter_months = Table(
    "gifter_months",
    analytics,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    _money("amount"),
    _no_nan("gifter_months", ("amount",)),
    Index("gifter_months_date", "date"),
)
# `cohort_date`: the month of their first gift. `kept`: of each no more than was spent in that month.
gifter_cohorts = Table(
    "gifter_cohorts",
    analytics,
    Column("date", Date, primary_key=True),
    Column("cohort_date", Date, primary_key=True),
    _count("gifters"),
    _money("amount"),
    _money("kept"),
    _no_nan("gifter_cohorts", ("amount", "kept")),
)
# How many users were active on how many of the 28 days that end with `date`, a Sunday.
user_frequency = Table(
    "user_frequency",
    analytics,
    Column("date", Date, primary_key=True),
    Column("days", Integer, primary_key=True, autoincrement=False),
    _count("users"),
)
# Sessions of at least so many minutes, and less than the next step.
session_lengths = Table(
    "session_lengths",
    analytics,
    Column("date", Date, primary_key=True),
    Column("minutes", Integer, primary_key=True, autoincrement=False),
    _count("sessions"),
)
creator_supporters = Table(
    "creator_supporters",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("supporter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    _count("gifts"),
    _money("amount"),
    # With the platform's share. Null in rows that an older version wrote, until they are computed again.
    Column("gross", Numeric(18, 2)),
    # The one sent most often that day. Null in rows that were written before there was this column.
    Column("spark_id", BigInteger),
    _no_nan("creator_supporters", ("amount",)),
    CheckConstraint("gross >= 0 AND gross <> 'NaN'::numeric", "creator_supporters_gross"),
    Index("creator_supporters_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
# Keys of creator_supporters that changed since supporter_totals was written.
supporter_changes = Table(
    "supporter_changes",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("supporter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
)
# Whoever has been silent for longer than this, and than so many usual gaps, is cooling.
LEAST_SILENCE, SILENT_GAPS, COOLING_GIFTS = 14, 3, 3
supporter_totals = Table(
    "supporter_totals",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("supporter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_day", Date, nullable=False),
    # In the key because of the months: a supporter of a creator has one row, in the month of the last gift.
    Column("last_day", Date, primary_key=True),
    # The one with gifts before; null where there is one such day.
    Column("previous_day", Date),
    _count("gift_days"),
    _count("gifts"),
    _money("amount"),
    # The median of the days between days with gifts, the lower one of two; null with one such day.
    Column("usual_gap", Integer),
    # The favourite of most days with gifts.
    Column("spark_id", BigInteger),
    # Of all days with gifts, oldest first, and the favourite of each: so the next one needs no others read.
    # Null with one such day, and in rows of an older version.
    Column("days", ARRAY(Date)),
    Column("spark_ids", ARRAY(BigInteger)),
    # The first day on which this silence is longer than usual; null with few gifts.
    Column(
        "cooling_from",
        Date,
        Computed(
            f"CASE WHEN gifts >= {COOLING_GIFTS} "
            f"THEN last_day + greatest({LEAST_SILENCE}, {SILENT_GAPS} * usual_gap) + 1 END",
            persisted=True,
        ),
    ),
    _no_nan("supporter_totals", ("amount",)),
    Index("supporter_totals_creator_id_amount", "creator_id", "amount"),
    Index(
        "supporter_totals_creator_id_cooling_from",
        "creator_id",
        "cooling_from",
        postgresql_where=text("cooling_from IS NOT NULL"),
    ),
    postgresql_partition_by="RANGE (last_day)",
)
# Of creators with many supporters, for the usual periods: those who gave the same, until which place.
supporter_spreads = Table(
    "supporter_spreads",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_day", Date, primary_key=True),
    Column("last_day", Date, primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    _money("amount"),
    # Of everyone until this place, and the sum of squares.
    _money("so_far"),
    Column("squares", Numeric(38, 4), nullable=False),
    _no_nan("supporter_spreads", ("amount", "so_far", "squares")),
)
supporter_profiles = Table(
    "supporter_profiles",
    analytics,
    Column("supporter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text),
)
# What each creator was given of each spark on a day: completed gifts and those that were refunded since.
creator_sparks = Table(
    "creator_sparks",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    Column("spark_id", BigInteger, primary_key=True, autoincrement=False),
    _count("gifts"),
    _money("earned"),
    # Of these the part that is refunded by now.
    _count("refunded_gifts"),
    _money("refunded"),
    _no_nan("creator_sparks", ("earned", "refunded")),
    Index("creator_sparks_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
supporter_returns = Table(
    "supporter_returns",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    # 0 stands for supporters who had never given to the creator before.
    Column("days_since", Integer, primary_key=True, autoincrement=False),
    _count("supporters"),
    Index("supporter_returns_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
creator_viewers = Table(
    "creator_viewers",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("viewer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    _count("views"),
    Index("creator_viewers_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
viewer_returns = Table(
    "viewer_returns",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    # 0 stands for viewers who had never watched a video of the creator before.
    Column("days_since", Integer, primary_key=True, autoincrement=False),
    _count("viewers"),
    Index("viewer_returns_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
# Who had come by the end of a month that is over (aggregation/jobs/seen.py).
people_seen = Table(
    "people_seen",
    analytics,
    Column("person_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text(collation="C"), primary_key=True),
    Column("creators", BIT(varying=True), nullable=False),
    Column("months", BIT(varying=True), nullable=False),
    # The last day until which this is so, in the row of nobody.
    Column("through", Date),
    # The first day on which somebody came at all; null in the row of nobody.
    Column("first_day", Date),
    postgresql_with=OFTEN_WRITTEN,
)

# What happened on a day on each video of a creator, and to the creator without one.
NO_VIDEO = 0
creator_videos = Table(
    "creator_videos",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    # NO_VIDEO stands for gifts without a video of the creator's.
    Column("video_id", BigInteger, primary_key=True, autoincrement=False),
    _count("views", nullable=True),
    _count("likes", nullable=True),
    _count("comments", nullable=True),
    _count("shares", nullable=True),
    _count("gifts"),
    _money("earned"),
    _no_nan("creator_videos", ("earned",)),
    Index("creator_videos_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
video_profiles = Table(
    "video_profiles",
    analytics,
    Column("video_id", BigInteger, primary_key=True, autoincrement=False),
    Column("title", Text),
    Column("made_on", Date),
)

creator_hours = Table(
    "creator_hours",
    analytics,
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    Column("hour", DateTime, primary_key=True),
    _count("gifts"),
    _money("earned"),
    _no_nan("creator_hours", ("earned",)),
    Index("creator_hours_date", "date"),
    postgresql_partition_by=BY_MONTH,
)
# Never overwritten: see aggregation/jobs/peers.py. Null where there are not enough similar creators.
peer_benchmarks = Table(
    "peer_benchmarks",
    analytics,
    Column("month", Date, primary_key=True),
    # The number of digits in the number of followers.
    Column("band", Integer, primary_key=True, autoincrement=False),
    *(Column(name, Numeric(18, 2)) for name in ("lower", "median", "upper")),
)

# ---- the running day ----


def _running_measures(prefix: str = "") -> tuple[Column[Any], ...]:
    return (_count(f"{prefix}gifts"), _money(f"{prefix}revenue"), _money(f"{prefix}creator_share"))


# See aggregation/running_day.py. Only of days that aren't complete yet. Rewritten every few seconds.
running_hours = Table(
    "running_hours",
    analytics,
    Column("hour", DateTime, primary_key=True),
    *_running_measures(),
    postgresql_with=OFTEN_WRITTEN,
)
running_creator_hours = Table(
    "running_creator_hours",
    analytics,
    Column("hour", DateTime, primary_key=True),
    Column("creator_id", BigInteger, primary_key=True, autoincrement=False),
    *_running_measures(),
    # Of gifts before settled_through.
    *_running_measures("settled_"),
    postgresql_with=OFTEN_WRITTEN,
)
# How far they have come: one row.
running_day = Table(
    "running_day",
    analytics,
    Column("day", Date, primary_key=True),
    Column("settled_through", DateTime, nullable=False),
    Column("counted_at", DateTime(timezone=True), nullable=False),
)

# ---- what the pages about gifts need ----

spark_profiles = Table(
    "spark_profiles",
    analytics,
    Column("spark_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text),
)
# Who sent and who received, as sorted lists: the distinct people of any period and any set of sparks are
# counted from few rows, which take a tenth of the room of one row a person.
spark_days = Table(
    "spark_days",
    analytics,
    Column("spark_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date", Date, primary_key=True),
    _money("creator_earnings"),
    Column("senders", ARRAY(BigInteger), nullable=False),
    Column("recipients", ARRAY(BigInteger), nullable=False),
    _no_nan("spark_days", ("creator_earnings",)),
    Index("spark_days_date", "date"),
    # By their lists of ids rows are so large that no second version would fit in beside them.
    postgresql_with=OFTEN_WRITTEN,
)
# How many gifts of each value: by it the median of any period is exact.
gift_values = Table(
    "gift_values",
    analytics,
    Column("date", Date, primary_key=True),
    Column("amount", Numeric(18, 2), primary_key=True),
    _count("gifts"),
    _no_nan("gift_values", ("amount",)),
)
gift_refunds = Table(
    "gift_refunds",
    analytics,
    # The day of the gift, not that of the refund, which the platform doesn't keep.
    Column("date", Date, primary_key=True),
    _count("gifts"),
    _money("amount"),
    _no_nan("gift_refunds", ("amount",)),
)
gifter_returns = Table(
    "gifter_returns",
    analytics,
    Column("date", Date, primary_key=True),
    # 0 stands for who had never sent a gift before.
    Column("days_since", Integer, primary_key=True, autoincrement=False),
    _count("gifters"),
    # Who they are, of those.
    Column("first_timers", ARRAY(BigInteger)),
)

# ---- what ran, and how true the numbers are ----

job_runs = Table(
    "job_runs",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("rows", BigInteger),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("error", Text),
    Column("code_version", Text, nullable=False),
    # Of its own work; runs of a span begin and end together. Null where that says it all.
    Column("seconds", Double),
    # A line for each span: how many rows, how long.
    Column("log", Text),
    # Why it ran; null in runs of versions that logged no restatements.
    Column("reason", Text),
    CheckConstraint("state IN ('running', 'succeeded', 'failed', 'interrupted')", "job_runs_state"),
    Index("job_runs_job_started_at", "job", "started_at"),
)
data_checks = Table(
    "data_checks",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("checked_at", DateTime(timezone=True), nullable=False),
    Column("table_name", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("cells", BigInteger, nullable=False),
    Column("unequal", BigInteger, nullable=False),
    Index("data_checks_checked_at", "checked_at"),
)

# With which day each source table begins: no number of it can be compared with an earlier one.
source_begins = Table(
    "source_begins",
    analytics,
    Column("source", Text, primary_key=True),
    Column("day", Date, nullable=False),
)
# What the newest recount of it found unequal, until it is equal again: see aggregation/unequal.py.
unequal_cells = Table(
    "unequal_cells",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("column_name", Text, nullable=False),
    Column("day", Date, nullable=False),
    # Null where the table isn't by creator, or where it concerns too many of them to be listed.
    Column("creator_id", BigInteger),
    Column("cells", BigInteger, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False),
    # Repairs that didn't help.
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("tried_at", DateTime(timezone=True)),
    Index("unequal_cells_table_name_day", "table_name", "day"),
)
# What people ask the worker to do: see aggregation/requests.py.
job_requests = Table(
    "job_requests",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("jobs", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("error", Text),
    # What a preview found: see aggregation/previews.py.
    Column("found", JSON(none_as_null=True)),
    # Of a run: the preview that it was confirmed on. Once only.
    Column("preview_id", BigInteger, unique=True),
    CheckConstraint("kind IN ('preview', 'run')", "job_requests_kind"),
    CheckConstraint("state IN ('waiting', 'running', 'succeeded', 'failed')", "job_requests_state"),
)
# What has changed in the platform's tables on days that are over: see aggregation/changes.py. Triggers only
# add to it, and no key of theirs can meet another's, so that no writer of the platform waits for another.
source_changes = Table(
    "source_changes",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("day", Date, nullable=False),
    # A transaction that has to end before the change can be seen.
    Column("open_xid", BigInteger),
    Column("logged_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
)

# Each stored cell that changed after it was first published: see aggregation/restatements.py.
restatements = Table(
    "restatements",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("table_name", Text, nullable=False),
    # As `check` writes it: creator_id=5, date=2026-11-01.
    Column("key", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("column_name", Text, nullable=False),
    # As PostgreSQL writes them; null also where there was, or is, no row.
    Column("old", Text),
    Column("new", Text),
    Column("restated_at", DateTime(timezone=True), nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("restatements_table_name_key", "table_name", "key"),
    Index("restatements_restated_at", "restated_at"),
)

# Which worker is at work: see aggregation/leases.py.
worker_leases = Table(
    "worker_leases",
    analytics,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    # Makes the token a part of a key, which a reader can keep from changing while all else may.
    Index("worker_leases_token", "name", "token", unique=True),
)

data_versions = Table(
    "data_versions",
    analytics,
    Column("scope", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# ---- who may sign in ----

accounts = Table(
    "dashboard_accounts",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("creator_id", BigInteger),
    Column("password_hash", Text, nullable=False),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    # The weekday with which weeks begin on this person's pages; 0 is Monday.
    Column("week_start", Integer, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("last_login_at", DateTime(timezone=True)),
    CheckConstraint("role IN ('admin', 'analyst', 'creator')", "dashboard_accounts_role"),
    CheckConstraint("(role = 'creator') = (creator_id IS NOT NULL)", "dashboard_accounts_creator"),
    CheckConstraint("week_start IN (0, 5, 6)", "dashboard_accounts_week_start"),
    Index("dashboard_accounts_name", text("lower(name)"), unique=True),
)
sessions = Table(
    "dashboard_sessions",
    analytics,
    Column("token_hash", Text, primary_key=True),
    Column(
        "account_id", BigInteger, ForeignKey(accounts.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("last_seen_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
# Secrets for programs; they may do what their account may.
api_tokens = Table(
    "dashboard_tokens",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column(
        "account_id", BigInteger, ForeignKey(accounts.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True)),
)
# Counters of attempts, for all web processes. What a crash loses of them is no harm.
rate_limits = Table(
    "dashboard_limits",
    analytics,
    Column("key", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    prefixes=["UNLOGGED"],
)
# Which page was opened on which day (UTC), and nothing more: the Impact page counts them.
page_visits = Table(
    "page_visits",
    analytics,
    Column("day", Date, primary_key=True),
    Column(
        "account_id",
        BigInteger,
        ForeignKey(accounts.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("page", Text, primary_key=True),
    # Whose page the account sees; null for analysts and admins.
    Column("creator_id", BigInteger),
)
# Who did what. Names, not references: it outlives accounts.
audit_log = Table(
    "dashboard_audit",
    analytics,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("action", Text, nullable=False),
    # Who, and about whom or what; null where nobody is signed in, or nothing else is concerned.
    Column("actor", Text),
    Column("subject", Text),
    Column("address", Text),
    Column("request_id", Text),
    Index("dashboard_audit_at", "at"),
)
