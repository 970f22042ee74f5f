"""Eleven years of real donations: totals to the cent, against a recount that doesn't use the database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects import postgresql

from aggregation.audience import blocks
from aggregation.copying import copy_rows
from aggregation.explanations import Explanation, Gifting, by_factors
from aggregation.gifting import Amount
from aggregation.jobs import JOBS, Job
from aggregation.jobs.events import within
from aggregation.periods import Period
from aggregation.publishing import aggregate, publish
from aggregation.queries import Store
from aggregation.retention import Ages, Share
from aggregation.schema import COHORT_OFFSETS, source
from tests.conftest import GDQ, fresh

pytestmark = pytest.mark.skipif(not GDQ.is_dir(), reason=f"no real data in {GDQ}")

NOW = datetime(2021, 7, 12, 0, 10, tzinfo=UTC)
BUSY_DAY = date(2020, 1, 12)
ALL = Period(date(2011, 1, 5), date(2021, 7, 11))


@pytest.fixture(scope="module")
def gdq(server: str, template: str) -> Iterator[Engine]:
    """The real data, aggregated from the first event to the last day."""
    for engine in fresh(server, template):
        source.create_all(engine)
        with engine.begin() as connection:
            for table in source.tables:
                copy_rows(connection, table, pq.ParquetFile(GDQ / f"{table}.parquet").iter_batches())
            connection.execute(text("ANALYZE"))
        aggregate(engine, clock=lambda: NOW)
        yield engine


def parquet(table: str, *columns: str) -> pa.Table:
    return pq.read_table(GDQ / f"{table}.parquet", columns=list(columns))


def one(engine: Engine, query: str, **parameters: Any) -> tuple[Any, ...]:
    with engine.connect() as connection:
        return tuple(connection.execute(text(query), parameters).one())


def frame(engine: Engine, query: str) -> pd.DataFrame:
    with engine.connect() as connection:
        result = connection.execute(text(query))
        return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))


def cents(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(pc.multiply(column, pa.scalar(Decimal(100))), pa.int64())


def gifts_in_cents() -> pd.DataFrame:
    """day, recipient_id, creator and platform (whole cents) of each gift."""
    gifts = parquet("virtual_gifts", "recipient_id", "creator_share", "platform_share", "created_at")
    return pd.DataFrame(
        {
            "day": gifts["created_at"].to_pandas().dt.date,
            "creator_id": gifts["recipient_id"].to_pandas(),
            "creator": cents(gifts["creator_share"]).to_pandas(),
            "platform": cents(gifts["platform_share"]).to_pandas(),
        }
    )


def test_all_gifts(gdq: Engine) -> None:
    everything = Decimal("33121273.15")
    assert one(gdq, "SELECT sum(total_revenue), sum(total_gifts_sent) FROM daily_analytics") == (
        everything,
        637_683,
    )
    assert one(gdq, "SELECT sum(creator_earnings + platform_earnings) FROM daily_analytics") == (everything,)
    assert one(gdq, "SELECT sum(revenue) FROM gift_analytics") == (everything,)
    assert one(gdq, "SELECT sum(amount) FROM revenue_breakdown") == (everything,)
    assert one(gdq, "SELECT count(*) FROM daily_analytics WHERE total_gifts_sent > 0") == (343,)


def test_every_day_has_its_row(gdq: Engine) -> None:
    assert one(gdq, "SELECT min(date), max(date), count(*) FROM daily_analytics") == (
        date(2011, 1, 5),
        date(2021, 7, 11),
        (date(2021, 7, 11) - date(2011, 1, 5)).days + 1,
    )


@pytest.mark.parametrize(
    ("day", "gifts", "revenue"),
    [
        (date(2011, 1, 5), 1, "1.00"),
        (date(2020, 1, 12), 15_072, "1231298.79"),
        (date(2021, 7, 11), 9_419, "869590.48"),
    ],
)
def test_a_day(gdq: Engine, day: date, gifts: int, revenue: str) -> None:
    query = "SELECT total_gifts_sent, total_revenue FROM daily_analytics WHERE date = :day"
    assert one(gdq, query, day=day) == (gifts, Decimal(revenue))


@pytest.mark.parametrize(("day", "senders"), [(date(2020, 1, 12), 11_916), (date(2021, 7, 11), 8_078)])
def test_the_senders_of_a_day(gdq: Engine, day: date, senders: int) -> None:
    query = "SELECT count(*) FROM user_engagement WHERE date = :day AND gifts_sent > 0"
    assert one(gdq, query, day=day) == (senders,)


def test_the_most_gifted_creator(gdq: Engine) -> None:
    query = "SELECT sum(gifts_received), sum(gift_revenue) FROM creator_metrics WHERE creator_id = 59"
    assert one(gdq, query) == (25_280, Decimal("1125897.61"))
    query = "SELECT count(DISTINCT supporter_id), sum(gifts), sum(amount) FROM creator_supporters"
    assert one(gdq, f"{query} WHERE creator_id = 59") == (21_391, 25_280, Decimal("1125897.61"))


def test_retention_over_all_cohorts(gdq: Engine) -> None:
    days = ", ".join(f"sum(day_{age})" for age in COHORT_OFFSETS)
    query = f"SELECT sum(cohort_size), {days} FROM retention_cohorts"
    assert one(gdq, query) == (312_114, 310_759, 11_090, 820, 0, 0, 0)


def test_days_equal_a_recount_in_pandas(gdq: Engine) -> None:
    recount = gifts_in_cents().groupby("day")[["creator", "platform"]].sum()
    stored = frame(
        gdq,
        "SELECT date, (creator_earnings * 100)::bigint AS creator,"
        " (platform_earnings * 100)::bigint AS platform"
        " FROM daily_analytics WHERE total_gifts_sent > 0 ORDER BY date",
    ).set_index("date")
    assert stored.index.tolist() == recount.index.tolist()
    assert (stored.to_numpy() == recount.to_numpy()).all()


def test_creators_equal_a_recount_in_pandas(gdq: Engine) -> None:
    recount = gifts_in_cents().groupby(["creator_id", "day"])["creator"].agg(["size", "sum"])
    stored = frame(
        gdq,
        "SELECT creator_id, date, gifts_received, (gift_revenue * 100)::bigint AS cents FROM creator_metrics"
        " ORDER BY creator_id, date",
    ).set_index(["creator_id", "date"])
    assert stored.index.tolist() == recount.index.tolist()
    assert (stored.to_numpy() == recount.to_numpy()).all()


def test_cohorts_equal_a_recount_in_pandas(gdq: Engine) -> None:
    users = parquet("users", "id", "created_at").to_pandas()
    users["cohort"] = users["created_at"].dt.normalize()
    sessions = parquet("user_sessions", "user_id", "started_at").to_pandas()
    gifts = parquet("virtual_gifts", "sender_id", "created_at").to_pandas()
    active = pd.concat([sessions.set_axis(["id", "at"], axis=1), gifts.set_axis(["id", "at"], axis=1)])
    active["day"] = active["at"].dt.normalize()
    seen = active[["id", "day"]].drop_duplicates().merge(users, on="id")
    seen["age"] = (seen["day"] - seen["cohort"]).dt.days
    counts = seen.groupby(["cohort", "age"]).size().unstack(fill_value=0)
    cohorts = users.groupby("cohort").size()
    expected = {}
    for cohort, size in cohorts.items():
        ripe = (pd.Timestamp("2021-07-11") - pd.Timestamp(str(cohort))).days
        row = counts.loc[cohort] if cohort in counts.index else {}
        cells = [int(row.get(age, 0)) if age <= ripe else None for age in COHORT_OFFSETS]
        expected[pd.Timestamp(str(cohort)).date()] = (int(size), *cells)
    with gdq.connect() as connection:
        stored = connection.execute(text("SELECT * FROM retention_cohorts")).all()
    assert {row[0]: tuple(row[1:]) for row in stored} == expected


def activity() -> pd.DataFrame:
    """id, day, cohort and age of each day on which somebody was active."""
    users = parquet("users", "id", "created_at").to_pandas()
    sessions = parquet("user_sessions", "user_id", "started_at").to_pandas()
    gifts = parquet("virtual_gifts", "sender_id", "created_at").to_pandas()
    active = pd.concat([sessions.set_axis(["id", "at"], axis=1), gifts.set_axis(["id", "at"], axis=1)])
    seen = (
        active.assign(day=active["at"].dt.normalize())[["id", "day"]].drop_duplicates().merge(users, on="id")
    )
    seen["cohort"] = seen["created_at"].dt.normalize()
    seen["age"] = (seen["day"] - seen["cohort"]).dt.days
    return pd.DataFrame(seen)


def test_all_ages_add_up_to_what_is_known(gdq: Engine) -> None:
    query = "SELECT age, sum(users) FROM cohort_activity WHERE age IN (0, 1, 7, 30, 60, 90) GROUP BY age"
    with gdq.connect() as connection:
        assert {age: int(users) for age, users in connection.execute(text(query))} == {
            0: 310_759,
            1: 11_090,
            7: 820,
        }
    unlike = """
        SELECT count(*) FROM retention_cohorts LEFT JOIN (
            SELECT date - age AS cohort_date, sum(users) FILTER (WHERE age = 1) AS day_1,
                   sum(users) FILTER (WHERE age = 7) AS day_7
            FROM cohort_activity GROUP BY 1
        ) each USING (cohort_date)
        WHERE coalesce(each.day_1, 0) <> coalesce(retention_cohorts.day_1, 0)
           OR coalesce(each.day_7, 0) <> coalesce(retention_cohorts.day_7, 0)
    """
    assert one(gdq, unlike) == (0,)


@pytest.mark.parametrize("ages", [(0, 0), (1, 1), (1, 7), (2, 6), (1, 30), (3, 90), (29, 60)])
def test_who_came_back_equals_a_recount_in_pandas(gdq: Engine, ages: tuple[int, int]) -> None:
    """Of the cohorts that are old enough, each; and all together."""
    seen = activity()
    inside = seen[seen["age"].between(*ages)].groupby("cohort")["id"].nunique()
    sizes = parquet("users", "created_at").to_pandas()["created_at"].dt.normalize().value_counts()
    with Store(gdq).read() as queries:
        cohorts = queries.cohorts(ALL, ALL.last, (Ages(*ages),))
    all_sizes: dict[Any, Any] = dict(sizes.items())
    ripe = {day: size for day, size in all_sizes.items() if day.date() <= ALL.last - timedelta(days=ages[1])}
    assert cohorts.share(0, ALL) == Share(
        int(sum(inside.get(day, 0) for day in ripe)), int(sum(ripe.values()))
    )
    for day, size in ripe.items():
        expected = Share(int(inside.get(day, 0)), int(size))
        assert cohorts.share(0, Period(day.date(), day.date())) == expected


@pytest.mark.parametrize("days", [1, 7, 28, 365])
def test_lifecycles_equal_a_recount_in_pandas(gdq: Engine, days: int) -> None:
    seen = activity()
    first_day = seen.groupby("id")["day"].min()
    with Store(gdq).read() as queries:
        cycles = queries.lifecycles(
            tuple(blocks(Period(date(2019, 12, 1), date(2020, 8, 31)), days)), ALL.first
        )
    for cycle in cycles:
        first, last = pd.Timestamp(cycle.period.first), pd.Timestamp(cycle.period.last)
        length = pd.Timedelta(days=days)
        now = set(seen[seen["day"].between(first, last)]["id"])
        before = set(seen[seen["day"].between(first - length, last - length)]["id"])
        new = {user for user in now if first_day[user] >= first}
        assert (cycle.new, cycle.returning) == (len(new), len(now & before))
        assert (cycle.resurrected, cycle.dormant) == (len(now - before - new), len(before - now))
        assert cycle.active == len(now)


def test_weeks_and_months_of_users_equal_a_recount_in_pandas(gdq: Engine) -> None:
    seen = activity()
    period = Period(date(2020, 1, 1), date(2020, 2, 15))
    with Store(gdq).read() as queries:
        rows = queries.reach(period, ALL.first).to_dict("records")
        frequency = queries.frequency(date(2020, 1, 22))
    for row in rows:
        end = pd.Timestamp(row["date"])
        for name, length in (("dau", 1), ("wau", 7), ("mau", 28)):
            window = seen[seen["day"].between(end - pd.Timedelta(days=length - 1), end)]
            assert row[name] == window["id"].nunique()
    sunday = pd.Timestamp(2020, 1, 19)
    weeks = seen[seen["day"].between(sunday - pd.Timedelta(days=27), sunday)]
    active_days = list(weeks.groupby("id").size())
    assert frequency == (sunday.date(), [active_days.count(n) for n in range(1, 29)])


def test_who_pays_again_equals_a_recount_in_pandas(gdq: Engine) -> None:
    """The last month, July 2021, isn't over."""
    gifts = parquet("virtual_gifts", "sender_id", "creator_share", "platform_share", "created_at")
    spent = pd.DataFrame(
        {
            "id": gifts["sender_id"].to_pandas(),
            "month": gifts["created_at"].to_pandas().dt.to_period("M"),
            "cents": cents(gifts["creator_share"]).to_pandas() + cents(gifts["platform_share"]).to_pandas(),
        }
    )
    months = spent[spent["month"] < "2021-07"].groupby(["id", "month"])["cents"].sum().reset_index()
    first = months.loc[months.groupby("id")["month"].idxmin()].rename(
        columns={"month": "cohort", "cents": "base"}
    )
    both = months.merge(first, on="id")
    both["kept"] = both[["cents", "base"]].min(axis=1)
    with Store(gdq).read() as queries:
        stored = queries.gifter_cohorts(ALL.last)
    assert stored.newest == date(2021, 6, 30)
    grouped: Any = both.groupby(["cohort", "month"])
    expected: dict[Any, Any] = {
        (cohort.end_time.date(), month.end_time.date()): (
            len(rows),
            int(rows["cents"].sum()),
            int(rows["kept"].sum()),
        )
        for (cohort, month), rows in grouped
    }
    found: dict[Any, Any] = {
        key: (each.gifters, each.amount * 100, each.kept * 100) for key, each in stored.spent.items()
    }
    assert found == expected


