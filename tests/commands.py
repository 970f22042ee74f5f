"""The command line in processes of their own, forked from one that has it loaded: each costs no imports."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import environment

PROJECT = Path(__file__).resolve().parents[1]
TIMEOUT = 120.0
STREAMS = {"in": os.O_RDONLY, "out": os.O_WRONLY | os.O_CREAT, "err": os.O_WRONLY | os.O_CREAT}

# Never forked from this process: it has threads and connections.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__, "dashboard_app.commands", "aggregation.jobs.forecast"])


def run(*arguments: str, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """`python run.py` with these arguments, settings and standard input."""
    with TemporaryDirectory(prefix="sparkboard-") as folder:
        files = [Path(folder, name) for name in STREAMS]
        files[0].write_text(given)
        process = _processes.Process(target=_command, args=(arguments, files, environment(**settings)))
        process.start()
        process.join(TIMEOUT)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, TIMEOUT)
        printed = [each.read_text() for each in files[1:]]
        return subprocess.CompletedProcess(arguments, process.exitcode, *printed)


def _command(arguments: Sequence[str], files: Sequence[Path], variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    for number, (file, mode) in enumerate(zip(files, STREAMS.values(), strict=True)):
        os.dup2(os.open(file, mode), number)
    # multiprocessing has put an empty one there.
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.argv = [str(PROJECT / "run.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")
