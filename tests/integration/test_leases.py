"""One worker at a time: who is at work, what the others do, and what nobody but the holder writes."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date

import pytest
from sqlalchemy import Connection, Engine, text

from aggregation import checks, leases, ledger
from aggregation.database import connect
from aggregation.days import utc_now
from aggregation.leases import Deposed, Lease
from aggregation.publishing import aggregate
from aggregation.schema import analytics
from tests.conftest import execute
from tests.integration.test_worker import EVENTS
from tests.integration.test_worker_endings import (
    BLOCK,
    BLOCKED,
    DONE,
    RECOUNTED,
    process,
    running,
    wait_until,
)
from tests.spec.tables import change, fill, rows


@pytest.fixture
def first(platform: Engine) -> Iterator[Lease]:
    lease = Lease(platform.url)
    yield lease
    lease.release()


@pytest.fixture
def second(platform: Engine) -> Iterator[Lease]:
    lease = Lease(platform.url)
    yield lease
    lease.release()


def let_run_out(engine: Engine) -> None:
    """As if its holder had been silent."""
    change(engine, "UPDATE worker_leases SET expires_at = clock_timestamp() - interval '1 second'")


def held(engine: Engine) -> tuple[str, int]:
    ((holder, token),) = rows(engine, "worker_leases", "holder", "token")
    return holder, token


def write(connection: Connection) -> None:
    connection.execute(text("INSERT INTO data_versions VALUES ('x', 1)"))


# ---- the lease ----


def test_only_one_holds_it(platform: Engine, first: Lease, second: Lease) -> None:
    assert first.take()
    assert not second.take()
    assert held(platform) == (first.holder, 1)
    first.release()
    assert second.take()
    assert held(platform) == (second.holder, 2)


def test_of_many_at_once_one_gets_it(platform: Engine) -> None:
    with ExitStack() as stack:
        claims = [Lease(platform.url) for _ in range(5)]
        for claim in claims:
            stack.callback(claim.release)
        assert sum(claim.take() for claim in claims) == 1


def test_it_is_extended_as_long_as_its_holder_lives(platform: Engine, first: Lease, second: Lease) -> None:
    first.take()
    ((until,),) = rows(platform, "worker_leases", "expires_at")
    wait_until(platform, f"expires_at > timestamptz '{until}' + interval '2 seconds' FROM worker_leases")
    assert not second.take()
    assert not first.lost


def test_the_holder_learns_that_he_has_lost_it(platform: Engine, first: Lease, second: Lease) -> None:
    first.take()
    let_run_out(platform)
    assert second.take()
    assert first._lost.wait(10)


def test_one_that_ran_out_and_nobody_wanted_goes_on(platform: Engine, first: Lease, second: Lease) -> None:
    first.take()
    let_run_out(platform)
    wait_until(platform, "expires_at > clock_timestamp() FROM worker_leases")
    assert not second.take()
    assert held(platform) == (first.holder, 1)


def test_the_sessions_of_who_let_it_run_out_are_ended(platform: Engine, first: Lease, second: Lease) -> None:
    """And so are the locks that they held; other sessions aren't touched."""
    first.take()
    stuck = connect(platform.url, first.holder)
    with stuck.connect() as holding, platform.connect() as other:
        holding.execute(text("SELECT pg_advisory_lock(7)"))
        other.execute(text("SELECT 1"))
        let_run_out(platform)
        assert second.take()
        free = "NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7)"
        wait_until(platform, free)
        assert other.execute(text("SELECT 1")).scalar_one() == 1
        holding.invalidate()
    stuck.dispose()


# ---- the fence ----


def overtaken(connection: Connection, by: Lease) -> None:
    """A transaction that writes, and in which the lease is lost."""
    write(connection)
    let_run_out(connection.engine)
    assert by.take()


