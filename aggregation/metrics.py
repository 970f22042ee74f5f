"""The list of metrics: what each one is, in the words people read. Imports nothing of ours."""

from dataclasses import dataclass
from typing import Literal

# hour: of the day, in UTC
Unit = Literal["count", "money", "percent", "hour"]
# flow: summed over the period · stock: value at its end · ratio: Σ numerator / Σ denominator ·
# distinct: recounted over the period, never summed
Rollup = Literal["flow", "stock", "ratio", "distinct"]


@dataclass(frozen=True)
class Metric:
    """One number people see. `name` is the column of `table` that holds its daily value."""

    name: str
    label: str
    unit: Unit
    rollup: Rollup
    table: str
    formula: str
    description: str
    numerator: tuple[str, ...] = ()
    denominator: str = ""
    # 100 where a ratio is shown in percent
    scale: int = 1
    # Which direction is good; "" where neither is.
    better: Literal["up", "down", ""] = "up"
    # Which days it is about, where those aren't the chosen ones.
    days: str = ""

    @property
    def measured(self) -> str:
        """Its unit, and what becomes of it over a period."""
        return f"{UNITS[self.unit]}, {self.days or ROLLUPS[self.rollup]}"


UNITS = {"count": "number", "money": "money", "percent": "%", "hour": "hour of the day (UTC)"}
ROLLUPS = {
    "flow": "summed over the period",
    "stock": "value at the end of the period",
    "ratio": "Σ numerator / Σ denominator over the period",
    "distinct": "recounted over the period, never summed",
}


DAILY = "daily_analytics"
CREATOR = "creator_metrics"
SUPPORTERS = "creator_supporters"

TOTAL_USERS = Metric(
    "total_users",
    "Total users",
    "count",
    "stock",
    DAILY,
    "users created before the end of the day",
    "Everyone who had signed up by the end of the period.",
)
ACTIVE_USERS = Metric(
    "active_users",
    "Active users",
    "count",
    "distinct",
    DAILY,
    "distinct users with a session, a watched video or a completed gift sent",
    "Different people active at least once in the period. Someone active on five days counts once.",
)
NEW_USERS = Metric(
    "new_users", "New users", "count", "flow", DAILY, "users created on the day", "Sign-ups in the period."
)
TOTAL_REVENUE = Metric(
    "total_revenue",
    "Total revenue",
    "money",
    "flow",
    DAILY,
    "Σ creator share + platform share of completed gifts",
    "What viewers paid for gifts. Refunded, pending and failed gifts are left out.",
)
CREATOR_EARNINGS = Metric(
    "creator_earnings",
    "Creator earnings",
    "money",
    "flow",
    DAILY,
    "Σ creator share of completed gifts",
    "The creators' part of gift revenue.",
)
PLATFORM_EARNINGS = Metric(
    "platform_earnings",
    "Platform earnings",
    "money",
    "flow",
    DAILY,
    "Σ platform share of completed gifts",
    "The platform's part of gift revenue.",
)
TOTAL_GIFTS = Metric(
    "total_gifts_sent",
    "Gifts sent",
    "count",
    "flow",
    DAILY,
    "completed gifts",
    "Completed gifts in the period.",
)
ACTIVE_SHARE = Metric(
    "engagement_rate",
    "Active share",
    "percent",
    "ratio",
    DAILY,
    "Σ active users / Σ total users, day by day",
    "Engagement rate of the platform: the part of all users who are active on an average day.",
    numerator=("active_users",),
    denominator="total_users",
    scale=100,
)
AVERAGE_GIFT = Metric(
    "average_gift_value",
    "Average gift",
    "money",
    "ratio",
    DAILY,
    "gift revenue / completed gifts",
    "What one completed gift is worth on average.",
    numerator=("total_revenue",),
    denominator="total_gifts_sent",
)

