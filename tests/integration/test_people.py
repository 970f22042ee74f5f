"""Audience and retention on random small platforms: every definition against a recount by brute force."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from aggregation.audience import blocks
from aggregation.checks import check
from aggregation.jobs import chosen, with_readers
from aggregation.periods import Period
from aggregation.publishing import aggregate
from aggregation.queries import Queries, Store
from aggregation.retention import COLUMNS, Ages, Measure, Share, later_month
from aggregation.schema import OLDEST_AGE, analytics, source
from tests.conftest import fresh
from tests.spec.tables import change

BASE = date(2026, 1, 26)  # a Monday
LENGTH = 100
LAST = BASE + timedelta(days=LENGTH - 1)
NOW = datetime(LAST.year, LAST.month, LAST.day, 1, tzinfo=UTC) + timedelta(days=1)
ALL = Period(BASE, LAST)
# The jobs whose tables are read here; those of creators take as long again.
OF_PEOPLE = [
    job.name
    for job in with_readers(chosen(["daily", "engagement", "cohorts", "cohort_value", "gifter_months"]))
]
EVERY_AGE = tuple(Ages(age, age) for age in range(OLDEST_AGE + 1))

# (user, day) → visits and gifts; user → sign-up.
Visits = frozenset[tuple[int, int]]
Gifts = list[tuple[int, int, int]]
near = st.integers(0, 40) | st.integers(0, LENGTH - 1)
people = st.integers(1, 5)
signups = st.fixed_dictionaries({user: st.integers(0, 60) for user in range(1, 6)})
visits = st.frozensets(st.tuples(people, near), max_size=60)
gifts = st.lists(st.tuples(people, near, st.integers(1, 900)), max_size=15)
thorough = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def day(number: int) -> date:
    return BASE + timedelta(days=number)


@pytest.fixture(scope="module")
def engine(server: str, template: str) -> Iterator[Engine]:
    for each in fresh(server, template):
        source.create_all(each)
        yield each


def fill(engine: Engine, signed_up: dict[int, int], come: Visits, given_: Gifts, last: date = LAST) -> None:
    """The platform holds this, and all of it until `last` is aggregated."""
    change(engine, f"TRUNCATE {', '.join(source.tables)}")
    rows = [f"({user}, 'u', false, 0, '{day(number)} 10:00')" for user, number in signed_up.items()]
    rows.append(f"(9, 'u', false, 0, '{BASE}')")
    change(engine, f"INSERT INTO users VALUES {', '.join(rows)}")
    sessions = [f"({n}, {user}, '{day(number)} 09:00', 60)" for n, (user, number) in enumerate(sorted(come))]
    if sessions:
        change(engine, f"INSERT INTO user_sessions VALUES {', '.join(sessions)}")
    sent = [
        f"({n}, 1, {user}, 9, null, {cents / 100}, 0, 'completed', '{day(number)} 12:00')"
        for n, (user, number, cents) in enumerate(given_)
    ]
    if sent:
        change(engine, f"INSERT INTO virtual_gifts VALUES {', '.join(sent)}")
    aggregate(engine, last=last, only=OF_PEOPLE, clock=lambda: NOW)


def active(come: Visits, given_: Gifts) -> set[tuple[int, int]]:
    return {*come, *((user, number) for user, number, _ in given_)}


def who(seen: set[tuple[int, int]], first: int, last: int) -> set[int]:
    return {user for user, number in seen if first <= number <= last}


def numbers(period: Period) -> tuple[int, int]:
    return (period.first - BASE).days, (period.last - BASE).days


# ---- audience ----


def check_lifecycles(queries: Queries, seen: set[tuple[int, int]]) -> None:
    for length, end in product((1, 7, 28), (LENGTH - 1, 41, 13)):
        periods = tuple(blocks(Period(BASE, day(end)), length))
        for cycle in queries.lifecycles(periods, BASE):
            first, last = numbers(cycle.period)
            now, before = who(seen, first, last), who(seen, first - length, first - 1)
            ever = who(seen, -999, first - 1)
            assert cycle.new == len(now - ever)
            assert cycle.returning == len(now & before)
            assert cycle.resurrected == len((now & ever) - before)
            assert cycle.new + cycle.returning + cycle.resurrected == len(now) == cycle.active
            assert cycle.dormant == (len(before - now) if first >= length else None)


def check_reach(queries: Queries, seen: set[tuple[int, int]]) -> None:
    for row in queries.reach(ALL, BASE).to_dict("records"):
        end = (row["date"] - BASE).days
        assert row["dau"] == len(who(seen, end, end))
        assert row["wau"] == (len(who(seen, end - 6, end)) if end >= 6 else None)
        assert row["mau"] == (len(who(seen, end - 27, end)) if end >= 27 else None)
        inside = [number for _, number in seen if end - 27 <= number <= end]
        assert row["visits"] == (len(inside) if end >= 27 else None)


def check_frequency(queries: Queries, seen: set[tuple[int, int]]) -> None:
    for end in range(6, LENGTH):
        sunday = end - (end - 6) % 7
        days = [
            sum(1 for each, n in seen if each == user and sunday - 27 <= n <= sunday) for user in range(1, 10)
        ]
        assert queries.frequency(day(end)) == (day(sunday), [days.count(n) for n in range(1, 29)])


@thorough
@given(come=visits, given_=gifts)
def test_who_is_active_and_how_often(engine: Engine, come: Visits, given_: Gifts) -> None:
    fill(engine, {}, come, given_)
    with Store(engine).read() as queries:
        check_lifecycles(queries, active(come, given_))
        check_reach(queries, active(come, given_))
        check_frequency(queries, active(come, given_))


# ---- retention ----


def came_back(seen: set[tuple[int, int]], user: int, signup: int, ages: Ages) -> bool:
    return any((user, signup + age) in seen for age in range(ages.first, ages.last + 1))


def check_cohorts(queries: Queries, signed_up: dict[int, int], seen: set[tuple[int, int]], last: int) -> None:
    first = min((number for _, number in seen), default=None)
    for ages in (EVERY_AGE, *(COLUMNS[measure] for measure in Measure)):
        table = queries.cohorts(ALL, day(last), ages)
        for column, each in enumerate(ages):
            for number in {*signed_up.values()}:
                members = [user for user, signup in signed_up.items() if signup == number]
                if number == 0:
                    members.append(9)
                back = sum(came_back(seen, user, number, each) for user in members)
                known = first is not None and number + each.first >= first and number + each.last <= last
                expected = Share(back, len(members)) if known else Share(0, 0)
                assert table.share(column, Period(day(number), day(number))) == expected


@thorough
@given(signed_up=signups, come=visits, given_=gifts)
def test_who_comes_back(engine: Engine, signed_up: dict[int, int], come: Visits, given_: Gifts) -> None:
    fill(engine, signed_up, come, given_)
    with Store(engine).read() as queries:
        check_cohorts(queries, signed_up, active(come, given_), LENGTH - 1)


@thorough
@given(signed_up=signups, come=visits, later=visits, restated=st.integers(0, LENGTH - 1))
def test_a_restated_day_changes_all_that_hangs_on_it(
    engine: Engine, signed_up: dict[int, int], come: Visits, later: Visits, restated: int
) -> None:
    """As the nights do it: until a day, the others, and then that day once more with other visits."""
    fill(engine, signed_up, come, [], last=day(50))
    aggregate(engine, day(51), only=OF_PEOPLE, clock=lambda: NOW)
    changed = frozenset(
        {each for each in come if each[1] != restated} | {each for each in later if each[1] == restated}
    )
    change(engine, "TRUNCATE user_sessions")
    rows = [f"({n}, {user}, '{day(number)} 09:00', 60)" for n, (user, number) in enumerate(sorted(changed))]
    if rows:
        change(engine, f"INSERT INTO user_sessions VALUES {', '.join(rows)}")
    aggregate(engine, day(restated), day(restated), OF_PEOPLE, clock=lambda: NOW)
    with Store(engine).read() as queries:
        check_cohorts(queries, signed_up, set(changed), LENGTH - 1)
        check_frequency(queries, set(changed))
        check_reach(queries, set(changed))


# ---- gifters ----


def month_end(number: int) -> date:
    return later_month(day(number).replace(day=1) - timedelta(days=1), 1)


@thorough
@given(signed_up=signups, come=visits, given_=gifts)
def test_who_pays_again(engine: Engine, signed_up: dict[int, int], come: Visits, given_: Gifts) -> None:
    fill(engine, signed_up, come, given_)
    seen = active(come, given_)
    spent: dict[tuple[int, date], Decimal] = {}
    for user, number, cents in given_:
        key = (user, month_end(number))
        spent[key] = spent.get(key, Decimal(0)) + Decimal(cents) / 100
    first = {user: min(number for each, number, _ in given_ if each == user) for user, _, _ in given_}
    with Store(engine).read() as queries:
        months = queries.gifter_cohorts(LAST)
        value = queries.signup_spending(ALL, LAST)
        after_30 = queries.gifters_after_30_days(ALL)
    for cohort in {month_end(number) for number in first.values()}:
        members = [user for user, number in first.items() if month_end(number) == cohort]
        for later in range(5):
            whole = cohort.replace(day=1) >= day(min(first.values()))
            assert months.ripe(cohort, later) == (whole and later_month(cohort, later) <= LAST)
            if months.ripe(cohort, later):
                base = {user: spent[user, cohort] for user in members}
                then = {user: spent.get((user, later_month(cohort, later)), Decimal(0)) for user in members}
                assert months.kept([cohort], later) == (
                    100 * sum(min(then[user], base[user]) for user in members) / sum(base.values()),
                    100 * sum(then.values()) / Decimal(sum(base.values())),
                )
    for (row, age), cents in [((r, a), value[r, a]) for r in range(LENGTH) for a in range(OLDEST_AGE + 1)]:
        expected = sum(c for user, number, c in given_ if signed_up[user] == row and number - row == age)
        assert cents == expected
    for number in range(LENGTH):
        began = [user for user, begin in first.items() if begin + 30 == number]
        back = sum((user, number) in seen for user in began)
        assert after_30.get(day(number), Share(0, 0)) == Share(back, len(began))


# ---- the recount ----

# Five weeks with something in each of the tables that whole weeks and months fill, too.
COME: Visits = frozenset({(1, 0), (1, 1), (2, 3), (1, 20), (3, 33), (2, 40)})
GIVE: Gifts = [(1, 1, 500), (2, 3, 100), (1, 20, 700), (2, 40, 50)]
TABLES = (
    "cohort_activity",
    "cohort_value",
    "gifter_activity",
    "gifter_months",
    "gifter_cohorts",
    "user_frequency",
    "session_lengths",
)


@pytest.fixture(scope="module")
def computed(server: str, template: str) -> Iterator[Engine]:
    for each in fresh(server, template):
        source.create_all(each)
        fill(each, {1: 0, 2: 2, 3: 30}, COME, GIVE)
        aggregate(each, clock=lambda: NOW)
        yield each


@pytest.fixture
def mended(computed: Engine) -> Iterator[Engine]:
    yield computed
    change(computed, f"TRUNCATE {', '.join(TABLES)}")
    aggregate(computed, clock=lambda: NOW)


def unequal(engine: Engine) -> set[tuple[str, str]]:
    return {(cell.table, cell.presence) for cell in check(engine, clock=lambda: NOW).unequal}


@pytest.mark.parametrize("table", TABLES)
def test_a_wrong_a_missing_and_a_surplus_row_are_found(mended: Engine, table: str) -> None:
    assert unequal(mended) == set()
    readers = {"gifter_cohorts"} if table == "gifter_months" else set()
    measures = [column.name for column in analytics.tables[table].columns if not column.primary_key]
    for measure in measures:
        change(mended, f"UPDATE {table} SET {measure} = {measure} + 1")
        found = unequal(mended)
        assert (table, "both") in found
        assert {name for name, _ in found} <= {table, *readers}
        change(mended, f"UPDATE {table} SET {measure} = {measure} - 1")
    change(mended, f"UPDATE {table} SET date = date + 14 WHERE date = (SELECT max(date) FROM {table})")
    assert {(table, "missing"), (table, "surplus")} <= unequal(mended)
