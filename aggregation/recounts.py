"""What the analytics tables should hold, counted a second time, straight from the source.

Written on purpose unlike the jobs: PostgreSQL's own idioms, keys first and then one plain join a
source. It must stay independent of them, or both would share their mistakes.
Parameters: `:first`, `:last` (days, inclusive), `:complete` (the newest day that is due), and for each
optional table `:no_<table>`, true where it is missing.
"""

from collections.abc import Collection
from dataclasses import dataclass

from aggregation.schema import COHORT_OFFSETS


@dataclass(frozen=True)
class Cell:
    """A column to compare: a ratio to six places; `counts` says for which rows it can be known."""

    name: str
    ratio: bool = False
    counts: str = "true"
    # An older row may have null here.
    may_lack: bool = False


@dataclass(frozen=True)
class Recount:
    """`query` gives the rows that `table` should have in its days: its key and the cells.

    `reach`: how many days before the first one rows still belong to it.
    """

    table: str
    key: tuple[str, ...]
    day: str
    cells: tuple[Cell, ...]
    query: str
    reach: int = 0


# ---- valid rows of the source, in the days of the recount ----

SOURCES = {
    "days": """
        SELECT day::date FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') day
    """,
    "gifts": """
        SELECT spark_id, sender_id, recipient_id, video_id,
               created_at::timestamp AS at, created_at::date AS day,
               round(creator_share::numeric, 2) AS creator, round(platform_share::numeric, 2) AS platform
        FROM virtual_gifts
        WHERE status::text = 'completed' AND num_nulls(spark_id, sender_id, recipient_id) = 0
          AND creator_share >= 0 AND creator_share <= 9999999999.99
          AND platform_share >= 0 AND platform_share <= 9999999999.99
          AND created_at >= CAST(:first AS date) AND created_at < CAST(:last AS date) + 1
    """,
    "received": """
        SELECT recipient_id, spark_id, created_at::date AS day, round(creator_share::numeric, 2) AS creator,
               status::text = 'refunded' AS refunded
        FROM virtual_gifts
        WHERE status::text = ANY (ARRAY['completed', 'refunded'])
          AND num_nulls(spark_id, sender_id, recipient_id) = 0
          AND creator_share >= 0 AND creator_share <= 9999999999.99
          AND platform_share >= 0 AND platform_share <= 9999999999.99
          AND created_at >= CAST(:first AS date) AND created_at < CAST(:last AS date) + 1
    """,
    "refunds": """
        SELECT created_at::date AS day,
               round(creator_share::numeric, 2) + round(platform_share::numeric, 2) AS gross
        FROM virtual_gifts
        WHERE status::text = 'refunded' AND num_nulls(spark_id, sender_id, recipient_id) = 0
          AND creator_share >= 0 AND creator_share <= 9999999999.99
          AND platform_share >= 0 AND platform_share <= 9999999999.99
          AND created_at >= CAST(:first AS date) AND created_at < CAST(:last AS date) + 1
    """,
    "user_sessions": """
        SELECT user_id, started_at::date AS day, coalesce(duration_seconds, 0)::bigint AS seconds,
               CASE WHEN duration_seconds BETWEEN 0 AND 2147483647 THEN duration_seconds::bigint END AS length
        FROM user_sessions
        WHERE user_id IS NOT NULL
          AND (duration_seconds IS NULL OR (duration_seconds >= 0 AND duration_seconds <= 2147483647))
          AND started_at >= CAST(:first AS date) AND started_at < CAST(:last AS date) + 1
    """,
    "video_watches": """
        SELECT user_id, video_id, watched_at::date AS day
        FROM video_watches
        WHERE num_nulls(user_id, video_id) = 0
          AND watched_at >= CAST(:first AS date) AND watched_at < CAST(:last AS date) + 1
    """,
    "video_interactions": """
        SELECT video_id, kind::text AS kind, created_at::date AS day
        FROM video_interactions
        WHERE num_nulls(user_id, video_id) = 0 AND kind::text = ANY (ARRAY['like', 'comment', 'share'])
          AND created_at >= CAST(:first AS date) AND created_at < CAST(:last AS date) + 1
    """,
    "follows": """
        SELECT creator_id, created_at::date AS came, unfollowed_at::date AS went
        FROM follows
        WHERE num_nulls(follower_id, creator_id, created_at) = 0
          AND created_at >= '1970-01-01' AND created_at < '9999-01-01'
          AND coalesce(unfollowed_at >= '1970-01-01' AND unfollowed_at < '9999-01-01', true)
    """,
    "transactions": """
        SELECT source::text AS source, created_at::date AS day, round(amount::numeric, 2) AS amount
        FROM transactions
        WHERE status::text = 'completed' AND source::text <> 'gifts'
          AND amount >= 0 AND amount <= 9999999999.99
          AND created_at >= CAST(:first AS date) AND created_at < CAST(:last AS date) + 1
    """,
}
# The same columns without a row, where the platform has no such table.
NOTHING = {
    "user_sessions": "SELECT NULL::bigint AS user_id, NULL::date AS day, NULL::bigint AS seconds,"
    " NULL::bigint AS length",
    "video_watches": "SELECT NULL::bigint AS user_id, NULL::bigint AS video_id, NULL::date AS day",
    "video_interactions": "SELECT NULL::bigint AS video_id, NULL::text AS kind, NULL::date AS day",
    "follows": "SELECT NULL::bigint AS creator_id, NULL::date AS came, NULL::date AS went",
    "transactions": "SELECT NULL::text AS source, NULL::date AS day, NULL::numeric AS amount",
}