FOLLOWERS = Metric(
    "followers",
    "Followers",
    "count",
    "stock",
    CREATOR,
    "followers at the end of the day",
    "People who follow you at the end of the period.",
)
FOLLOWERS_GAINED = Metric(
    "followers_gained",
    "Followers gained",
    "count",
    "flow",
    CREATOR,
    "follows − unfollows",
    "New followers minus people who stopped following.",
)
GIFTS_RECEIVED = Metric(
    "gifts_received",
    "Gifts received",
    "count",
    "flow",
    CREATOR,
    "completed gifts received",
    "Completed gifts you received in the period.",
)
GIFT_REVENUE = Metric(
    "gift_revenue",
    "Gift revenue",
    "money",
    "flow",
    CREATOR,
    "Σ creator share of completed gifts",
    "Your share of the gifts you received. Refunded gifts are left out.",
)
VIEWS = Metric(
    "video_views",
    "Views",
    "count",
    "flow",
    CREATOR,
    "watches of your videos",
    "How often your videos were watched.",
)
LIKES = Metric("video_likes", "Likes", "count", "flow", CREATOR, "likes", "Likes on your videos.")
COMMENTS = Metric(
    "video_comments", "Comments", "count", "flow", CREATOR, "comments", "Comments on your videos."
)
SHARES = Metric("video_shares", "Shares", "count", "flow", CREATOR, "shares", "Shares of your videos.")
CREATOR_ENGAGEMENT = Metric(
    "engagement_rate",
    "Engagement rate",
    "percent",
    "ratio",
    CREATOR,
    "(likes + comments + shares) / views",
    "Reactions for every 100 views of your videos.",
    numerator=("video_likes", "video_comments", "video_shares"),
    denominator="video_views",
    scale=100,
)
SUPPORTERS_COUNT = Metric(
    "supporters",
    "Supporters",
    "count",
    "distinct",
    SUPPORTERS,
    "distinct senders of completed gifts",
    "Different people who sent you a gift in the period. New: their first gift to you ever.",
)

# ---- of all creators next to each other ----

MONTHS = "creator_months"

ACTIVE_EARNERS = Metric(
    "active_earners",
    "Active earners",
    "count",
    "distinct",
    MONTHS,
    "creators with earnings above 0 in the period",
    "Creators who earned anything in the period. Median, shares and Gini are of them alone.",
)
MEDIAN_EARNINGS = Metric(
    "median_earnings",
    "Median earnings",
    "money",
    "distinct",
    MONTHS,
    "median of the earnings of active earners",
    "Half of the creators who earned anything earned less than this, half more.",
)
TOP_1_SHARE = Metric(
    "top_1_share",
    "Top 1% share",
    "percent",
    "distinct",
    MONTHS,
    "earnings of the best-earning 1 % of active earners (at least one) / earnings of all",
    "How much of all earnings went to the one in a hundred who earned most.",
    better="",
)
GINI = Metric(
    "gini",
    "Gini",
    "percent",
    "distinct",
    MONTHS,
    "2 Σ rank × earnings / (n Σ earnings) − (n + 1) / n, active earners ranked from the least earnings on",
    "How unequally earnings are spread: 0% if all active earners earned the same, near 100% if one of many "
    "earned everything.",
    better="",
)
WENT_DARK = Metric(
    "went_dark",
    "Went dark",
    "count",
    "distinct",
    MONTHS,
    "creators with earnings above 0 in the compared period and none in this one",
    "Creators who earned something in the period that this one is compared with, and nothing now.",
    better="down",
)
RPM = Metric(
    "rpm",
    "RPM",
    "money",
    "ratio",
    MONTHS,
    "earnings from gifts with a video of the creator's own / views of their videos in the period × 1000",
    "What a thousand views bring in gifts given with a video. Views are all watches of the creator's videos, "
    "also of those that got no gift; gifts without a video don't count.",
    numerator=("video_earnings",),
    denominator="views",
    scale=1000,
)
ALL_CREATORS = (ACTIVE_EARNERS, MEDIAN_EARNINGS, TOP_1_SHARE, GINI, WENT_DARK, RPM)