def test_what_sign_ups_spent_equals_a_recount_in_pandas(gdq: Engine) -> None:
    gifts = parquet("virtual_gifts", "sender_id", "creator_share", "platform_share", "created_at")
    users = parquet("users", "id", "created_at").to_pandas()
    spent = pd.DataFrame(
        {
            "id": gifts["sender_id"].to_pandas(),
            "day": gifts["created_at"].to_pandas().dt.normalize(),
            "cents": cents(gifts["creator_share"]).to_pandas() + cents(gifts["platform_share"]).to_pandas(),
        }
    ).merge(users, on="id")
    spent["age"] = (spent["day"] - spent["created_at"].dt.normalize()).dt.days
    expected = spent[spent["age"].between(0, 90)].groupby("age")["cents"].sum()
    with Store(gdq).read() as queries:
        stored = queries.signup_spending(ALL, ALL.last).sum(axis=0)
    assert {age: int(amount) for age, amount in enumerate(stored) if amount} == expected.to_dict()


PERIODS = (
    Period(date(2011, 1, 5), date(2021, 7, 11)),
    Period(date(2020, 1, 5), date(2020, 1, 12)),
    Period(date(2021, 7, 11), date(2021, 7, 11)),
    Period(date(2019, 3, 1), date(2020, 2, 29)),
)