def sources(missing: Collection[str]) -> str:
    """The list of common table expressions that the recounts read: `the_gifts`, `the_follows`, …"""
    queries = {
        name: f"{NOTHING[name]} WHERE false" if name in missing else query for name, query in SOURCES.items()
    }
    return ", ".join(f"the_{name} AS ({query})" for name, query in queries.items())


# ---- what each table should hold ----

DAILY = Recount(
    "daily_analytics",
    ("date",),
    "date",
    (
        Cell("total_users"),
        Cell("active_users"),
        Cell("new_users"),
        Cell("total_gifts_sent"),
        Cell("total_revenue"),
        Cell("creator_earnings"),
        Cell("platform_earnings"),
        Cell("average_gift_value", ratio=True),
        Cell("top_spark_id"),
        Cell("engagement_rate", ratio=True),
    ),
    """
    SELECT date, total_users, active_users, new_users, n AS total_gifts_sent,
           creator + platform AS total_revenue, creator AS creator_earnings, platform AS platform_earnings,
           top_spark_id,
           coalesce((creator + platform) / nullif(n, 0), 0) AS average_gift_value,
           100.0 * active_users / nullif(total_users, 0) AS engagement_rate
    FROM (
        SELECT day AS date,
               coalesce(sum(signed_up.n), 0)::bigint AS total_users,
               coalesce(sum(signed_up.n) FILTER (WHERE exactly AND since = day), 0)::bigint AS new_users
        FROM the_days LEFT JOIN (
            SELECT greatest(created_at::date, CAST(:first AS date)) AS since,
                   created_at::date >= CAST(:first AS date) AS exactly, count(*) AS n
            FROM users
            WHERE created_at >= '1970-01-01' AND created_at < CAST(:last AS date) + 1
            GROUP BY 1, 2
        ) signed_up ON signed_up.since <= day
        GROUP BY day
    ) people
    JOIN (
        SELECT the_days.day AS date, CASE WHEN NOT :no_user_sessions AND NOT :no_video_watches
               THEN count(seen.user_id) END AS active_users
        FROM the_days LEFT JOIN (
            SELECT user_id, day FROM the_user_sessions
            UNION SELECT user_id, day FROM the_video_watches
            UNION SELECT sender_id, day FROM the_gifts
        ) seen USING (day)
        GROUP BY 1
    ) activity USING (date)
    JOIN (
        SELECT the_days.day AS date, count(creator) AS n, coalesce(sum(creator), 0) AS creator,
               coalesce(sum(platform), 0) AS platform
        FROM the_days LEFT JOIN the_gifts USING (day) GROUP BY 1
    ) money USING (date)
    LEFT JOIN (
        SELECT DISTINCT ON (day) day AS date, spark_id AS top_spark_id
        FROM the_gifts GROUP BY day, spark_id
        ORDER BY day, count(*) DESC, sum(creator + platform) DESC, spark_id
    ) best USING (date)
    """,
)

