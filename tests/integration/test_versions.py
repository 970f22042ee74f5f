"""Data versions, and what a process keeps under them."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeVar

import pandas as pd
import pytest
from sqlalchemy import Engine, event, text

from aggregation import running_day, versions
from aggregation.checks import check
from aggregation.ledger import Result, State, finish, finish_all, start
from aggregation.periods import Period
from aggregation.publishing import Interrupted, aggregate, refresh_running_day
from aggregation.queries import Queries, Store
from aggregation.versions import Scope, Versions
from tests import cast
from tests.cast import World

Read = TypeVar("Read")

MARCH = Period(date(2026, 3, 1), date(2026, 3, 4))
AT_ONCE = 64


def stored(engine: Engine) -> Versions:
    return Store(engine).versions()


def changed(before: Versions, after: Versions) -> set[str]:
    return {name for name in Versions._fields if getattr(before, name) != getattr(after, name)}


def spend(engine: Engine, more: int) -> None:
    """Somebody has spent more on the last complete day, which the next run will find."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE virtual_gifts SET platform_share = platform_share + :more WHERE id = 4"),
            {"more": more},
        )


def republish(engine: Engine) -> None:
    aggregate(engine, clock=lambda: cast.NOW)


def revenue(queries: Queries) -> str:
    return str(queries.daily(MARCH)["total_revenue"].sum())


def daily(period: Period) -> Callable[[Queries], pd.DataFrame]:
    return lambda queries: queries.daily(period)


def read(store: Store, ask: Callable[[Queries], Read]) -> Read:
    with store.read() as queries:
        return ask(queries)


@contextmanager
def statements(engine: Engine, about: str) -> Iterator[list[str]]:
    """What is sent to the database while this lasts, of that table."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if about in statement:
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def versions_at_finish(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Iterator[list[Versions]]:
    """What others see when the numbers are published and the runs are not yet recorded as finished."""
    seen: list[Versions] = []

    def finishing(*arguments: Any) -> None:
        seen.append(stored(engine))
        finish_all(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("aggregation.ledger.finish_all", finishing)
        yield seen


# ---- what bumps what ----


def test_a_new_database_has_no_version_yet(database: Engine) -> None:
    assert stored(database) == Versions(0, 0, 0)


def test_published_rows_bump_their_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored(world.engine)
    spend(world.engine, 10)
    with versions_at_finish(monkeypatch, world.engine) as seen:
        republish(world.engine)
    assert changed(before, seen[0]) == {"days"}


def test_the_version_comes_with_its_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written and not committed yet, neither of them is seen."""
    bump, seen = versions.bump, []
    before = stored(world.engine)
    spend(world.engine, 10)

    def bump_and_look(connection: Any, scope: Scope) -> None:
        bump(connection, scope)
        store = Store(world.engine)
        seen.append((store.versions(), read(store, revenue)))

    with monkeypatch.context() as patch:
        patch.setattr("aggregation.ledger.finish_all", lambda *_: None)
        patch.setattr("aggregation.versions.bump", bump_and_look)
        republish(world.engine)
    assert set(seen) == {(before, "1171.10")}
    assert changed(before, stored(world.engine)) == {"days"}
    assert read(Store(world.engine), revenue) == "1181.10"


def test_rows_that_are_rolled_back_leave_the_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before, bump = stored(world.engine), versions.bump
    spend(world.engine, 10)

    def bump_and_stop(connection: Any, scope: Scope) -> None:
        bump(connection, scope)
        raise Interrupted("stopped after the rows and the version were written")

    with monkeypatch.context() as patch:
        patch.setattr("aggregation.ledger.finish_all", lambda *_: None)
        patch.setattr("aggregation.versions.bump", bump_and_stop)
        with pytest.raises(Interrupted):
            republish(world.engine)
    assert stored(world.engine) == before
    assert read(Store(world.engine), revenue) == "1171.10"


def test_what_changes_nothing_bumps_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored(world.engine)
    with versions_at_finish(monkeypatch, world.engine) as seen:
        republish(world.engine)
    assert seen[0] == before


def test_a_finished_run_bumps_the_version(world: World) -> None:
    """Which days are complete is part of what is shown."""
    before, day = stored(world.engine), MARCH.last
    run = start(world.engine, "daily", day, day, cast.NOW)
    assert stored(world.engine) == before
    finish(world.engine, run, Result("daily", day, day, State.SUCCEEDED, 0), cast.NOW)
    assert changed(before, stored(world.engine)) == {"days"}


def test_the_running_day_bumps_only_its_own(world: World) -> None:
    before = stored(world.engine)
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET creator_share = 4.50 WHERE id = 6"))
    refresh_running_day(world.engine, clock=lambda: cast.NOW)
    assert changed(before, stored(world.engine)) == {"today"}


