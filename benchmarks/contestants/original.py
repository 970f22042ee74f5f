"""The first design's algorithm: a loop over the creators, three queries and an upsert for each of them.

In its favour: one transaction a day, prepared SQL text, and none of the tables that its design fills
only by a loop over all users (user_engagement, creator_supporters, user_returns).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

TOTAL_USERS = text("SELECT count(*) FROM users WHERE created_at < :end")
NEW_USERS = text("SELECT count(*) FROM users WHERE created_at >= :start AND created_at < :end")
ACTIVE_USERS = text("""
    SELECT count(DISTINCT user_id) FROM (
        SELECT user_id FROM user_sessions WHERE started_at >= :start AND started_at < :end
        UNION ALL
        SELECT user_id FROM video_watches WHERE watched_at >= :start AND watched_at < :end
        UNION ALL
        SELECT sender_id FROM virtual_gifts
        WHERE status = 'completed' AND created_at >= :start AND created_at < :end
    ) AS active
""")
GIFTS = text("""
    SELECT count(*) AS gifts, coalesce(sum(creator_share), 0) AS creators,
           coalesce(sum(platform_share), 0) AS platform
    FROM virtual_gifts WHERE status = 'completed' AND created_at >= :start AND created_at < :end
""")
TOP_SPARK = text("""
    SELECT spark_id FROM virtual_gifts
    WHERE status = 'completed' AND created_at >= :start AND created_at < :end
    GROUP BY spark_id ORDER BY count(*) DESC, sum(creator_share + platform_share) DESC, spark_id LIMIT 1
""")
STORE_DAY = text("""
    INSERT INTO daily_analytics (date, total_users, active_users, new_users, total_gifts_sent,
                                 total_revenue, creator_earnings, platform_earnings, top_spark_id)
    VALUES (:start, :total, :active, :new, :gifts, :creators + :platform, :creators, :platform, :top)
    ON CONFLICT (date) DO UPDATE SET total_users = excluded.total_users, active_users = excluded.active_users,
        new_users = excluded.new_users, total_gifts_sent = excluded.total_gifts_sent,
        total_revenue = excluded.total_revenue, creator_earnings = excluded.creator_earnings,
        platform_earnings = excluded.platform_earnings, top_spark_id = excluded.top_spark_id
""")
SPARK_HOURS = text("""
    SELECT spark_id, date_trunc('hour', created_at) AS hour, count(*) AS sent,
           sum(creator_share + platform_share) AS revenue, count(DISTINCT sender_id) AS senders,
           count(DISTINCT recipient_id) AS recipients
    FROM virtual_gifts WHERE status = 'completed' AND created_at >= :start AND created_at < :end GROUP BY 1, 2
""")
STORE_HOUR = text("""
    INSERT INTO gift_analytics (spark_id, hour, send_count, revenue, unique_senders, unique_recipients)
    VALUES (:spark_id, :hour, :sent, :revenue, :senders, :recipients)
    ON CONFLICT (spark_id, hour) DO UPDATE SET send_count = excluded.send_count, revenue = excluded.revenue,
        unique_senders = excluded.unique_senders, unique_recipients = excluded.unique_recipients
""")
SOURCES = text("""
    SELECT source, sum(amount) AS amount, count(*) AS n FROM transactions
    WHERE status = 'completed' AND created_at >= :start AND created_at < :end GROUP BY source
""")
STORE_SOURCE = text("""
    INSERT INTO revenue_breakdown (date, source, amount, transaction_count)
    VALUES (:date, :source, :amount, :n)
    ON CONFLICT (date, source) DO UPDATE SET amount = excluded.amount,
        transaction_count = excluded.transaction_count
""")
CREATORS = text("SELECT id, followers FROM users WHERE is_creator ORDER BY id")
VIDEOS = text("""
    SELECT (SELECT count(*) FROM video_watches WHERE watched_at >= :start AND watched_at < :end
                AND video_id IN (SELECT id FROM videos WHERE creator_id = :id)) AS views,
           count(*) FILTER (WHERE kind = 'like') AS likes,
           count(*) FILTER (WHERE kind = 'comment') AS comments,
           count(*) FILTER (WHERE kind = 'share') AS shares
    FROM video_interactions WHERE created_at >= :start AND created_at < :end
        AND video_id IN (SELECT id FROM videos WHERE creator_id = :id)
""")
RECEIVED = text("""
    SELECT count(*) AS gifts, coalesce(sum(creator_share), 0) AS revenue FROM virtual_gifts
    WHERE recipient_id = :id AND status = 'completed' AND created_at >= :start AND created_at < :end
""")
FOLLOWERS = text("""
    SELECT count(*) FILTER (WHERE created_at >= :start AND created_at < :end)
           - count(*) FILTER (WHERE unfollowed_at >= :start AND unfollowed_at < :end) AS gained
    FROM follows WHERE creator_id = :id
""")
STORE_CREATOR = text("""
    INSERT INTO creator_metrics (creator_id, date, video_views, video_likes, video_comments, video_shares,
                                 gifts_received, gift_revenue, followers, followers_gained)
    VALUES (:id, :date, :views, :likes, :comments, :shares, :gifts, :revenue, :followers, :gained)
    ON CONFLICT (creator_id, date) DO UPDATE SET video_views = excluded.video_views,
        video_likes = excluded.video_likes, video_comments = excluded.video_comments,
        video_shares = excluded.video_shares, gifts_received = excluded.gifts_received,
        gift_revenue = excluded.gift_revenue, followers = excluded.followers,
        followers_gained = excluded.followers_gained
""")


def bounds(day: date) -> dict[str, Any]:
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the source's times have no zone
    return {"start": start, "end": start + timedelta(days=1)}


def platform_day(connection: Connection, day: date) -> None:
    """The handful of queries for the whole platform."""
    span = bounds(day)
    gifts = connection.execute(GIFTS, span).one()
    numbers = {
        "total": connection.scalar(TOTAL_USERS, span),
        "new": connection.scalar(NEW_USERS, span),
        "active": connection.scalar(ACTIVE_USERS, span),
        "top": connection.scalar(TOP_SPARK, span),
    }
    connection.execute(STORE_DAY, span | numbers | dict(gifts._mapping))
    for hour in connection.execute(SPARK_HOURS, span).all():
        connection.execute(STORE_HOUR, dict(hour._mapping))
    for source in connection.execute(SOURCES, span).all():
        connection.execute(STORE_SOURCE, dict(source._mapping) | {"date": day})


def creators(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(CREATORS).all()


def creator_day(connection: Connection, creator: Row[Any], day: date) -> None:
    """Three queries and an upsert."""
    span = bounds(day) | {"id": creator.id}
    videos = connection.execute(VIDEOS, span).one()
    received = connection.execute(RECEIVED, span).one()
    followers = connection.execute(FOLLOWERS, span).one()
    row = {"id": creator.id, "date": day, "followers": creator.followers}
    row |= dict(videos._mapping) | dict(received._mapping) | dict(followers._mapping)
    connection.execute(STORE_CREATOR, row)


# Of ours, those that fill the same tables.
JOBS = ("daily", "gifts", "revenue", "creators")
# What the platform's own schema lacks for this algorithm.
INDEXES = ("CREATE INDEX ON videos (creator_id)", "CREATE INDEX ON follows (creator_id)")