CREATORS = Recount(
    "creator_metrics",
    ("creator_id", "date"),
    "date",
    (
        Cell("video_views"),
        Cell("video_likes"),
        Cell("video_comments"),
        Cell("video_shares"),
        Cell("gifts_received"),
        Cell("gift_revenue"),
        Cell("followers"),
        Cell("followers_gained"),
        Cell("engagement_rate", ratio=True),
    ),
    """
    WITH viewed AS (
        SELECT creator_id, day, count(*) AS n
        FROM the_video_watches w JOIN videos ON videos.id = w.video_id GROUP BY 1, 2
    ), touched AS (
        SELECT creator_id, day, count(*) FILTER (WHERE kind = 'like') AS likes,
               count(*) FILTER (WHERE kind = 'comment') AS comments,
               count(*) FILTER (WHERE kind = 'share') AS shares
        FROM the_video_interactions i JOIN videos ON videos.id = i.video_id GROUP BY 1, 2
    ), gifted AS (
        SELECT recipient_id AS creator_id, day, count(*) AS n, sum(creator) AS revenue
        FROM the_gifts GROUP BY 1, 2
    ), followed AS (
        SELECT creator_id, day, sum(change) AS gained
        FROM (SELECT creator_id, came AS day, 1 AS change FROM the_follows
              UNION ALL SELECT creator_id, went, -1 FROM the_follows WHERE went IS NOT NULL) changes
        WHERE day BETWEEN CAST(:first AS date) AND CAST(:last AS date) GROUP BY 1, 2
    ), afterwards AS (
        SELECT creator_id, count(*) FILTER (WHERE came > CAST(:last AS date))
                           - count(*) FILTER (WHERE went > CAST(:last AS date)) AS gained
        FROM the_follows GROUP BY 1
    ), keys AS (
        SELECT creator_id, day FROM viewed WHERE creator_id IS NOT NULL
        UNION SELECT creator_id, day FROM touched WHERE creator_id IS NOT NULL
        UNION SELECT creator_id, day FROM gifted
        UNION SELECT creator_id, day FROM followed JOIN users ON users.id = creator_id WHERE is_creator
        UNION SELECT creator_id, day FROM followed JOIN videos USING (creator_id)
        UNION SELECT creator_id, day FROM followed JOIN (
            SELECT DISTINCT recipient_id FROM virtual_gifts
            WHERE status::text = 'completed' AND num_nulls(spark_id, sender_id, recipient_id) = 0
              AND creator_share >= 0 AND creator_share <= 9999999999.99
              AND platform_share >= 0 AND platform_share <= 9999999999.99
              AND created_at >= '1970-01-01' AND created_at < '9999-01-01'
        ) recipients ON recipient_id = creator_id
    ), later AS (
        SELECT keys.creator_id, keys.day, sum(followed.gained) AS gained
        FROM keys JOIN followed ON followed.creator_id = keys.creator_id AND followed.day > keys.day
        GROUP BY 1, 2
    )
    SELECT creator_id, day AS date,
           CASE WHEN NOT :no_video_watches THEN coalesce(viewed.n, 0) END AS video_views,
           CASE WHEN NOT :no_video_interactions THEN coalesce(likes, 0) END AS video_likes,
           CASE WHEN NOT :no_video_interactions THEN coalesce(comments, 0) END AS video_comments,
           CASE WHEN NOT :no_video_interactions THEN coalesce(shares, 0) END AS video_shares,
           coalesce(gifted.n, 0) AS gifts_received,
           coalesce(gifted.revenue, 0) AS gift_revenue,
           CASE WHEN NOT :no_follows
                THEN users.followers - coalesce(afterwards.gained, 0) - coalesce(later.gained, 0)
           END AS followers,
           CASE WHEN NOT :no_follows THEN coalesce(followed.gained, 0) END AS followers_gained,
           CASE WHEN NOT :no_video_interactions
                THEN 100.0 * (coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0)) / viewed.n
           END AS engagement_rate
    FROM keys
    LEFT JOIN viewed USING (creator_id, day)
    LEFT JOIN touched USING (creator_id, day)
    LEFT JOIN gifted USING (creator_id, day)
    LEFT JOIN followed USING (creator_id, day)
    LEFT JOIN later USING (creator_id, day)
    LEFT JOIN afterwards USING (creator_id)
    LEFT JOIN users ON users.id = creator_id
    """,
)

GIFTS = Recount(
    "gift_analytics",
    ("spark_id", "hour"),
    "hour",
    (
        Cell("send_count"),
        Cell("revenue"),
        Cell("unique_senders"),
        Cell("unique_recipients"),
        Cell("average_value", ratio=True),
    ),
    """
    SELECT spark_id, day + make_interval(hours => extract(hour FROM at)::int) AS hour, count(*) AS send_count,
           sum(creator) + sum(platform) AS revenue,
           cardinality(array_agg(DISTINCT sender_id)) AS unique_senders,
           cardinality(array_agg(DISTINCT recipient_id)) AS unique_recipients,
           avg(creator + platform) AS average_value
    FROM the_gifts GROUP BY 1, 2
    """,
)

ENGAGEMENT = Recount(
    "user_engagement",
    ("user_id", "date"),
    "date",
    (
        Cell("session_count"),
        Cell("session_duration"),
        Cell("videos_watched"),
        Cell("gifts_received"),
        Cell("gifts_sent"),
        Cell("credits_spent"),
    ),
    """
    WITH visited AS (
        SELECT user_id, day, count(*) AS n, sum(seconds) AS seconds FROM the_user_sessions GROUP BY 1, 2
    ), watched AS (
        SELECT user_id, day, count(*) AS n FROM the_video_watches GROUP BY 1, 2
    ), received AS (
        SELECT recipient_id AS user_id, day, count(*) AS n FROM the_gifts GROUP BY 1, 2
    ), sent AS (
        SELECT sender_id AS user_id, day, count(*) AS n,
               sum(credits::bigint) FILTER (WHERE credits >= 0 AND credits <= 2147483647) AS credits
        FROM the_gifts LEFT JOIN sparks ON sparks.id = spark_id GROUP BY 1, 2
    ), keys AS (
        SELECT user_id, day FROM visited UNION SELECT user_id, day FROM watched
        UNION SELECT user_id, day FROM received UNION SELECT user_id, day FROM sent
    )
    SELECT user_id, day AS date,
           CASE WHEN NOT :no_user_sessions THEN coalesce(visited.n, 0) END AS session_count,
           CASE WHEN NOT :no_user_sessions THEN coalesce(visited.seconds, 0) END AS session_duration,
           CASE WHEN NOT :no_video_watches THEN coalesce(watched.n, 0) END AS videos_watched,
           coalesce(received.n, 0) AS gifts_received, coalesce(sent.n, 0) AS gifts_sent,
           coalesce(sent.credits, 0) AS credits_spent
    FROM keys
    LEFT JOIN visited USING (user_id, day)
    LEFT JOIN watched USING (user_id, day)
    LEFT JOIN received USING (user_id, day)
    LEFT JOIN sent USING (user_id, day)
    """,
)

