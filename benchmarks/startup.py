"""How long until something answers: `web`, `worker` and `demo`, each as its command starts it.

python -m benchmarks.startup                    # everything, 3 rounds; the demo once
python -m benchmarks.startup --no-demo --rounds 1
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import http.client
import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.table import Table

from aggregation import demo
from aggregation.days import utc_now
from benchmarks import serving
from benchmarks.server import Target, limit, machine, out, show_targets, warn_if_busy
from dashboard_app.settings import PROJECT, Settings
from dashboard_app.terminal import err

WEB_SECONDS, DEMO_SECONDS = 3.0, 90.0
GIVE_UP_SECONDS = 600
STEP_SECONDS = 0.01

# What is imported, by a fresh interpreter.
IMPORTS = {
    "import_nothing": "pass",
    "import_dash": "import dash",
    "import_worker": "import dashboard_app.commands",
}
# `run.py worker` up to the moment at which it would begin its schedule; then it tells about itself.
WORKER = """
import json, runpy, sys
from pathlib import Path
from aggregation.worker import Worker
def tell(self):
    web = {"dash", "flask", "plotly", "gunicorn", "layouts", "callbacks"} & set(sys.modules)
    # Not getrusage, which begins with what the program had that started this one.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    print(json.dumps([sorted(web), int(peak.split()[1])]))
Worker.run = tell
sys.argv = ["run.py", "worker"]
try:
    runpy.run_path("run.py", run_name="__main__")
except SystemExit:
    pass
"""

Samples = dict[str, list[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    warn_if_busy()
    samples: Samples = defaultdict(list)
    for number in range(options.rounds):
        err.print(f"round {number + 1} of {options.rounds}")
        _web(samples)
        for name, code in IMPORTS.items():
            samples[name].append(_seconds_of(code))
    web_modules = _worker(samples)
    if options.demo:
        err.print("demo from nothing")
        _demo(samples, options)
    targets = list(_targets(samples, web_modules))
    _show(samples, options.rounds)
    show_targets(targets)
    if options.json:
        options.json.write_text(json.dumps(_report(samples, targets), indent=2) + "\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    lines = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(
        description=lines[0], epilog=lines[1], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="how often everything but the demo is measured (default 3)")
    add("--no-demo", dest="demo", action="store_false", help="leave the demo out")
    add("--days", type=int, default=demo.Scale.days, help="days of the demo that is made up")
    add("--creators", type=int, default=demo.Scale.creators, help="its creators")
    add("--users", type=int, default=demo.Scale.users, help="its users")
    add("--json", type=Path, metavar="FILE", help="write everything measured there, too")
    return parser.parse_args(arguments)


# ---- measuring ----


def _web(samples: Samples) -> None:
    """The first start ever, one with the database stopped, and one where it runs already."""
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as folder:
        data_dir = Path(folder)
        for name in ("first", "later"):
            _note(samples, name, _start("web", data_dir))
        with Settings(database_url=None, data_dir=data_dir).database():
            _note(samples, "running", _start("web", data_dir))


def _note(samples: Samples, name: str, answered: Mapping[str, float]) -> None:
    for path, seconds in answered.items():
        samples[f"{name}{path}"].append(seconds)


def _demo(samples: Samples, options: argparse.Namespace) -> None:
    scale = {"days": options.days, "creators": options.creators, "users": options.users}
    more = [f"--{name}={value}" for name, value in scale.items()]
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as folder:
        samples["demo"].append(_start("demo", Path(folder), "--no-browser", *more)["/login"])


def _start(command: str, data_dir: Path, *more: str) -> dict[str, float]:
    """Seconds from the start of the process to the first 200 of each path."""
    port = serving.free_port()
    values = serving.environment(DATA_DIR=str(data_dir), HOST="127.0.0.1", PORT=str(port))
    with _process([sys.executable, "run.py", command, *more], values) as (server, started):
        answered = {}
        for path in ("/healthz", "/login"):
            while not _answers(port, path):
                if server.poll() is not None or time.perf_counter() - started > GIVE_UP_SECONDS:
                    raise RuntimeError(f"{command} does not answer at {path}")
                time.sleep(STEP_SECONDS)
            answered[path] = time.perf_counter() - started
    return answered


@contextmanager
def _process(
    command: Sequence[str], values: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    started = time.perf_counter()
    server = subprocess.Popen(  # noqa: S603
        command,
        cwd=PROJECT,
        env=dict(values),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield server, started
    finally:
        serving._end(server)


def _answers(port: int, path: str) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _seconds_of(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)  # noqa: S603
    return time.perf_counter() - started


def _worker(samples: Samples) -> list[str]:
    """Which modules of the web side the worker has imported; its memory is noted."""
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as folder:
        answer = subprocess.run(  # noqa: S603
            [sys.executable, "-c", WORKER],
            cwd=PROJECT,
            env=serving.environment(DATA_DIR=folder),
            capture_output=True,
            text=True,
            check=True,
        )
    modules, peak = json.loads(answer.stdout.splitlines()[-1])
    samples["worker_megabytes"].append(peak / 2**10)
    return list(modules)


# ---- what is shown ----

LABELS = {
    "first/healthz": "web, the first start ever: s to /healthz",
    "first/login": "… to the login page",
    "later/healthz": "web, a later start: s to /healthz",
    "later/login": "… to the login page",
    "running/healthz": "web, its database running: s to /healthz",
    "running/login": "… to the login page",
    "import_nothing": "an interpreter alone, s",
    "import_worker": "an interpreter that imports the worker's command, s",
    "import_dash": "an interpreter that imports Dash, s",
    "worker_megabytes": "the worker's memory before its first job, MB",
    "demo": "demo, from nothing to the login page, s",
}


def _targets(samples: Samples, web_modules: Sequence[str]) -> Iterator[Target]:
    middle: dict[str, Any] = {name: median(values) for name, values in samples.items()}
    for name, text in (("first", "its first start ever"), ("later", "a later start")):
        yield limit(
            f"web answers within {WEB_SECONDS:g} s, {text}",
            middle[f"{name}/login"],
            most=WEB_SECONDS,
            unit="s",
        )
    imported = ", ".join(web_modules) or "nothing of the web side"
    yield Target("worker imports no Dash", imported, not web_modules)
    yield limit(
        f"demo from nothing to a page: below {DEMO_SECONDS:g} s", middle.get("demo"), most=89.9, unit="s"
    )


def _show(samples: Samples, rounds: int) -> None:
    out.print(f"{rounds} rounds, {machine()}; medians", markup=False)
    base = median(samples["import_dash"])
    grid = Table("", "", "× import dash", box=None, pad_edge=False)
    for measure, label in LABELS.items():
        if measure in samples:
            value = median(samples[measure])
            ratio = "–" if measure == "worker_megabytes" else f"{value / base:.2f}"
            grid.add_row(label, f"{value:,.2f}", ratio)
    out.print(grid)


def _report(samples: Samples, targets: Sequence[Target]) -> dict[str, Any]:
    return {
        "made_at": utc_now().isoformat(timespec="seconds"),
        "machine": machine(),
        "samples": samples,
        "targets": [vars(target) for target in targets],
    }


if __name__ == "__main__":
    sys.exit(main())