def gifts_of(period: Period) -> pd.DataFrame:
    """spark_id, sender_id, recipient_id, creator and gross (whole cents) of each gift of the period."""
    gifts = parquet("virtual_gifts", "spark_id", "sender_id", "creator_share", "platform_share")
    found = gifts_in_cents().assign(
        spark_id=gifts["spark_id"].to_pandas(), sender_id=gifts["sender_id"].to_pandas()
    )
    found["gross"] = found["creator"] + found["platform"]
    return found[found["day"].between(period.first, period.last)]


@pytest.mark.parametrize("period", PERIODS, ids=lambda period: f"{period.first}/{period.days}")
def test_people_and_the_median_equal_a_recount_in_pandas(gdq: Engine, period: Period) -> None:
    gifts = gifts_of(period)
    of_sparks = gifts.groupby("spark_id").agg({"sender_id": "nunique", "creator_id": "nunique"})
    with Store(gdq).read() as queries:
        people, middle = queries.people_of_sparks(period), queries.median_gift(period)
        assert queries.gifters(period) == gifts["sender_id"].nunique()
        sources = queries.sources_by_day(period)
    assert people is not None
    assert middle is not None
    counted = people.set_index("spark_id")
    assert counted.loc[None].tolist() == [gifts["sender_id"].nunique(), gifts["creator_id"].nunique()]
    assert counted.drop(index=[None]).sort_index().to_numpy().tolist() == of_sparks.to_numpy().tolist()
    assert middle * 100 == Decimal(str(gifts["gross"].median()))
    assert sum(sources["amount"]) * 100 == int(gifts["gross"].sum())