REVENUE = Recount(
    "revenue_breakdown",
    ("date", "source"),
    "date",
    (Cell("amount"), Cell("transaction_count"), Cell("average_transaction", ratio=True)),
    """
    SELECT day AS date, 'gifts' AS source, sum(creator) + sum(platform) AS amount,
           count(*) AS transaction_count, avg(creator + platform) AS average_transaction
    FROM the_gifts GROUP BY day
    UNION ALL
    SELECT day, source, sum(amount), count(*), avg(amount) FROM the_transactions GROUP BY day, source
    """,
)

# A cell can be known where its day lies in the days of the recount, or hasn't come yet: then it is null.
_DUE = "cohort_date + {age} BETWEEN CAST(:first AS date) AND CAST(:last AS date)"
_NOT_YET = (
    "cohort_date BETWEEN CAST(:first AS date) AND CAST(:last AS date)"
    " AND cohort_date + {age} > CAST(:complete AS date)"
)

_RETAINED = """
    CASE WHEN NOT :no_user_sessions AND NOT :no_video_watches
              AND members.day + {age} <= CAST(:complete AS date)
         THEN count(*) FILTER (WHERE seen.day - members.day = {age}) END AS day_{age}
"""

COHORTS = Recount(
    "retention_cohorts",
    ("cohort_date",),
    "cohort_date",
    (
        Cell("cohort_size", counts="cohort_date BETWEEN CAST(:since AS date) AND CAST(:last AS date)"),
        *(Cell(f"day_{age}", counts=f"{_DUE} OR {_NOT_YET}".format(age=age)) for age in COHORT_OFFSETS),
    ),
    """
    WITH seen AS (
        SELECT user_id, day FROM the_user_sessions
        UNION SELECT user_id, day FROM the_video_watches
        UNION SELECT sender_id, day FROM the_gifts
    ), members AS (
        SELECT id, created_at::date AS day FROM users
        WHERE created_at >= CAST(:first AS date) - 90 AND created_at < CAST(:last AS date) + 1
    )
    SELECT members.day AS cohort_date, count(DISTINCT id) AS cohort_size, {days}
    FROM members LEFT JOIN seen ON seen.user_id = id GROUP BY members.day
    """.replace("{days}", ", ".join(_RETAINED.format(age=age) for age in COHORT_OFFSETS)),
    reach=max(COHORT_OFFSETS),
)

SUPPORTERS = Recount(
    "creator_supporters",
    ("creator_id", "supporter_id", "date"),
    "date",
    (
        Cell("gifts"),
        Cell("amount"),
        Cell("gross"),
        Cell("spark_id", may_lack=True),
    ),
    """
    SELECT creator_id, supporter_id, date, sum(n)::bigint AS gifts, sum(share) AS amount,
           sum(gross) AS gross, (array_agg(spark_id ORDER BY n DESC, spark_id))[1] AS spark_id
    FROM (
        SELECT recipient_id AS creator_id, sender_id AS supporter_id, day AS date, spark_id, count(*) AS n,
               sum(creator) AS share, sum(creator) + sum(platform) AS gross
        FROM the_gifts GROUP BY recipient_id, sender_id, day, spark_id
    ) AS of_spark
    GROUP BY creator_id, supporter_id, date
    """,
)

SPARKS = Recount(
    "creator_sparks",
    ("creator_id", "date", "spark_id"),
    "date",
    (Cell("gifts"), Cell("earned"), Cell("refunded_gifts"), Cell("refunded")),
    """
    SELECT recipient_id AS creator_id, day AS date, spark_id, count(*) AS gifts, sum(creator) AS earned,
           count(*) FILTER (WHERE refunded) AS refunded_gifts,
           coalesce(sum(creator) FILTER (WHERE refunded), 0) AS refunded
    FROM the_received GROUP BY recipient_id, day, spark_id
    """,
)

HOURS = Recount(
    "creator_hours",
    ("creator_id", "date", "hour"),
    "date",
    (Cell("gifts"), Cell("earned")),
    """
    SELECT recipient_id AS creator_id, day AS date, date_trunc('hour', at) AS hour, count(*) AS gifts,
           sum(creator) AS earned
    FROM the_gifts GROUP BY 1, 2, 3
    """,
)