PLATFORM_METRICS = (
    TOTAL_USERS,
    ACTIVE_USERS,
    NEW_USERS,
    TOTAL_REVENUE,
    CREATOR_EARNINGS,
    PLATFORM_EARNINGS,
    TOTAL_GIFTS,
    ACTIVE_SHARE,
    AVERAGE_GIFT,
)
CREATOR_METRICS = (
    FOLLOWERS,
    FOLLOWERS_GAINED,
    GIFTS_RECEIVED,
    GIFT_REVENUE,
    VIEWS,
    LIKES,
    COMMENTS,
    SHARES,
    CREATOR_ENGAGEMENT,
    SUPPORTERS_COUNT,
)

# ---- of a creator's Earnings and Supporters: one number each ----

SPARKS = "creator_sparks"
TOTALS = "supporter_totals"
RETURNS = "supporter_returns"
GIVERS = "creator_supporters, by supporter"
VIDEOS = "creator_videos"
VIEWERS = "creator_viewers"

MONTH_SO_FAR = Metric(
    "month_so_far",
    "Month so far",
    "money",
    "distinct",
    SPARKS,
    "Σ creator share of completed gifts on the month's complete days",
    "What you have earned in the month of the newest complete day. Refunded gifts are left out.",
    days="the month's complete days",
)
PROJECTED_MONTH = Metric(
    "projected_month",
    "Projected month",
    "money",
    "distinct",
    "creator_metrics and creator_forecasts",
    "earned on the month's complete days + projected earnings of its other days",
    "What the whole month may bring. Only the days to come are uncertain; in 80 of 100 cases the month ends "
    "within the limits.",
    days="the whole month",
)
REFUNDED = Metric(
    "refunded",
    "Refunded",
    "money",
    "flow",
    SPARKS,
    "Σ creator share of the period's gifts that are refunded by now",
    "Your share of gifts of these days that were refunded later. A refund is booked on the day of its gift: "
    "the platform doesn't say when it was made.",
)
BEST_DAY = Metric(
    "best_day",
    "Best day",
    "money",
    "distinct",
    SPARKS,
    "the largest of the period's daily gift revenues",
    "What you earned on the best day of the period.",
)
NEW_SUPPORTERS = Metric(
    "new_supporters",
    "New supporters",
    "count",
    "distinct",
    RETURNS,
    "distinct senders whose first completed gift to the creator lies in the period",
    "People who gave to you in the period and never before.",
)
RETURNING_SHARE = Metric(
    "returning_share",
    "Returning",
    "percent",
    "distinct",
    RETURNS,
    "supporters of the period whose first gift to you came before it / supporters of the period",
    "How many of every 100 supporters had given to you before the period.",
    scale=100,
)
EFFECTIVE_SUPPORTERS = Metric(
    "effective_supporters",
    "Effective number",
    "count",
    "distinct",
    GIVERS,
    "1 / Σ p², p = each supporter's part of the period's earnings",
    "By how many supporters you would be carried if all gave alike. Far below the number of supporters, you "
    "depend on few.",
)
TOP_SHARE = Metric(
    "top_supporter_share",
    "Top supporter's share",
    "percent",
    "distinct",
    GIVERS,
    "what the largest supporter gave / what all gave, over the period",
    "How much of what you earned came from one person.",
    scale=100,
)
COOLING = Metric(
    "cooling_supporters",
    "Cooling",
    "count",
    "distinct",
    TOTALS,
    "supporters with at least 3 gifts who have been silent for longer than max(14 days, 3 × their usual gap)",
    "Supporters who gave regularly and have stopped. The usual gap is the median of the days between those "
    "on which they gave, the lower one of two. Counted at the end of the newest complete day.",
    days="the end of the newest complete day",
)
GIFTS_PER_1000 = Metric(
    "gifts_per_1000_views",
    "Gifts per 1,000 views",
    "count",
    "ratio",
    VIDEOS,
    "completed gifts with a video / views of the videos × 1000",
    "How many gifts come with 1,000 views of your videos.",
    numerator=("gifts",),
    denominator="views",
    scale=1000,
)
BEST_HOUR = Metric(
    "best_hour",
    "Best hour",
    "money",
    "distinct",
    "creator_hours",
    "gifts expected in one such hour of the week × average gift, over the last 12 weeks",
    "What the best hour of the week brings, as far as it can be told: each hour is drawn towards your "
    "average, the more the less its weeks agree. Only hours with gifts in at least 4 of the weeks compete.",
    days="the last 12 weeks",
)
VIEWERS_COUNT = Metric(
    "viewers",
    "Viewers",
    "count",
    "distinct",
    VIEWERS,
    "distinct people who watched a video of the creator",
    "People who watched at least one of your videos in the period.",
)
RETURNING_VIEWERS = Metric(
    "returning_viewers",
    "Returning viewers",
    "percent",
    "distinct",
    "viewer_returns",
    "viewers of the period whose first watch of the creator's videos came before it / viewers of the period",
    "How many of every 100 viewers had watched you before the period.",
    scale=100,
)
QUARTER = Metric(
    "peer_quarter",
    "Quarter among similar creators",
    "count",
    "distinct",
    "peer_benchmarks",
    "1 + how many of the month's rounded quartiles lie below what you earned in it",
    "1 is the lowest quarter, 4 the highest. Similar: as many digits in the number of followers.",
    days="the last whole month",
)
CREATOR_PAGE_METRICS = (
    MONTH_SO_FAR,
    PROJECTED_MONTH,
    REFUNDED,
    BEST_DAY,
    NEW_SUPPORTERS,
    RETURNING_SHARE,
    EFFECTIVE_SUPPORTERS,
    TOP_SHARE,
    COOLING,
    GIFTS_PER_1000,
    VIEWERS_COUNT,
    RETURNING_VIEWERS,
    BEST_HOUR,
    QUARTER,
)

