"""What a piece of work costs: CPU time and memory of a process of its own and of its PostgreSQL backends."""

import multiprocessing
import os
import resource
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from aggregation.database import connect

SAMPLED_EVERY = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU in seconds (user and system), peak memory in bytes. `result` is what the work returned.

    `backend_memory` is the backend's own (RssAnon, sampled): without the shared buffers it touched.
    """

    worker_cpu: float
    backend_cpu: float
    worker_memory: int
    backend_memory: int
    result: Any = None

    @property
    def cpu(self) -> float:
        return self.worker_cpu + self.backend_cpu


@dataclass
class _Backends:
    """Of one engine: each connection's process."""

    pids: set[int] = field(default_factory=set)
    peak: int = 0

    def watch(self, engine: Engine) -> None:
        @event.listens_for(engine, "connect")
        def note(dbapi_connection: Any, _: Any) -> None:
            self.pids.add(dbapi_connection.get_backend_pid())

    def cpu(self) -> float:
        return sum(map(cpu_of, self.pids))

    def sample(self, done: threading.Event) -> None:
        while not done.wait(SAMPLED_EVERY):
            self.peak = max(self.peak, *map(_own_memory, tuple(self.pids)), 0)


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _own_memory(pid: int) -> int:
    return _status(pid, "RssAnon")


def _status(pid: int, name: str) -> int:
    """In bytes; 0 where the process has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def measured(url: str, work: Callable[..., Any], *args: Any) -> Cost:
    """`work(engine, *args)` in a fresh process on fresh connections."""
    with kept(url) as measure:
        return measure(work, *args)


@contextmanager
def kept(url: str) -> Iterator[Callable[..., Cost]]:
    """Measures one work after the other in a process that keeps its connections, as the worker does."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:

        def measure(work: Callable[..., Any], *args: Any) -> Cost:
            cost = pool.apply(_measure, (url, work, args))
            if isinstance(cost, str):
                raise RuntimeError(cost)
            return cost

        yield measure
        pool.apply(_disconnect, (url,))


def _measure(url: str, work: Callable[..., Any], args: tuple[Any, ...]) -> Cost | str:
    """Not every exception finds its way back from a pool: its traceback as text does."""
    try:
        return _cost(url, work, args)
    except Exception:
        return traceback.format_exc()


def _cost(url: str, work: Callable[..., Any], args: tuple[Any, ...]) -> Cost:
    engine, backends = _connected(url)
    with _sampled(backends):
        worker, backend = _own_cpu(), backends.cpu()
        result = work(engine, *args)
        worker, backend = _own_cpu() - worker, backends.cpu() - backend
    # Not ru_maxrss: it begins with the peak of the process that started this one.
    return Cost(worker, backend, _status(os.getpid(), "VmHWM"), backends.peak, result)


@cache
def _connected(url: str) -> tuple[Engine, _Backends]:
    engine, backends = connect(url), _Backends()
    backends.watch(engine)
    # Connections and what a first use loads are not the work's.
    engine.connect().close()
    return engine, backends


def _disconnect(url: str) -> None:
    _connected(url)[0].dispose()


@contextmanager
def _sampled(backends: _Backends) -> Iterator[None]:
    done = threading.Event()
    thread = threading.Thread(target=backends.sample, args=(done,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Stopwatch:
    """CPU seconds of this process and of one connection's backend, lap by lap."""

    def __init__(self, connection: Connection) -> None:
        dbapi_connection: Any = connection.connection.dbapi_connection
        self._pid = dbapi_connection.get_backend_pid()
        self._last = self._now()

    def lap(self) -> float:
        before, self._last = self._last, self._now()
        return self._last - before

    def _now(self) -> float:
        return _own_cpu() + cpu_of(self._pid)