VIDEOS = Recount(
    "creator_videos",
    ("creator_id", "date", "video_id"),
    "date",
    (
        Cell("views"),
        Cell("likes"),
        Cell("comments"),
        Cell("shares"),
        Cell("gifts"),
        Cell("earned"),
    ),
    """
    SELECT creator_id, day AS date, video_id,
           CASE WHEN NOT :no_video_watches THEN count(*) FILTER (WHERE what = 'view') END AS views,
           CASE WHEN NOT :no_video_interactions THEN count(*) FILTER (WHERE what = 'like') END AS likes,
           CASE WHEN NOT :no_video_interactions THEN count(*) FILTER (WHERE what = 'comment') END AS comments,
           CASE WHEN NOT :no_video_interactions THEN count(*) FILTER (WHERE what = 'share') END AS shares,
           count(*) FILTER (WHERE what = 'gift') AS gifts, coalesce(sum(creator), 0) AS earned
    FROM (
        SELECT creator_id, day, video_id, 'view' AS what, NULL::numeric AS creator
        FROM the_video_watches JOIN videos ON videos.id = video_id WHERE creator_id IS NOT NULL
        UNION ALL
        SELECT creator_id, day, video_id, kind, NULL
        FROM the_video_interactions JOIN videos ON videos.id = video_id WHERE creator_id IS NOT NULL
        UNION ALL
        SELECT recipient_id, day, coalesce(videos.id, 0), 'gift', creator
        FROM the_gifts LEFT JOIN videos ON videos.id = video_id AND videos.creator_id = recipient_id
    ) AS happened
    GROUP BY creator_id, day, video_id
    """,
)

# From creator_supporters, as the returns below: of those who gave in these days, and not later.
SUPPORTER_TOTALS = Recount(
    "supporter_totals",
    ("creator_id", "supporter_id"),
    "last_day",
    (
        Cell("first_day"),
        Cell("last_day"),
        Cell("previous_day"),
        Cell("gift_days"),
        Cell("gifts"),
        Cell("amount"),
        Cell("usual_gap"),
        Cell("spark_id"),
        Cell("days", may_lack=True),
        Cell("spark_ids", may_lack=True),
    ),
    """
    SELECT creator_id, supporter_id, all_days[1] AS first_day, all_days[cardinality(all_days)] AS last_day,
           all_days[cardinality(all_days) - 1] AS previous_day, cardinality(all_days) AS gift_days,
           gifts, amount,
           gaps[(cardinality(gaps) + 1) / 2] AS usual_gap,
           spark_id,
           CASE WHEN cardinality(all_days) > 1 THEN all_days END AS days,
           CASE WHEN cardinality(all_days) > 1 THEN favourites END AS spark_ids
    FROM (
        SELECT DISTINCT creator_id, supporter_id FROM creator_supporters
        WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
    ) AS gave
    CROSS JOIN LATERAL (
        SELECT array_agg(date ORDER BY date) AS all_days, array_agg(spark_id ORDER BY date) AS favourites,
               sum(gifts)::bigint AS gifts, sum(amount) AS amount
        FROM creator_supporters AS own
        WHERE own.creator_id = gave.creator_id AND own.supporter_id = gave.supporter_id
    ) AS own
    CROSS JOIN LATERAL (
        SELECT array_agg(all_days[i + 1] - all_days[i] ORDER BY all_days[i + 1] - all_days[i]) AS gaps
        FROM generate_series(1, cardinality(all_days) - 1) AS i
    ) AS between_days
    CROSS JOIN LATERAL (
        SELECT max(spark_id) FILTER (WHERE place = 1) AS spark_id
        FROM (
            SELECT spark_id, row_number() OVER (ORDER BY count(*) DESC, spark_id) AS place
            FROM creator_supporters AS own
            WHERE own.creator_id = gave.creator_id AND own.supporter_id = gave.supporter_id
              AND spark_id IS NOT NULL
            GROUP BY spark_id
        ) AS of_spark
    ) AS favourite
    WHERE all_days[cardinality(all_days)] <= CAST(:last AS date)
    """,
)

# Of the periods that end in these days.
SUPPORTER_SPREADS = Recount(
    "supporter_spreads",
    ("creator_id", "first_day", "last_day", "place"),
    "last_day",
    (Cell("amount"), Cell("so_far"), Cell("squares")),
    """
    SELECT creator_id, first_day, last_day, place, amount, so_far, squares
    FROM (
        SELECT creator_id, first_day, last_day, amount, place, supporters, so_far, squares,
               min(place) OVER alike AS best, max(place) OVER alike AS worst
        FROM (
            SELECT creator_id, first_day, last_day, amount,
                   row_number() OVER upwards AS place, sum(amount) OVER upwards AS so_far,
                   sum(amount * amount) OVER upwards AS squares,
                   count(*) OVER (PARTITION BY creator_id, first_day, last_day) AS supporters
            FROM (
                SELECT creator_id, supporter_id, first_day, last_day, sum(amount) AS amount
                FROM (SELECT max(date) AS newest FROM creator_supporters) AS now
                CROSS JOIN LATERAL (VALUES
                    (newest - 6, newest, 40000), (newest - 13, newest - 7, 80000),
                    (newest - 27, newest, 10000), (newest - 55, newest - 28, 20000),
                    (newest - 29, newest, 9333), (newest - 59, newest - 30, 18666),
                    (newest - 89, newest, 3111), (newest - 179, newest - 90, 6222),
                    (newest - 55, newest, 5000)
                ) AS period (first_day, last_day, more_than)
                CROSS JOIN LATERAL (
                    SELECT creator_id, count(*) AS days FROM creator_supporters AS lately
                    WHERE lately.date > newest - 28 GROUP BY creator_id HAVING count(*) > 3111
                ) AS large
                JOIN creator_supporters USING (creator_id)
                WHERE date BETWEEN first_day AND last_day AND days > more_than
                  AND last_day BETWEEN CAST(:first AS date) AND CAST(:last AS date)
                GROUP BY creator_id, supporter_id, first_day, last_day
            ) AS everyone
            WHERE amount > 0
            WINDOW upwards AS (
                PARTITION BY creator_id, first_day, last_day ORDER BY amount DESC, supporter_id
            )
        ) AS ranked
        WINDOW alike AS (PARTITION BY creator_id, first_day, last_day, amount)
    ) AS row
    WHERE place = worst AND (
        place = supporters
        OR EXISTS (SELECT FROM unnest(ARRAY[1, 5, 10]) AS top WHERE top BETWEEN best AND worst)
        OR EXISTS (SELECT FROM generate_series(best, worst) AS n
                   WHERE n % greatest(1, supporters / 50) = 0)
    )
    """,
)