def test_a_recount_bumps_only_its_own(world: World) -> None:
    before = stored(world.engine)
    check(world.engine, clock=lambda: cast.NOW)
    assert changed(before, stored(world.engine)) == {"checks"}


# ---- what is kept ----


def test_the_same_frame_while_nothing_changes(world: World) -> None:
    store = Store(world.engine)
    first = read(store, daily(MARCH))
    with statements(world.engine, "daily_analytics") as sent:
        assert read(store, daily(MARCH)) is first
    assert sent == []


def test_new_numbers_right_after_a_publish(world: World) -> None:
    store = Store(world.engine)
    assert read(store, revenue) == "1171.10"
    spend(world.engine, 10)
    republish(world.engine)
    assert read(store, revenue) == "1181.10"


def test_a_reader_keeps_to_its_snapshot(world: World) -> None:
    """Who began before a publish neither sees the new numbers nor keeps old ones under its version."""
    store = Store(world.engine)
    with store.read() as early:
        spend(world.engine, 10)
        republish(world.engine)
        assert read(store, revenue) == "1181.10"
        assert revenue(early) == "1171.10"
    assert read(store, revenue) == "1181.10"


def test_the_running_day_leaves_whole_days_kept(world: World) -> None:
    store = Store(world.engine)
    days = read(store, daily(MARCH))
    hours = read(store, lambda queries: queries.today(cast.NOW.date()))
    running_day.refresh(world.engine, cast.NOW)
    assert read(store, daily(MARCH)) is days
    assert read(store, lambda queries: queries.today(cast.NOW.date())) is not hours


def at_once(ask: Callable[[], Read]) -> list[Read | Exception]:
    """What so many threads get that all begin at the same moment."""
    together = threading.Barrier(AT_ONCE, timeout=60)

    def one(_: int) -> Read | Exception:
        together.wait()
        try:
            return ask()
        except Exception as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def wide(engine: Engine) -> Store:
    """A store that so many may ask at once: as many as ask wait for whoever reads."""
    pool: Any = engine.pool
    pool._max_overflow = AT_ONCE
    return Store(engine)


def test_of_many_at_once_one_reads(world: World) -> None:
    store, periods = wide(world.engine), [MARCH, MARCH.shifted(-4)]
    with statements(world.engine, "daily_analytics") as sent:
        for period in periods:
            frames = at_once(partial(read, store, daily(period)))
            assert len({id(frame) for frame in frames}) == 1
    assert len(sent) == len(periods)


def test_a_failure_is_not_kept_and_nobody_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store, rows, failures = wide(world.engine), Queries._rows, iter(range(3))

    def failing(self: Queries, statement: Any) -> Any:
        if next(failures, None) is not None:
            raise RuntimeError("the database is away")
        return rows(self, statement)

    with monkeypatch.context() as patch:
        patch.setattr(Queries, "_rows", failing)
        answers = at_once(lambda: read(store, revenue))
    assert Counter(type(answer).__name__ for answer in answers) == {"RuntimeError": 3, "str": AT_ONCE - 3}
    assert {answer for answer in answers if isinstance(answer, str)} == {"1171.10"}
    assert read(store, revenue) == "1171.10"


# ---- creators ----


def creators_revenue(store: Store, creator: int) -> str:
    with store.read() as queries:
        freshness = queries.freshness()
        assert freshness is not None
        return str(queries.creator_daily(creator, MARCH, freshness)["gift_revenue"].sum())


def test_a_creators_numbers_are_never_kept(world: World) -> None:
    store = Store(world.engine)
    assert creators_revenue(store, cast.CLEO) == "42.00"
    assert creators_revenue(store, cast.CARL) == "777.77"
    with world.engine.begin() as connection:
        # Without any version: what isn't kept needs none.
        connection.execute(
            text("UPDATE creator_metrics SET gift_revenue = gift_revenue + 1 WHERE date = '2026-03-03'")
        )
    assert creators_revenue(store, cast.CLEO) == "43.00"
    assert creators_revenue(store, cast.CARL) == "778.77"


def test_nothing_that_is_kept_has_a_creator_in_its_key(world: World) -> None:
    store = Store(world.engine)
    with store.read() as queries:
        freshness = queries.freshness()
        assert freshness is not None
        known = set(store._frames._cache)
        before = MARCH.first - timedelta(days=1)
        queries.creator_name(cast.CARL)
        queries.creator_daily(cast.CARL, Period(before, MARCH.last), freshness)
        queries.supporters(cast.CARL, MARCH, freshness)
        queries.last_gift_day(cast.CARL)
    assert set(store._frames._cache) == known