def test_the_holder_writes(platform: Engine, first: Lease) -> None:
    first.take()
    with first.fencing(platform), platform.begin() as connection:
        write(connection)
    assert rows(platform, "data_versions", "scope") == [("x",)]


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_who_has_lost_it_writes_nothing(platform: Engine, first: Lease, second: Lease, level: str) -> None:
    """Whether he lost it before or after his transaction began."""
    first.take()
    with first.fencing(platform), platform.connect().execution_options(isolation_level=level) as connection:
        with pytest.raises(Deposed), connection.begin():
            overtaken(connection, second)
        with pytest.raises(Deposed), connection.begin():
            write(connection)
        # the connection can be used for something else
        assert connection.execute(text("SELECT count(*) FROM data_versions")).scalar_one() == 0
    assert first.lost
    assert rows(platform, "data_versions") == []


def test_who_never_had_it_writes_nothing(platform: Engine, first: Lease) -> None:
    with first.fencing(platform), pytest.raises(Deposed), platform.begin() as connection:
        write(connection)
    assert rows(platform, "data_versions") == []


def test_extending_it_disturbs_no_transaction_under_way(platform: Engine, first: Lease) -> None:
    first.take()
    slow = platform.connect().execution_options(isolation_level="REPEATABLE READ")
    with first.fencing(platform), slow as connection, connection.begin():
        write(connection)
        ((until,),) = rows(platform, "worker_leases", "expires_at")
        wait_until(platform, f"expires_at > timestamptz '{until}' FROM worker_leases")
    assert rows(platform, "data_versions", "scope") == [("x",)]


def test_nobody_takes_it_between_the_check_and_the_commit(
    platform: Engine, first: Lease, second: Lease
) -> None:
    first.take()
    with platform.begin() as connection:
        first._require(connection)
        let_run_out(platform)
        blocked = "UPDATE worker_leases SET token = token + 1"
        with platform.connect() as taker:
            taker.execute(text("SET lock_timeout = '100ms'"))
            with pytest.raises(Exception, match="lock timeout"):
                taker.execute(text(blocked))
        write(connection)


def test_a_run_of_who_has_lost_it_publishes_nothing_and_records_nothing(
    platform: Engine, first: Lease, second: Lease
) -> None:
    fill(platform, EVENTS)
    first.take()
    engine = connect(platform.url, "sparkboard test")
    with first.fencing(engine):

        def lose(*_: object) -> None:
            let_run_out(platform)
            second.take()

        with pytest.raises(Deposed):
            aggregate(engine, date(2026, 3, 8), date(2026, 3, 8), ["daily"], progress=lose)
    engine.dispose()
    assert rows(platform, "daily_analytics") == []
    assert [state for (state,) in rows(platform, "job_runs", "state")] == ["running"]
    # which the new holder marks
    assert ledger.sweep(platform, utc_now()) == 1


# ---- workers ----

HELD = "EXISTS (SELECT FROM worker_leases WHERE expires_at > clock_timestamp())"
TAKEN_OVER = "token = 2 FROM worker_leases"


def standing_by(child: subprocess.Popen[str]) -> None:
    """Wait until it says so."""
    assert child.stderr
    assert any("another worker is at work" in line for line in child.stderr)


def end_sessions(engine: Engine) -> None:
    """Of all workers, as an administrator or a restart does."""
    change(
        engine,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'sparkboard worker%'",
    )


def note_writers(engine: Engine) -> None:
    """From now on `writers` has the session's name for each row of ours that is written and committed."""
    change(engine, "CREATE TABLE writers (name text)")
    change(
        engine,
        "CREATE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO writers VALUES (current_setting('application_name')); RETURN NULL; END $$",
    )
    for table in analytics.tables:
        change(
            engine,
            f"CREATE TRIGGER note_writer AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION note_writer()",
        )


def writers(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(text("SELECT name FROM writers")).scalars())