# From user_engagement, whose own recount is above: the source says nothing about earlier days fast enough.
RETURNS = Recount(
    "user_returns",
    ("date", "days_since"),
    "date",
    (Cell("users"),),
    """
    SELECT date, coalesce(date - before, 0) AS days_since, count(*) AS users
    FROM (
        SELECT date, (
            SELECT date FROM user_engagement AS earlier
            WHERE earlier.user_id = now.user_id AND earlier.date < now.date
              AND greatest(session_count, videos_watched, gifts_sent) >= 1
            ORDER BY date DESC LIMIT 1
        ) AS before
        FROM user_engagement AS now
        WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
          AND greatest(session_count, videos_watched, gifts_sent) >= 1
    ) AS visits
    GROUP BY 1, 2
    """,
)

# From creator_supporters, for the same reason.
SUPPORTER_RETURNS = Recount(
    "supporter_returns",
    ("creator_id", "date", "days_since"),
    "date",
    (Cell("supporters"),),
    """
    SELECT creator_id, date, coalesce(date - before, 0) AS days_since, count(*) AS supporters
    FROM (
        SELECT creator_id, date, (
            SELECT date FROM creator_supporters AS earlier
            WHERE earlier.creator_id = now.creator_id AND earlier.supporter_id = now.supporter_id
              AND earlier.date < now.date
            ORDER BY date DESC LIMIT 1
        ) AS before
        FROM creator_supporters AS now
        WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
    ) AS gave
    GROUP BY 1, 2, 3
    """,
)

VIEWERS = Recount(
    "creator_viewers",
    ("creator_id", "viewer_id", "date"),
    "date",
    (Cell("views"),),
    """
    SELECT creator_id, user_id AS viewer_id, day AS date, count(*) AS views
    FROM the_video_watches JOIN videos ON videos.id = video_id
    WHERE creator_id IS NOT NULL
    GROUP BY 1, 2, 3
    """,
)

# From creator_viewers, for the same reason.
VIEWER_RETURNS = Recount(
    "viewer_returns",
    ("creator_id", "date", "days_since"),
    "date",
    (Cell("viewers"),),
    """
    SELECT creator_id, date, coalesce(date - before, 0) AS days_since, count(*) AS viewers
    FROM (
        SELECT creator_id, date, (
            SELECT date FROM creator_viewers AS earlier
            WHERE earlier.creator_id = now.creator_id AND earlier.viewer_id = now.viewer_id
              AND earlier.date < now.date
            ORDER BY date DESC LIMIT 1
        ) AS before
        FROM creator_viewers AS now
        WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
    ) AS came
    GROUP BY 1, 2, 3
    """,
)

VIDEO_GIFTS = Recount(
    "creator_video_gifts",
    ("date", "creator_id"),
    "date",
    (Cell("gifts"), Cell("amount")),
    """
    SELECT day AS date, recipient_id AS creator_id, count(*) AS gifts, sum(creator) AS amount
    FROM the_gifts
    WHERE EXISTS (SELECT FROM videos WHERE (id, creator_id) = (video_id, recipient_id))
    GROUP BY 1, 2
    """,
)

# From creator_metrics and creator_video_gifts, whose own recounts are above.
MONTHS = Recount(
    "creator_months",
    ("date", "creator_id"),
    "date",
    (Cell("earnings"), Cell("gifts"), Cell("views"), Cell("reactions"), Cell("video_earnings")),
    """
    SELECT date, creator_id, earnings, gifts, views, reactions, coalesce(video_earnings, 0) AS video_earnings
    FROM (
        SELECT the_days.day AS date, creator_id, sum(gift_revenue) AS earnings, sum(gifts_received) AS gifts,
               CASE WHEN bool_and(video_views IS NOT NULL) THEN sum(video_views) END AS views,
               CASE WHEN bool_and(num_nulls(video_likes, video_comments, video_shares) = 0)
                    THEN sum(video_likes) + sum(video_comments) + sum(video_shares) END AS reactions
        FROM the_days JOIN creator_metrics AS m
          ON date_trunc('month', m.date) = date_trunc('month', the_days.day) AND m.date <= the_days.day
        WHERE m.date BETWEEN CAST(:first AS date) - 31 AND CAST(:last AS date)
        GROUP BY 1, 2
    ) so_far
    LEFT JOIN (
        SELECT the_days.day AS date, creator_id, sum(amount) AS video_earnings
        FROM the_days JOIN creator_video_gifts AS g
          ON date_trunc('month', g.date) = date_trunc('month', the_days.day) AND g.date <= the_days.day
        WHERE g.date BETWEEN CAST(:first AS date) - 31 AND CAST(:last AS date)
        GROUP BY 1, 2
    ) with_video USING (date, creator_id)
    WHERE greatest(gifts, views, reactions) > 0
    """,
)

