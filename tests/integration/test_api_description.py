"""The API does what its description says, and stands what that forbids: schemathesis tries both."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from dashboard_app.factory import create_app
from tests import cast
from tests.cast import World
from tests.conftest import environment

EXAMPLES = 20
# Which days there are is no matter of shape, so that a day may be well formed and refused.
CONFIG = """
[[operations]]
include-operation-id = ["calculateDaily", "makeForecast"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 422]

[[operations]]
include-operation-id = ["getDashboard", "getCreator"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 422]
"""


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Hundreds of them."""


@pytest.fixture
def served(world: World) -> Iterator[World]:
    """The application, listening; its address is in the environ of `world.app.server`."""
    app = create_app(world.engine, cast.SECRET, lambda: cast.NOW)
    with make_server("127.0.0.1", 0, app.server, threaded=True, request_handler=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        app.server.config["ADDRESS"] = f"http://127.0.0.1:{server.server_port}"
        yield World(world.engine, app)
        server.shutdown()
        thread.join()


def test_nothing_is_found(served: World, tmp_path: Path) -> None:
    client = served.signed_in("ada")
    csrf = cast.csrf_header(client)["X-CSRFToken"]
    session = client.get_cookie("sparkboard")
    assert session is not None
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run"),
            f"{served.app.server.config['ADDRESS']}/api/openapi.json",
            *("--checks", "all", "--seed", "1", "--generation-deterministic"),
            *("--max-examples", str(EXAMPLES)),
            # what it would make up beside the real session
            *("--generation-with-security-parameters", "false"),
            *("--suppress-health-check", "all", "--no-color", "--continue-on-failure"),
            *("-H", f"Cookie: sparkboard={session.value}; _csrf_token={csrf}"),
            *("-H", f"X-CSRFToken: {csrf}"),
        ],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}{run.stderr}"
    paths = client.get("/api/openapi.json").get_json()["paths"].values()
    operations = sum(len(operations.keys() - {"parameters"}) for operations in paths)
    assert f"Tested: {operations}" in run.stdout
