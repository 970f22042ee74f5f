"""The packages: pinned alike everywhere, and none with a known vulnerability."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CONSTRAINTS = PROJECT / "constraints.txt"
REQUIREMENTS = PROJECT / "requirements.txt"
DEV_REQUIREMENTS = PROJECT / "requirements-dev.txt"
SPARK_REQUIREMENTS = PROJECT / "requirements-spark.txt"
# Any list of advisories has this one: CVE-2016-10745 and more.
KNOWN_BAD = "jinja2==2.4.1"


def pins(path: Path) -> set[str]:
    """name==version, names as registries compare them."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return {
        re.sub(r"[-_.]+", "-", re.sub(r"\[.*\]", "", line.split("==")[0])).lower() + line[line.find("==") :]
        for line in lines
        if "==" in line
    }


@dataclass(frozen=True)
class Audit:
    """What pip-audit found: advisories by package. None where it could not ask for all of them."""

    found: dict[str, list[str]] | None
    said: str


def audit(cache: Path, *arguments: str) -> Audit:
    # All that was tried together is pinned, so that nothing is left to be resolved.
    command = [sys.executable, "-m", "pip_audit", "--strict", "--no-deps", "--disable-pip"]
    options = ["--format=json", "--progress-spinner=off", "--timeout=15", f"--cache-dir={cache}"]
    done = subprocess.run([*command, *options, *arguments], capture_output=True, text=True, timeout=600)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return Audit(None, done.stderr)
    found = {each["name"]: [bad["id"] for bad in each["vulns"]] for each in packages if each["vulns"]}
    return Audit(found, done.stderr)


@pytest.mark.parametrize(
    "path", [REQUIREMENTS, DEV_REQUIREMENTS, SPARK_REQUIREMENTS], ids=lambda path: path.name
)
def test_what_is_required_is_what_was_tried_together(path: Path) -> None:
    assert pins(path)
    assert pins(path) <= pins(CONSTRAINTS)


def test_every_package_is_audited(tmp_path: Path) -> None:
    done = audit(tmp_path, "--dry-run", "-r", str(CONSTRAINTS))
    assert done.found == {}
    assert f"would have audited {len(pins(CONSTRAINTS))} packages" in done.said


def test_no_package_has_a_known_vulnerability(tmp_path: Path) -> None:
    bad = tmp_path / "known_bad.txt"
    bad.write_text(KNOWN_BAD)
    probe = audit(tmp_path, "-r", str(bad))
    if not probe.found:
        pytest.skip(f"no advisories can be asked for here: {probe.said.strip().splitlines()[-1]}")
    done = audit(tmp_path, "-r", str(CONSTRAINTS))
    assert done.found == {}, done.said


# ---- whether the above can fail: with a list of advisories of our own ----


class Advisories(BaseHTTPRequestHandler):
    """One advisory, for jinja2; asked for as at osv.dev."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        advisory = {"id": "TEST-1", "affected": [{"package": {"name": "jinja2", "ecosystem": "PyPI"}}]}
        body = json.dumps({"vulns": [advisory]} if asked == "jinja2" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def advisories() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("required", "found"), [(KNOWN_BAD, {"jinja2": ["TEST-1"]}), ("flask==3.1.3", {})], ids=["bad", "good"]
)
def test_an_advisory_is_found(
    tmp_path: Path, advisories: str, required: str, found: dict[str, list[str]]
) -> None:
    (tmp_path / "required.txt").write_text(required)
    asked = ("--vulnerability-service=osv", f"--osv-url={advisories}", "-r", str(tmp_path / "required.txt"))
    assert audit(tmp_path, *asked).found == found


def test_where_nobody_answers_nothing_is_called_good(tmp_path: Path) -> None:
    (tmp_path / "required.txt").write_text("flask==3.1.3")
    nobody = ("--vulnerability-service=osv", "--osv-url=http://127.0.0.1:9/")
    done = audit(tmp_path, *nobody, "-r", str(tmp_path / "required.txt"))
    assert done.found is None
    assert done.said