# From user_engagement, like user_returns.
COHORT_ACTIVITY = Recount(
    "cohort_activity",
    ("date", "age", "days_since"),
    "date",
    (Cell("users"),),
    """
    SELECT date, age, coalesce(date - before, 0) AS days_since, count(*) AS users
    FROM (
        SELECT date, date - created_at::date AS age, (
            SELECT date FROM user_engagement AS earlier
            WHERE earlier.user_id = now.user_id AND earlier.date < now.date
              AND earlier.date >= users.created_at::date
              AND greatest(session_count, videos_watched, gifts_sent) >= 1
            ORDER BY date DESC LIMIT 1
        ) AS before
        FROM user_engagement AS now JOIN users ON users.id = user_id
        WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
          AND created_at >= CAST(:first AS date) - 90 AND created_at < CAST(:last AS date) + 1
          AND greatest(session_count, videos_watched, gifts_sent) >= 1
          AND NOT :no_user_sessions AND NOT :no_video_watches
    ) AS visits
    WHERE age BETWEEN 0 AND 90
    GROUP BY 1, 2, 3
    """,
)

COHORT_VALUE = Recount(
    "cohort_value",
    ("date", "age"),
    "date",
    (Cell("amount"),),
    """
    SELECT date, age, sum(spent) AS amount
    FROM (
        SELECT day AS date, day - created_at::date AS age, creator + platform AS spent
        FROM the_gifts JOIN users ON users.id = sender_id
        WHERE created_at >= CAST(:first AS date) - 90 AND created_at < CAST(:last AS date) + 1
    ) AS gifts
    WHERE age BETWEEN 0 AND 90
    GROUP BY 1, 2
    """,
)

GIFTER_ACTIVITY = Recount(
    "gifter_activity",
    ("date", "age"),
    "date",
    (Cell("users"),),
    """
    WITH began AS (
        SELECT user_id, date
        FROM user_engagement AS now
        WHERE date BETWEEN CAST(:first AS date) - 30 AND CAST(:last AS date) AND gifts_sent >= 1
          AND (SELECT date FROM user_engagement AS earlier
               WHERE earlier.user_id = now.user_id AND earlier.date < now.date AND gifts_sent >= 1
               ORDER BY date DESC LIMIT 1) IS NULL
    )
    SELECT date, 0 AS age, count(*) AS users FROM began WHERE date >= CAST(:first AS date) GROUP BY date
    UNION ALL
    SELECT seen.date, 30, count(*)
    FROM began JOIN user_engagement AS seen ON seen.user_id = began.user_id AND seen.date = began.date + 30
    WHERE seen.date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
      AND greatest(session_count, videos_watched, gifts_sent) >= 1
    GROUP BY seen.date
    """,
)

# Days are recounted month by month: `:last` is in one with them.
GIFTER_MONTHS = Recount(
    "gifter_months",
    ("user_id", "date"),
    "date",
    (Cell("amount"),),
    """
    SELECT sender_id AS user_id, CAST(:last AS date) AS date,
           sum(round(creator_share::numeric, 2) + round(platform_share::numeric, 2)) AS amount
    FROM virtual_gifts
    WHERE status::text = 'completed' AND num_nulls(spark_id, sender_id, recipient_id) = 0
      AND creator_share >= 0 AND creator_share <= 9999999999.99
      AND platform_share >= 0 AND platform_share <= 9999999999.99
      AND created_at >= date_trunc('month', CAST(:last AS date)) AND created_at < CAST(:last AS date) + 1
      AND extract(day FROM CAST(:last AS date) + 1) = 1
    GROUP BY sender_id
    """,
)

# From gifter_months, whose own recount is above.
GIFTER_COHORTS = Recount(
    "gifter_cohorts",
    ("date", "cohort_date"),
    "date",
    (Cell("gifters"), Cell("amount"), Cell("kept")),
    """
    SELECT date, cohort_date, count(*) AS gifters, sum(amount) AS amount, sum(least(amount, base)) AS kept
    FROM (
        SELECT date, amount, first_value(date) OVER months AS cohort_date,
               first_value(amount) OVER months AS base
        FROM gifter_months WINDOW months AS (PARTITION BY user_id ORDER BY date)
    ) AS spent
    WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
    GROUP BY 1, 2
    """,
)

FREQUENCY = Recount(
    "user_frequency",
    ("date", "days"),
    "date",
    (Cell("users"),),
    """
    SELECT day AS date, days, count(*) AS users
    FROM (
        SELECT day, user_id, count(DISTINCT date) AS days
        FROM the_days JOIN user_engagement ON date > day - 28 AND date <= day
        WHERE extract(isodow FROM day) = 7 AND greatest(session_count, videos_watched, gifts_sent) >= 1
        GROUP BY day, user_id
    ) AS active
    GROUP BY 1, 2
    """,
)