@pytest.mark.parametrize("amount", Amount)
def test_what_changed_between_two_marathons_adds_up(gdq: Engine, amount: Amount) -> None:
    """January 2020 against January 2019, in each split, against a recount in pandas."""
    now, before = Period(date(2020, 1, 5), date(2020, 1, 12)), Period(date(2019, 1, 6), date(2019, 1, 13))
    ours, theirs = gifts_of(now), gifts_of(before)
    column = "gross" if amount is Amount.REVENUE else "creator"
    both = (Decimal(int(ours[column].sum())) / 100, Decimal(int(theirs[column].sum())) / 100)
    with Store(gdq).read() as queries:
        creators = queries.changed_by_creator(amount, now, before, 8)
        sparks = queries.changed_by_spark(amount, now, before, 8)
        kinds = queries.changed_by_gifter(amount, now, before)
        gifters = [queries.gifters(period) for period in (now, before)]
    assert creators is not None
    assert sparks is not None
    assert kinds is not None
    for parts in ([each.part for each in creators], [each.part for each in sparks], kinds):
        assert Explanation(*both, parts).adds_up
    giftings = [Gifting(gifters[n] or 0, len((ours, theirs)[n]), both[n]) for n in (0, 1)]
    assert Explanation(*both, by_factors(*giftings)).adds_up
    gave_now, gave_before = set(ours["sender_id"]), set(theirs["sender_id"])
    earlier = set(gifts_of(Period(date(2011, 1, 5), date(2020, 1, 4)))["sender_id"])
    assert [part.members for part in kinds] == [
        len(gave_now - earlier),
        len(gave_now & gave_before),
        len((gave_now & earlier) - gave_before),
        len(gave_before - gave_now),
    ]
    moved = (ours.groupby("creator_id")[column].sum()).sub(
        theirs.groupby("creator_id")[column].sum(), fill_value=0
    )
    named = {each.id: int(each.part.change * 100) for each in creators if each.id is not None}
    assert sorted(map(abs, named.values())) == sorted(moved.abs().nlargest(8).astype(int).tolist())