# ---- of a period, from more than one table or no column of one ----

ALL_REVENUE = Metric(
    "all_revenue",
    "All revenue",
    "money",
    "flow",
    "revenue_breakdown",
    "Σ amount over all sources",
    "Gifts with both shares, subscriptions, ads and premium features. Refunds are left out.",
)
PLATFORM_GIFT_REVENUE = Metric(
    "gift_revenue",
    "Gift revenue",
    "money",
    "flow",
    "revenue_breakdown, source gifts",
    "Σ creator share + platform share of completed gifts",
    "What viewers paid for gifts. The same number as Total revenue on the overview.",
)
GIFT_VALUE = Metric(
    "gift_value",
    "Value",
    "money",
    "flow",
    "gift_analytics",
    "Σ creator share + platform share of completed gifts",
    "What viewers paid for gifts, with both shares.",
)
REFUND_RATE = Metric(
    "refund_rate",
    "Refund rate",
    "percent",
    "ratio",
    "gift_refunds and revenue_breakdown",
    "Σ value of the period's gifts that are refunded by now / Σ value of its completed and refunded gifts",
    "How much of what was given in the period has been taken back since. It can still grow: a gift may be "
    "refunded days later.",
    better="down",
)
TAKE_RATE = Metric(
    "take_rate",
    "Take rate",
    "percent",
    "ratio",
    "daily_analytics (platform_earnings, total_revenue)",
    "platform earnings / gift revenue",
    "The part of gift revenue that the platform keeps.",
    numerator=("platform_earnings",),
    denominator="total_revenue",
    scale=100,
    better="",
)
ARPU = Metric(
    "arpu",
    "ARPU",
    "money",
    "ratio",
    "daily_analytics and user_returns",
    "gift revenue / distinct active users of the period",
    "Average gift revenue for each user who was active in the period.",
)
ARPPU = Metric(
    "arppu",
    "ARPPU",
    "money",
    "ratio",
    "daily_analytics and gifter_returns",
    "gift revenue / distinct gifters of the period",
    "Average gift revenue for each user who sent a gift in the period.",
)
GIFTERS = Metric(
    "gifters",
    "Gifters",
    "count",
    "distinct",
    "gifter_returns",
    "distinct senders of completed gifts",
    "Different people who sent a gift in the period. Someone who gave on five days counts once.",
)
CONVERSION = Metric(
    "conversion",
    "Conversion",
    "percent",
    "ratio",
    "gifter_returns and user_returns",
    "distinct gifters / distinct active users of the period",
    "The part of the period's active users who sent a gift.",
)
RECIPIENTS = Metric(
    "recipients",
    "Recipients",
    "count",
    "distinct",
    "spark_days",
    "distinct recipients of completed gifts",
    "Different people who received a gift in the period.",
)
MEDIAN_GIFT = Metric(
    "median_gift",
    "Median gift",
    "money",
    "distinct",
    "gift_values",
    "the value in the middle of all completed gifts of the period; of two, their mean",
    "Half of the gifts are worth less, half of them more.",
)
PEAK_HOUR = Metric(
    "peak_hour",
    "Peak hour",
    "hour",
    "distinct",
    "gift_analytics",
    "the hour of the day (UTC) with the largest Σ value of gifts; of equal ones the one with more gifts",
    "When most is given. Each hour of the day comes equally often in a period of whole days.",
    better="",
)
GIFT_METRICS = (
    ALL_REVENUE,
    PLATFORM_GIFT_REVENUE,
    GIFT_VALUE,
    REFUND_RATE,
    TAKE_RATE,
    ARPU,
    ARPPU,
    GIFTERS,
    CONVERSION,
    RECIPIENTS,
    MEDIAN_GIFT,
    PEAK_HOUR,
)
METRICS = PLATFORM_METRICS + CREATOR_METRICS + CREATOR_PAGE_METRICS + GIFT_METRICS + ALL_CREATORS