SESSION_LENGTHS = Recount(
    "session_lengths",
    ("date", "minutes"),
    "date",
    (Cell("sessions"),),
    """
    SELECT day AS date,
           (ARRAY[0, 1, 3, 5, 10, 15, 30, 60, 120])[
               width_bucket(length, ARRAY[0, 60, 180, 300, 600, 900, 1800, 3600, 7200]::bigint[])
           ] AS minutes, count(*) AS sessions
    FROM the_user_sessions WHERE length IS NOT NULL
    GROUP BY 1, 2
    """,
)

REFUNDS = Recount(
    "gift_refunds",
    ("date",),
    "date",
    (Cell("gifts"), Cell("amount")),
    "SELECT day AS date, count(gross) AS gifts, sum(gross) AS amount FROM the_refunds GROUP BY day",
)

VALUES = Recount(
    "gift_values",
    ("date", "amount"),
    "date",
    (Cell("gifts"),),
    """
    SELECT date, amount, count(*) AS gifts
    FROM (SELECT day AS date, creator + platform AS amount FROM the_gifts) AS each GROUP BY 1, 2
    """,
)

SPARK_DAYS = Recount(
    "spark_days",
    ("spark_id", "date"),
    "date",
    (Cell("creator_earnings"), Cell("senders"), Cell("recipients")),
    """
    SELECT spark_id, day AS date, sum(creator) AS creator_earnings,
           ARRAY(SELECT unnest(array_agg(sender_id)) AS id GROUP BY id ORDER BY id)::bigint[] AS senders,
           ARRAY(SELECT unnest(array_agg(recipient_id)) AS id GROUP BY id ORDER BY id)::bigint[] AS recipients
    FROM the_gifts GROUP BY spark_id, day
    """,
)

# From user_engagement, like user_returns.
GIFTERS = Recount(
    "gifter_returns",
    ("date", "days_since"),
    "date",
    (Cell("gifters"), Cell("first_timers")),
    """
    SELECT date, coalesce(date - before, 0) AS days_since, count(*) AS gifters,
           array_agg(user_id ORDER BY user_id) FILTER (WHERE before IS NULL) AS first_timers
    FROM (
        SELECT user_id, date, (
            SELECT date FROM user_engagement AS earlier
            WHERE earlier.user_id = now.user_id AND earlier.date < now.date AND gifts_sent <> 0
            ORDER BY date DESC LIMIT 1
        ) AS before
        FROM user_engagement AS now
        WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date) AND gifts_sent <> 0
    ) AS gave
    GROUP BY 1, 2
    """,
)

RECOUNTS = (
    DAILY,
    CREATORS,
    VIDEO_GIFTS,
    MONTHS,
    GIFTS,
    ENGAGEMENT,
    RETURNS,
    REVENUE,
    COHORTS,
    SPARKS,
    HOURS,
    VIDEOS,
    SUPPORTERS,
    SUPPORTER_RETURNS,
    SUPPORTER_TOTALS,
    SUPPORTER_SPREADS,
    VIEWERS,
    VIEWER_RETURNS,
    COHORT_ACTIVITY,
    COHORT_VALUE,
    GIFTER_ACTIVITY,
    GIFTER_MONTHS,
    GIFTER_COHORTS,
    FREQUENCY,
    SESSION_LENGTHS,
    REFUNDS,
    VALUES,
    SPARK_DAYS,
    GIFTERS,
)

IDENTITIES = """
    SELECT day, name, left_side, right_side
    FROM (
        SELECT date AS day, active_users, total_revenue, creator_earnings, platform_earnings
        FROM daily_analytics
        WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date)
    ) daily
    LEFT JOIN (SELECT hour::date AS day, sum(revenue) AS hours FROM gift_analytics
               WHERE hour >= CAST(:first AS date) AND hour < CAST(:last AS date) + 1 GROUP BY 1) h USING (day)
    LEFT JOIN (SELECT date AS day, sum(gift_revenue) AS creators FROM creator_metrics
               WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date) GROUP BY 1) c USING (day)
    LEFT JOIN (SELECT date AS day, amount AS ledger FROM revenue_breakdown WHERE source = 'gifts'
               AND date BETWEEN CAST(:first AS date) AND CAST(:last AS date)) r USING (day)
    LEFT JOIN (SELECT date AS day, sum(users) AS visitors FROM user_returns
               WHERE date BETWEEN CAST(:first AS date) AND CAST(:last AS date) GROUP BY 1) v USING (day)
    CROSS JOIN LATERAL (VALUES
        ('sum of user_returns.users = active_users',
         coalesce(visitors, 0), coalesce(active_users, visitors, 0)),
        ('creator_earnings + platform_earnings = total_revenue',
         creator_earnings + platform_earnings, total_revenue),
        ('sum of gift_analytics.revenue = total_revenue', coalesce(hours, 0), total_revenue),
        ('sum of creator_metrics.gift_revenue = creator_earnings', coalesce(creators, 0), creator_earnings),
        ('revenue_breakdown gifts = total_revenue', coalesce(ledger, 0), total_revenue)
    ) AS identity (name, left_side, right_side)
"""
