"""What the worker goes through, and that it always ends equal to an undisturbed run.

`python -m benchmarks.torture --minutes 10 [--only killed,frozen] [--seed 7]`. Each scenario is done again and
again until its share of the time is over; `tests/integration/test_torture.py` does each once. It has a
PostgreSQL of its own, which it kills. The full disk and the black-holed network need root.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import itertools
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from tempfile import TemporaryDirectory
from typing import IO, Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from aggregation import agenda, database
from aggregation.checks import check
from aggregation.database import connect, embedded_postgres
from aggregation.days import ONE_DAY
from aggregation.errors import UserError
from aggregation.publishing import aggregate
from aggregation.schema import analytics
from benchmarks.platform import LAST_DAY, Scale, now, platform

PROJECT = Path(__file__).resolve().parents[1]
LONGEST = 180.0
# What the issue grants: to end, to take over, to notice that the network is gone.
WITHIN = 10.0
# What a run writes beside numbers: who and when. Forecasts hang on the moment at which they are made.
BOOKKEEPING = ("job_runs", "data_checks", "worker_leases", "data_versions")
COMPARED = [
    name
    for name in analytics.tables
    if name not in BOOKKEEPING and not name.startswith(("dashboard_", "running_")) and "forecast" not in name
]

# Their clock stands an hour past the last day and goes on from there.
WORKER = """
import faulthandler, logging, signal, sys
from datetime import UTC, datetime
from aggregation.database import connect
from aggregation.worker import Worker
logging.basicConfig(level="INFO", format="%(asctime)s %(threadName)s %(message)s")
faulthandler.register(signal.SIGUSR1)
began, base = datetime.now(UTC), datetime.fromisoformat(sys.argv[2])
Worker(connect(sys.argv[1]), lambda: base + (datetime.now(UTC) - began)).run()
"""
AGGREGATE = """
import sys
from datetime import datetime
from aggregation.database import connect
from aggregation.publishing import aggregate
base = datetime.fromisoformat(sys.argv[2])
aggregate(connect(sys.argv[1]), clock=lambda: base)
"""

IDENTITIES = text("""
    SELECT date, creator_earnings + platform_earnings - total_revenue,
           total_revenue - (SELECT coalesce(sum(revenue), 0) FROM gift_analytics
                            WHERE hour >= date AND hour < date + interval '1 day'),
           creator_earnings - (SELECT coalesce(sum(gift_revenue), 0) FROM creator_metrics c
                               WHERE c.date = d.date),
           total_revenue - (SELECT coalesce(sum(amount), 0) FROM revenue_breakdown r
                            WHERE r.date = d.date AND source = 'gifts'),
           total_gifts_sent - (SELECT coalesce(sum(gifts_received), 0) FROM creator_metrics c
                               WHERE c.date = d.date)
    FROM daily_analytics d WHERE date BETWEEN :first AND :last
""")


class Failed(Exception):  # noqa: N818
    """It didn't end as it has to."""


# ---- the arena ----


@dataclass
class Arena:
    """A PostgreSQL of its own with a platform, and what an undisturbed run makes of it."""

    folder: Path
    server: str
    origin: str
    expected: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def fresh(self, more: str = "") -> Iterator[Engine]:
        """A database with the platform and no numbers."""
        name = f"torture_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self.origin} {more}")
        engine = connect(self.at(name))
        try:
            yield engine
        finally:
            engine.dispose()
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def at(self, name: str) -> str:
        return connect(self.server).url.set(database=name).render_as_string(hide_password=False)

    def execute(self, *statements: str) -> None:
        outside = connect(self.server)
        with outside.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))
        outside.dispose()

    def require_equal(self, engine: Engine) -> None:
        found = fingerprint(engine)
        unequal = sorted(name for name in COMPARED if found[name] != self.expected[name])
        if unequal:
            raise Failed(f"other than after an undisturbed run: {', '.join(unequal)}")

    def kill(self, *, gently: bool) -> None:
        """The postmaster: by SIGQUIT, as `pg_ctl stop -m immediate` does, or by SIGKILL. Starts it again."""
        pid = int((self.folder / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT if gently else signal.SIGKILL)
        wait(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid), "the server ends")
        self.start()

    def start(self) -> None:
        database._pgserver().PostgresServer._instances.pop(self.folder, None)
        # It gives up before a recovery is over that takes its time.
        with suppress(UserError):
            database._start(self.folder)
        wait(self._answers, "the server starts again")

    def _answers(self) -> bool:
        self.execute("SELECT 1")
        return True