# ---- about the worker: for admins, one number each ----

COMPLETE_THROUGH = Metric(
    "complete_through",
    "Complete through",
    "count",
    "stock",
    "job_runs",
    "the oldest of the newest days that each table is computed for",
    "Up to this day (UTC) every table has been computed.",
)
LAG = Metric(
    "lag",
    "Lag",
    "count",
    "stock",
    "job_runs",
    "now − when the oldest missing day of any table was due",
    "For how long something has been overdue. 0: nothing is.",
)
FAILED_RUNS = Metric(
    "failed_runs",
    "Failed in 24 h",
    "count",
    "flow",
    "job_runs",
    "runs that ended as failed in the last 24 hours",
    "Each attempt counts. What passes by itself is tried again.",
)
UNEQUAL_CELLS = Metric(
    "unequal_cells",
    "Unequal cells",
    "count",
    "stock",
    "unequal_cells",
    "cells whose newest recount from the source gave another value",
    "They are withheld on pages and null in the API until they are equal again. The worker computes their "
    "days anew, three times at most.",
)
RESTATED_CELLS = Metric(
    "restated_cells",
    "Restated in 7 days",
    "count",
    "flow",
    "restatements",
    "stored cells that changed in the last 7 days after they were first published",
    "What arrived late, was refunded or was mended.",
)

# ---- about the forecast: one number each, not of days ----