@contextmanager
def closed(engine: Engine, server: str) -> Iterator[None]:
    """Meanwhile the database lets nobody in."""
    name = engine.url.database
    engine.dispose()
    shut = f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    execute(server, shut, ended)
    yield
    execute(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_two_workers_in_one_process_work_once(platform: Engine) -> None:
    fill(platform, EVENTS)
    with running(platform), running(platform):
        wait_until(platform, DONE)
    assert [job for (job,) in rows(platform, "job_runs", "job")].count("daily") == 1


def test_a_stop_hands_over_at_once(platform: Engine) -> None:
    with process(platform) as one:
        wait_until(platform, HELD)
        with process(platform) as two:
            standing_by(two)
            one.send_signal(signal.SIGTERM)
            asked = time.monotonic()
            wait_until(platform, TAKEN_OVER)
            assert time.monotonic() - asked < leases.TERM.total_seconds()


@pytest.mark.parametrize(("number", "seconds"), [(signal.SIGKILL, 5), (signal.SIGSTOP, 10)])
def test_another_takes_over_in_mid_statement(platform: Engine, number: signal.Signals, seconds: int) -> None:
    """And does what was under way; the frozen one, awake again, writes nothing and waits."""
    fill(platform, EVENTS)
    note_writers(platform)
    with process(platform) as one, platform.connect() as blocker:
        blocker.execute(BLOCK)
        wait_until(platform, BLOCKED)
        with process(platform) as two:
            standing_by(two)
            # the one who leads has written, and it is noted
            assert writers(platform) == {held(platform)[0]}
            one.send_signal(number)
            lost = time.monotonic()
            wait_until(platform, TAKEN_OVER)
            assert time.monotonic() - lost < seconds
            change(platform, "DELETE FROM writers")
            blocker.rollback()
            wait_until(platform, RECOUNTED)
            if number == signal.SIGSTOP:
                one.send_signal(signal.SIGCONT)
                standing_by(one)
            assert writers(platform) == {held(platform)[0]}
            assert one.poll() in (None, -signal.SIGKILL)
    states = [(job, state) for job, state in rows(platform, "job_runs", "job", "state") if job == "daily"]
    assert states[0] == ("daily", "interrupted")
    assert set(states[1:]) == {("daily", "succeeded")}
    assert held(platform)[1] == 2
    assert checks.check(platform).cells_unequal == 0


def test_a_lost_connection_is_made_again(platform: Engine) -> None:
    fill(platform, EVENTS)
    with platform.connect() as blocker, process(platform) as child:
        blocker.execute(BLOCK)
        wait_until(platform, BLOCKED)
        end_sessions(platform)
        blocker.rollback()
        wait_until(platform, RECOUNTED)
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=10)
    assert child.returncode == 0
    # A slot may come meanwhile: what counts is how often the history was begun.
    assert err.count("for 2026-03-08 to") == 2, err
    assert held(platform)[1] == 1
    assert checks.check(platform).cells_unequal == 0


def test_a_read_only_database_is_waited_out(platform: Engine) -> None:
    name = platform.url.database
    fill(platform, EVENTS)
    change(platform, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with process(platform) as child:
        assert child.stderr
        assert any("read-only transaction" in line for line in child.stderr)
        with platform.connect() as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
            connection.commit()
        end_sessions(platform)
        wait_until(platform, DONE)
    assert rows(platform, "daily_analytics") != []


def test_a_database_that_is_gone_is_waited_out(platform: Engine, server: str) -> None:
    """No session can be had; those there were have been ended."""
    fill(platform, EVENTS)
    with process(platform) as child:
        wait_until(platform, HELD)
        with closed(platform, server):
            assert child.stderr
            assert any("is not currently accepting connections" in line for line in child.stderr)
        wait_until(platform, RECOUNTED)
        with closed(platform, server):
            asked = time.monotonic()
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=15)
            assert time.monotonic() - asked < 10
    assert child.returncode == 0
    assert checks.check(platform).cells_unequal == 0


def test_one_that_waits_stops_at_once(platform: Engine) -> None:
    with process(platform) as one:
        wait_until(platform, HELD)
        with process(platform) as two:
            standing_by(two)
            two.send_signal(signal.SIGTERM)
            two.communicate(timeout=5)
            assert two.returncode == 0
        assert one.poll() is None
    assert held(platform)[1] == 1