def _is_zombie(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@contextmanager
def arena(scale: Scale) -> Iterator[Arena]:
    with TemporaryDirectory(prefix="sparkboard-torture-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as a user of its own.
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as server:
            origin = platform(server, scale)
            # So that the history is as long as its days.
            for table in ("users", "videos"):
                later = f"UPDATE {table} SET created_at = greatest(created_at, CAST(:first AS timestamp))"  # noqa: S608
                with origin.begin() as connection:
                    connection.execute(text(later), {"first": scale.first})
            origin.dispose()
            made = Arena((folder / "postgres").resolve(), server, scale.name)
            with made.fresh() as engine:
                aggregate(engine, clock=now)
                made.expected = fingerprint(engine)
            yield made


def fingerprint(engine: Engine) -> dict[str, Any]:
    """By table: how many rows, and a sum of hashes of each."""
    with engine.connect() as connection:
        return {
            name: tuple(
                connection.execute(
                    text(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {name} AS t")  # noqa: S608
                ).one()
            )
            for name in COMPARED
        }


# ---- processes ----


@dataclass
class Child:
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.append(line)

    def end(self) -> float:
        """SIGTERM; how long it took. Has to end by itself, with status 0."""
        asked = time.monotonic()
        self.process.terminate()
        try:
            status = self.process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            # It tells where each of its threads is.
            self.send(signal.SIGUSR1)
            pause(2)
            tail = "".join(self.lines[-60:])
            raise Failed(f"not ended {WITHIN:.0f} s after SIGTERM:\n{tail}") from None
        if status != 0:
            raise Failed(f"ended with {status}:\n{''.join(self.lines)}")
        return time.monotonic() - asked

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@contextmanager
def child(program: str, url: str, prefix: Sequence[str] = ()) -> Iterator[Child]:
    command = [*prefix, sys.executable, "-c", program, url, now().isoformat()]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=PROJECT
    ) as process:
        made = Child(process)
        assert process.stderr  # noqa: S101
        reader = threading.Thread(target=made.read, args=(process.stderr,), daemon=True)
        reader.start()
        try:
            yield made
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def worker(engine: Engine) -> Any:
    return child(WORKER, engine.url.render_as_string(hide_password=False))


def pause(seconds: float) -> None:
    """As chance wants it."""
    threading.Event().wait(seconds)


def wait(
    condition: Callable[[], bool], what: str, longest: float = LONGEST, who: Child | None = None
) -> float:
    """Until it is so; how long that took. A database that is away says no."""
    began = time.monotonic()
    while time.monotonic() - began < longest:
        with suppress(DBAPIError):
            if condition():
                return time.monotonic() - began
        pause(0.02)
    raise Failed(f"not within {longest:.0f} s: {what}\n{''.join(who.lines[-20:]) if who else ''}")


def asked(engine: Engine, condition: str) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(text(f"SELECT {condition}")).scalar())


RUNNING = "EXISTS (SELECT FROM job_runs WHERE state = 'running')"


def complete(engine: Engine) -> bool:
    """Nothing is missing, under way or to be mended: a recount finds what a full disk kept from us."""
    if asked(engine, RUNNING):
        return False
    with engine.connect() as connection:
        return agenda.open_tasks(connection, now()) == [] and not agenda.repairs_wait(connection)


def at_work(engine: Engine, chance: random.Random) -> bool:
    """Wait for a moment in mid-job; False where the work is done already."""
    wait(lambda: asked(engine, RUNNING) or complete(engine), "a job is under way")
    pause(chance.uniform(0, 0.8))
    return not complete(engine)


def finish(arena: Arena, engine: Engine) -> None:
    """Let one worker do what is left; then all has to be as after an undisturbed run."""
    with worker(engine) as last:
        # Where nothing is left, SIGTERM would else come before the worker listens for it.
        wait(lambda: any("worker started" in line for line in last.lines), "it has started", who=last)
        wait(lambda: complete(engine), "nothing is missing")
        last.end()
    require_ended(arena, engine)


def require_ended(arena: Arena, engine: Engine) -> None:
    arena.require_equal(engine)
    if asked(engine, RUNNING):
        raise Failed("a run is left running")


# ---- scenarios ----

Told = dict[str, float]


def killed(arena: Arena, chance: random.Random) -> Told:
    """`kill -9` of the worker in mid-job, again and again."""
    return _killed(arena, chance, WORKER)


def aggregate_killed(arena: Arena, chance: random.Random) -> Told:
    """The same of `aggregate`."""
    return _killed(arena, chance, AGGREGATE)


def _killed(arena: Arena, chance: random.Random, program: str, most: int = 3) -> Told:
    kills = 0
    with arena.fresh() as engine:
        url = engine.url.render_as_string(hide_password=False)
        for _ in range(most):
            with child(program, url) as victim:
                if not at_work(engine, chance):
                    break
                victim.send(signal.SIGKILL)
                victim.process.wait()
                kills += 1
        finish(arena, engine)
    return {"kills": kills}


def server_killed(arena: Arena, chance: random.Random) -> Told:
    """PostgreSQL stopped hard in mid-job, and started again; the worker stays."""
    stops = 0
    with arena.fresh() as engine:
        with worker(engine) as staying:
            for _ in range(2):
                if not at_work(engine, chance):
                    break
                engine.dispose()
                arena.kill(gently=chance.random() < 0.5)
                stops += 1
            wait(lambda: complete(engine), "nothing is missing")
            if staying.process.poll() is not None:
                raise Failed("the worker ended with the server")
            staying.end()
        require_ended(arena, engine)
    return {"stops": stops}


def stopped(arena: Arena, chance: random.Random) -> Told:
    """SIGTERM in mid-job: gone within ten seconds, what was under way is done by the next."""
    ends, slowest = 0, 0.0
    with arena.fresh() as engine:
        for _ in range(3):
            with worker(engine) as first:
                if not at_work(engine, chance):
                    break
                slowest = max(slowest, first.end())
                ends += 1
            if asked(engine, RUNNING):
                raise Failed("a run is left running")
        finish(arena, engine)
    return {"ends": ends, "slowest end, s": slowest}


def frozen(arena: Arena, chance: random.Random) -> Told:
    """SIGSTOP of the leader in mid-job; another takes over; the first wakes up and writes nothing."""
    takeovers, slowest = 0, 0.0
    with arena.fresh() as engine:
        for _ in range(2):
            with worker(engine) as first:
                # A run that is left over doesn't show that it has begun.
                wait(lambda: any("at work as" in line for line in first.lines), "it is at work")
                if not at_work(engine, chance):
                    break
                token = _token(engine)
                with worker(engine) as second:
                    wait(lambda: any("another worker is" in line for line in second.lines), "the other waits")
                    first.send(signal.SIGSTOP)
                    slowest = max(slowest, wait(partial(_is_newer, engine, token), "it takes over", WITHIN))
                    takeovers += 1
                    pause(chance.uniform(0, 1))
                    first.send(signal.SIGCONT)
                    pause(chance.uniform(0, 1))
                    second.end()
                first.end()
        finish(arena, engine)
    return {"takeovers": takeovers, "slowest takeover, s": slowest}


def _is_newer(engine: Engine, token: int) -> bool:
    return _token(engine) > token


def _token(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT token FROM worker_leases")).scalar() or 0)


def two_workers(arena: Arena, chance: random.Random) -> Told:
    return _many(arena, chance, 2)


def five_workers(arena: Arena, chance: random.Random) -> Told:
    """Five at once, and the leader is killed."""
    return _many(arena, chance, 5, kill=True)


def _many(arena: Arena, chance: random.Random, count: int, *, kill: bool = False) -> Told:
    with arena.fresh() as engine, ExitStack() as stack:
        crowd = [stack.enter_context(worker(engine)) for _ in range(count)]
        killed = kill and at_work(engine, chance)
        if killed:
            holder = _leader(engine)
            os.kill(holder, signal.SIGKILL)
            crowd = [each for each in crowd if each.process.pid != holder]
        wait(lambda: complete(engine), "nothing is missing")
        slowest = max(each.end() for each in crowd)
        require_ended(arena, engine)
        if not killed:
            _require_once(engine)
    return {"workers": count, "slowest end, s": slowest}


def _leader(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT holder FROM worker_leases")).scalar_one().split()[-2])


def _require_once(engine: Engine) -> None:
    with engine.connect() as connection:
        twice = connection.execute(
            text("SELECT job FROM job_runs WHERE job = 'daily' GROUP BY job, last_day HAVING count(*) > 1")
        ).all()
    if twice:
        raise Failed("days were computed more than once")


def together(arena: Arena, chance: random.Random, runs: int = 20) -> Told:
    """One day computed by so many at once: half by `aggregate`, half by POST calculate-daily."""
    from tests.cast import PASSWORD

    day = LAST_DAY - ONE_DAY * chance.randint(0, 5)
    with arena.fresh() as engine:
        aggregate(engine, clock=now)
        clients = _administrators(engine, PASSWORD, runs // 2)
        start = threading.Barrier(runs, timeout=60)

        def compute(index: int) -> int:
            own = connect(engine.url)
            start.wait()
            try:
                if index < len(clients):
                    return clients[index](day)
                aggregate(own, day, day, clock=now)
                return 200
            finally:
                own.dispose()

        with ThreadPoolExecutor(runs) as pool:
            answers = list(pool.map(compute, range(runs)))
        # 409: another was at it for longer than a request waits.
        if set(answers) - {200, 409}:
            raise Failed(f"answered {sorted(set(answers))}")
        require_ended(arena, engine)
    return {"runs": runs, "told to come again": answers.count(409)}


def _administrators(engine: Engine, password: str, count: int) -> list[Callable[[date], int]]:
    """Each computes a day by the API, as an admin with a token; gives the status."""
    from aggregation.days import utc_now
    from dashboard_app.accounts import Accounts
    from dashboard_app.factory import create_app
    from dashboard_app.tokens import Tokens

    Accounts(engine).add("ada", "admin", password)
    account = Accounts(engine).verified("ada", password)
    assert account is not None  # noqa: S101
    moment = utc_now()
    secret = Tokens(engine).make(account, "torture", moment + timedelta(days=1), moment)[1]
    server = create_app(engine, "a secret that is long enough for torture", now).server

    def asking() -> Callable[[date], int]:
        client = server.test_client()
        headers = {"Authorization": f"Bearer {secret}"}

        def ask(day: date) -> int:
            body = {"date": day.isoformat()}
            answer = client.post("/api/analytics/calculate-daily", json=body, headers=headers)
            return int(answer.status_code)

        return ask

    return [asking() for _ in range(count)]


def written_meanwhile(
    arena: Arena, chance: random.Random, seconds: float = 8, rate: int = 500, readers: int = 2
) -> Told:
    """Gifts come and are refunded while their days are published; each reader's snapshot adds up."""
    with arena.fresh() as engine:
        aggregate(engine, clock=now)
        over = threading.Event()
        with ThreadPoolExecutor(readers + 1) as pool:
            writing = pool.submit(_write, engine, over, rate, chance.randint(1, 10**6))
            reading = [pool.submit(_read, engine, over) for _ in range(readers)]
            began, published = time.monotonic(), 0
            try:
                while time.monotonic() - began < seconds:
                    aggregate(engine, LAST_DAY - 2 * ONE_DAY, LAST_DAY, clock=now)
                    published += 1
            finally:
                over.set()
            written, reads = writing.result(), sum(each.result() for each in reading)
        took = time.monotonic() - began
        aggregate(engine, LAST_DAY - 2 * ONE_DAY, LAST_DAY, clock=now)
        report = check(engine, LAST_DAY - 2 * ONE_DAY, LAST_DAY, clock=now)
        if report.cells_unequal:
            raise Failed(f"{report.cells_unequal} cells are unequal")
    return {"gifts a second": written / took, "publishes": published, "reads": reads}


def _write(engine: Engine, over: threading.Event, rate: int, seed: int) -> int:
    """Ten times a second; a twentieth of the gifts is refunded later."""
    gift = text("""
        INSERT INTO virtual_gifts
        SELECT :base + n, 1 + n % 20, 1 + (:base + n * 37) % 900, 1 + (:base + n * 11) % 50, NULL, 0.70, 0.30,
               'completed', CAST(:last AS date) - (:base + n) % 3 * interval '1 day'
               + (:base + n * 1511) % 86000 * interval '1 s'
        FROM generate_series(1, :count) AS n
    """)
    refund = text(
        "UPDATE virtual_gifts SET status = 'refunded' WHERE id % 20 = 0 AND id > :some AND id < :base"
    )
    base, count, began = 10**9 + seed, 0, time.monotonic()
    while not over.wait(max(began + count / rate - time.monotonic(), 0)):
        some = max(rate // 10, 1)
        with engine.begin() as connection:
            connection.execute(gift, {"base": base + count, "count": some, "last": LAST_DAY})
            connection.execute(refund, {"base": base + count - 2 * some, "some": base + count - 4 * some})
        count += some
    return count


def _read(engine: Engine, over: threading.Event) -> int:
    reads = 0
    span = {"first": LAST_DAY - 2 * ONE_DAY, "last": LAST_DAY}
    while not over.is_set():
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            days = connection.execute(IDENTITIES, span).all()
        wrong = [day for day, *differences in days if any(differences)]
        if wrong or len(days) != 3:
            raise Failed(f"a reader saw half of {wrong or 'three days'}")
        reads += 1
    return reads


def read_only(arena: Arena, chance: random.Random) -> Told:
    """The server takes no writes for a while."""
    with arena.fresh() as engine, worker(engine) as staying:
        at_work(engine, chance)
        engine.dispose()
        arena.execute(
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "SELECT pg_reload_conf()",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'sparkboard worker%'",
        )
        pause(chance.uniform(1, 4))
        arena.execute(
            "SET default_transaction_read_only = off",
            "ALTER SYSTEM RESET default_transaction_read_only",
            "SELECT pg_reload_conf()",
        )
        took = wait(lambda: complete(engine), "nothing is missing")
        staying.end()
        require_ended(arena, engine)
    return {"complete after, s": took}


# ---- what needs root ----


def disk_full(arena: Arena, chance: random.Random) -> Told:
    """A disk with hardly more room than what is there already; later it is given more."""
    disk = arena.folder.parent / f"disk_{chance.randint(1, 10**9)}"
    disk.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={_size(arena) + 400_000}", "tmpfs", str(disk))
    try:
        owner = arena.folder.stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        arena.execute(f"CREATE TABLESPACE {disk.name} LOCATION '{disk}'")
        with arena.fresh(f"TABLESPACE {disk.name}") as engine:
            # What a server writes for itself when a database is first opened comes before.
            asked(engine, "true")
            _fill(disk, leaving=64_000)
            with worker(engine) as staying:
                full = "No space left on device"
                wait(lambda: any(full in line for line in staying.lines), "the disk is full", who=staying)
                if complete(engine):
                    raise Failed("all was done on a full disk")
                _run("mount", "-o", "remount,size=1g", str(disk))
                took = wait(lambda: complete(engine), "nothing is missing")
                staying.end()
            require_ended(arena, engine)
        arena.execute(f"DROP TABLESPACE {disk.name}")
    finally:
        _run("umount", "-l", str(disk))
    return {"complete after, s": took}


def _fill(disk: Path, leaving: int) -> None:
    free = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(max(free.f_bavail * free.f_frsize - leaving, 0)))


def _size(arena: Arena) -> int:
    engine = connect(arena.at(arena.origin))
    with engine.connect() as connection:
        size = int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    engine.dispose()
    return size


# Forwards connections, and so brings a server that has a socket only into a network of its own.
FORWARDER = """
import socket, sys, threading
def pump(one, other):
    try:
        while part := one.recv(65536):
            other.sendall(part)
    except OSError:
        pass
    for each in (one, other):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
listening = socket.create_server(("127.0.0.1", 5432))
print("listening", flush=True)
while True:
    near, _ = listening.accept()
    # As the server would: it lets go of who is gone.
    near.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
        near.setsockopt(socket.IPPROTO_TCP, option, 2)
    far = socket.socket(socket.AF_UNIX)
    far.connect(sys.argv[1])
    for pair in ((near, far), (far, near)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""


def black_hole(arena: Arena, chance: random.Random) -> Told:
    """The network between worker and server swallows everything for a while, in a network of its own."""
    with arena.fresh() as engine, _network(arena) as inside:
        url = f"postgresql://postgres@127.0.0.1:5432/{engine.url.database}"
        with child(WORKER, url, inside) as staying:
            at_work(engine, chance)
            known = len(staying.lines)
            _run(*inside, "ip", "link", "set", "lo", "down")
            noticed = wait(
                lambda: any(_tells(line) for line in staying.lines[known:]),
                "the worker notices",
                WITHIN,
                staying,
            )
            pause(chance.uniform(0, 5))
            _run(*inside, "ip", "link", "set", "lo", "up")
            took = wait(lambda: complete(engine), "nothing is missing")
            staying.end()
        require_ended(arena, engine)
    return {"noticed after, s": noticed, "complete after, s": took}


def _tells(line: str) -> bool:
    return any(
        words in line for words in ("can't be renewed", "timed out", "unreachable", "could not connect")
    )


@contextmanager
def _network(arena: Arena) -> Iterator[list[str]]:
    """What a command begins with to run in a network with nothing in it but the server."""
    lines = (arena.folder / "postmaster.pid").read_text().splitlines()
    socket_file = f"{lines[4]}/.s.PGSQL.{lines[3]}"
    started = ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$0" -c "$1" "$2"']
    with subprocess.Popen(  # noqa: S603
        [*started, sys.executable, FORWARDER, socket_file], stdout=subprocess.PIPE, text=True
    ) as forwarder:
        try:
            assert forwarder.stdout  # noqa: S101
            if not forwarder.stdout.readline():
                raise Failed("no network of its own")
            yield ["nsenter", "-t", str(forwarder.pid), "-n"]
        finally:
            forwarder.kill()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


SCENARIOS: dict[str, Callable[[Arena, random.Random], Told]] = {
    each.__name__: each
    for each in (
        killed,
        aggregate_killed,
        server_killed,
        stopped,
        frozen,
        two_workers,
        five_workers,
        together,
        written_meanwhile,
        read_only,
    )
}
NEED_ROOT: dict[str, Callable[[Arena, random.Random], Told]] = {
    each.__name__: each for each in (disk_full, black_hole)
}


# ---- the long run ----


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = SCENARIOS | (NEED_ROOT if os.geteuid() == 0 else {})
    parser.add_argument("--minutes", type=float, default=10, help="in all (default: 10)")
    parser.add_argument("--only", default=",".join(known), help="names of scenarios")
    parser.add_argument("--gifts", type=int, default=60_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(arguments)
    chosen = [known[name] for name in options.only.split(",")]
    _say(f"seed {options.seed}; {options.gifts:,} gifts over {options.days} days")
    chance = random.Random(options.seed)  # noqa: S311 - no secret
    failures = 0
    with arena(Scale(options.gifts, 300, 3_000, options.days)) as ground:
        over = time.monotonic() + 60 * options.minutes
        for number, scenario in enumerate(itertools.cycle(chosen)):
            if time.monotonic() > over and number >= len(chosen):
                break
            failures += _tell(1 + number // len(chosen), scenario, ground, chance)
    _say("all ended equal to an undisturbed run" if not failures else f"{failures} FAILED")
    sys.exit(1 if failures else 0)


def _tell(
    number: int, scenario: Callable[[Arena, random.Random], Told], ground: Arena, chance: random.Random
) -> bool:
    began = time.monotonic()
    try:
        told = ", ".join(f"{name} {value:.3g}" for name, value in scenario(ground, chance).items())
    except (Failed, DBAPIError) as failure:
        _say(f"round {number}  {scenario.__name__:<18} FAILED: {failure}")
        return True
    _say(f"round {number}  {scenario.__name__:<18} {time.monotonic() - began:5.1f} s  {told}")
    return False


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