NEXT_30_DAYS = Metric(
    "next_30_days",
    "Next 30 days",
    "money",
    "distinct",
    "revenue_forecast_totals",
    "Σ projected revenue of the 30 days after the newest complete day that the forecast knew",
    "Gift revenue as projected. The band has limits of the total itself, not sums of daily ones; it is made "
    "to hold what comes in 80 of 100 cases.",
    days="the next 30 days",
)
RUNNING_MONTH = Metric(
    "running_month",
    "This month",
    "money",
    "distinct",
    "daily_analytics and revenue_forecast",
    "gift revenue of the month's complete days + projected revenue of its other days",
    "What the month has brought, and what the rest of it is projected to bring. Only the rest is uncertain.",
    days="the whole month",
)
HIT_RATE = Metric(
    "hit_rate",
    "Hit rate of past intervals",
    "percent",
    "ratio",
    "revenue_forecast_totals",
    "30-day totals that came inside their 80 % band / settled forecasts, one a week",
    "How often what came lay inside the band that was forecast. Bands that are neither too wide nor too "
    "narrow are hit in about 80 % of cases.",
)
SKILL = Metric(
    "skill",
    "Better than naive by",
    "percent",
    "ratio",
    "revenue_forecast_totals",
    "1 − Σ |error| / Σ |error of repeating the last week|, over settled 30-day totals",
    "How much smaller the forecasts' errors were than those of simply expecting the last week again. Below "
    "zero, repeating the last week would have been better.",
)

# ---- about people: recounted over the period by queries of their own ----

RETURNS = "user_returns"
DAU = Metric(
    "dau",
    "DAU",
    "count",
    "distinct",
    RETURNS,
    "Σ distinct active users of each day / days",
    "Daily active users: how many different people are active on an average day of the period.",
)
WAU = Metric(
    "wau",
    "WAU",
    "count",
    "distinct",
    RETURNS,
    "distinct users active in the last 7 days",
    "Weekly active users: different people active in the 7 days that end with the period's last day.",
)
MAU = Metric(
    "mau",
    "MAU",
    "count",
    "distinct",
    RETURNS,
    "distinct users active in the last 28 days",
    "Monthly active users: different people active in the 28 days that end with the period's last day. "
    "28 days have each weekday four times.",
)
STICKINESS = Metric(
    "stickiness",
    "Stickiness",
    "percent",
    "ratio",
    RETURNS,
    "mean DAU of the last 28 days / MAU",
    "On how many of the 28 days an active user is active, on average, as a share of 28.",
)
NEW_ACTIVE = Metric(
    "new_active_users",
    "New",
    "count",
    "distinct",
    RETURNS,
    "distinct users whose first active day of all lies in the period",
    "People active for the first time ever. New, returning and resurrected together are the active users.",
)
RETURNING = Metric(
    "returning_users",
    "Returning",
    "count",
    "distinct",
    RETURNS,
    "distinct users active in the period and in the one right before it",
    "People who were also active in the period of the same length right before.",
)
RESURRECTED = Metric(
    "resurrected_users",
    "Resurrected",
    "count",
    "distinct",
    RETURNS,
    "distinct users active in the period, not in the one right before it, but earlier",
    "People who came back after having been away for at least one whole period.",
)
DORMANT = Metric(
    "dormant_users",
    "Dormant",
    "count",
    "distinct",
    RETURNS,
    "distinct users active in the period right before, and not in this one",
    "People who were active in the period right before and have not come in this one.",
    better="down",
)


def _day(age: int) -> Metric:
    return Metric(
        f"day_{age}",
        f"Day {age}",
        "percent",
        "ratio",
        "cohort_activity",
        f"Σ users active exactly {age} days after signing up / Σ users who signed up, over the sign-ups "
        f"whose day {age} lies in the period",
        f"Of everyone whose day {age} after signing up lies in the period, the share that was active on it.",
    )


