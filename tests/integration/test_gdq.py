"""Eleven years of real donations: totals to the cent, against a recount that doesn't use the database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects import postgresql

from aggregation.copying import copy_rows
from aggregation.explanations import Explanation, Gifting, by_factors
from aggregation.gifting import Amount
from aggregation.jobs import JOBS, Job
from aggregation.jobs.events import within
from aggregation.periods import Period
from aggregation.publishing import aggregate, publish
from aggregation.queries import Store
from aggregation.schema import COHORT_OFFSETS, source
from tests.conftest import GDQ, fresh

pytestmark = pytest.mark.skipif(not GDQ.is_dir(), reason=f"no real data in {GDQ}")

NOW = datetime(2021, 7, 12, 0, 10, tzinfo=UTC)
BUSY_DAY = date(2020, 1, 12)


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
    assert sum(sources["amount"]) * 100 == gifts["gross"].sum()


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
    "job", [job for job in JOBS if job.day is not None and not job.reads], ids=lambda job: str(job.name)
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