def test_another_run_changes_nothing(gdq: Engine) -> None:
    results = aggregate(gdq, date(2019, 12, 20), date(2020, 2, 10), clock=lambda: NOW)
    assert {result.job: result.rows for result in results} == {job.name: 0 for job in JOBS}


def plan_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from plan_nodes(child)


def explain(connection: Connection, job: Job, day: date) -> list[dict[str, Any]]:
    assert job.day is not None
    statement = publish(job.table, job.statement(day, day, frozenset()), within(job.day, day, day), job.keeps)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    sql = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    (plan,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").scalar_one()
    return list(plan_nodes(plan["Plan"]))


@pytest.mark.parametrize(
    "job",
    # Viewers are made of watches, which this data has none of.
    [
        job
        for job in JOBS
        if job.day is not None and not job.reads and not job.to_month_end and job.name != "viewers"
    ],
    ids=lambda job: str(job.name),
)
def test_one_day_reads_one_day(gdq: Engine, job: Job) -> None:
    """No table of events is read from end to end, not even on the busiest day."""
    with gdq.connect() as connection:
        nodes = explain(connection, job, BUSY_DAY)
        connection.rollback()
    read = {
        (node["Relation Name"], node["Node Type"]): node["Actual Rows"] * node["Actual Loops"]
        for node in nodes
        if node.get("Relation Name") in ("virtual_gifts", "user_sessions") and node["Actual Loops"]
    }
    assert read
    assert not [name for name, kind in read if kind == "Seq Scan"]
    assert max(read.values()) < 20_000