DAY_1, DAY_7, DAY_30 = map(_day, (1, 7, 30))
GIFTER_DAY_30 = Metric(
    "gifter_day_30",
    "Gifter day 30",
    "percent",
    "ratio",
    "gifter_activity",
    "Σ users active exactly 30 days after their first gift / Σ users whose first gift was 30 days earlier",
    "Of everyone whose 30th day after the first gift lies in the period, the share that was active on it.",
)
GRR = Metric(
    "grr",
    "GRR",
    "percent",
    "ratio",
    "gifter_cohorts",
    "Σ min(spent in month 1, spent in the month of the first gift) / Σ spent in the month of the first gift",
    "Gross revenue retention: of what people spent in the month of their first gift, how much of it they "
    "spent again in the month after. Spending more than at first doesn't count, so it is never above 100%. "
    "The month within which the platform's gifts begin takes no part.",
)
NRR = Metric(
    "nrr",
    "NRR",
    "percent",
    "ratio",
    "gifter_cohorts",
    "Σ spent in month 1 / Σ spent in the month of the first gift",
    "Net revenue retention: what people spent in the month after that of their first gift, as a share of "
    "what they spent in it. Above 100% where they spend more. The month within which the "
    "platform's gifts begin takes no part.",
)
SIGNUP_VALUE = Metric(
    "signup_value",
    "Value per sign-up",
    "money",
    "ratio",
    "cohort_value",
    "Σ gift revenue until that age / Σ users who signed up, over the sign-ups that reached that age",
    "What people have spent on gifts by the time they are so many days old, per sign-up, gifters or not.",
)
# Numbers of the platform that are no column of its days, but have rows behind them, too.
WITH_ROWS = (
    ALL_REVENUE,
    PLATFORM_GIFT_REVENUE,
    GIFT_VALUE,
    REFUND_RATE,
    TAKE_RATE,
    ARPU,
    ARPPU,
    GIFTERS,
    RECIPIENTS,
    PEAK_HOUR,
    DAU,
    WAU,
    MAU,
    STICKINESS,
    NEW_ACTIVE,
    RESURRECTED,
    DORMANT,
    DAY_1,
    DAY_7,
    DAY_30,
    GIFTER_DAY_30,
    GRR,
    NRR,
    ACTIVE_EARNERS,
    MEDIAN_EARNINGS,
    TOP_1_SHARE,
    GINI,
    WENT_DARK,
)

GIFTS_BEGAN = (("virtual_gifts",),)
USERS_BEGAN = (("users",),)
# Somebody is active by either; whichever began first will do.
ACTIVITY_BEGAN = (("user_sessions", "video_watches"),)
WATCHES_BEGAN = (("video_watches",),)
REACTIONS_BEGAN = (("video_interactions",),)
# Of what isn't made of gifts alone: the source tables that must have begun, one of each group.
_MADE_FROM = {
    **dict.fromkeys((TOTAL_USERS, NEW_USERS), USERS_BEGAN),
    **dict.fromkeys((ACTIVE_USERS, ACTIVE_SHARE), ACTIVITY_BEGAN),
    **dict.fromkeys((DAU, WAU, MAU, STICKINESS, NEW_ACTIVE, RETURNING, RESURRECTED, DORMANT), ACTIVITY_BEGAN),
    **dict.fromkeys((DAY_1, DAY_7, DAY_30), ACTIVITY_BEGAN),
    **dict.fromkeys((GIFTER_DAY_30, ARPU, CONVERSION), GIFTS_BEGAN + ACTIVITY_BEGAN),
    **dict.fromkeys((VIEWS, VIEWERS_COUNT, RETURNING_VIEWERS), WATCHES_BEGAN),
    **dict.fromkeys((LIKES, COMMENTS, SHARES), REACTIONS_BEGAN),
    CREATOR_ENGAGEMENT: REACTIONS_BEGAN + WATCHES_BEGAN,
    **dict.fromkeys((RPM, GIFTS_PER_1000), GIFTS_BEGAN + WATCHES_BEGAN),
    **dict.fromkeys((FOLLOWERS, FOLLOWERS_GAINED), (("follows",),)),
    ALL_REVENUE: (*GIFTS_BEGAN, ("transactions",)),
}


def made_from(metric: Metric) -> tuple[tuple[str, ...], ...]:
    """The source tables that must have begun before the number means anything: one of each group."""
    return _MADE_FROM.get(metric, GIFTS_BEGAN)


def every() -> tuple[Metric, ...]:
    """All that stand in this list, in its order."""
    return tuple(value for value in globals().values() if isinstance(value, Metric))
