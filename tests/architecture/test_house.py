"""Laws of the house that no linter knows."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import LONGEST

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("aggregation", "layouts", "callbacks", "dashboard_app")
FILES = sorted(path for folder in CODE for path in (PROJECT / folder).rglob("*.py"))
VAGUE = {"utils", "helpers", "common", "manager", "service", "misc"}


def test_files_have_names_of_the_domain() -> None:
    assert len(FILES) > 30
    assert [path for path in FILES if path.stem in VAGUE] == []


def test_only_settings_reads_the_environment() -> None:
    readers = [
        path.name for path in FILES if "os.environ" in path.read_text() or "getenv" in path.read_text()
    ]
    # the demo hands its own environment on to its two processes
    assert readers == ["demonstration.py", "settings.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_functions_stay_small(path: Path) -> None:
    tree = ast.parse(path.read_text())
    sizes = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    in_migrations = "versions" in path.parts
    assert {name: size for name, size in sizes.items() if size > 60 and not in_migrations} == {}


def test_the_worker_needs_no_dash() -> None:
    program = "import sys, aggregation.worker; print({'dash', 'flask', 'plotly'} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "set()"


def test_commands_load_nothing_that_draws_or_reads_pages() -> None:
    heavy = "{'dash', 'flask', 'plotly', 'pandas', 'numpy'}"
    program = f"import sys, dashboard_app.commands; print({heavy} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "set()"


@pytest.mark.parametrize("module", ["aggregation.worker", "dashboard_app.factory", "dashboard_app.commands"])
def test_only_a_forecast_loads_statsmodels(module: str) -> None:
    program = f"import sys, {module}; print({{'statsmodels', 'scipy'}} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "set()"


@pytest.mark.parametrize("module", ["aggregation.worker", "dashboard_app.factory", "dashboard_app.commands"])
def test_only_the_spark_engine_loads_spark(module: str) -> None:
    program = f"import sys, {module}; print({{'pyspark', 'py4j', 'sqlglot'}} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "set()"


def test_nothing_is_requested_from_another_host() -> None:
    served = [
        path
        for path in (*(PROJECT / "assets").rglob("*"), *(PROJECT / "dashboard_app" / "templates").iterdir())
        # plotly names namespaces; what a page does request is watched in the browser tests
        if path.suffix in {".css", ".js", ".html"} and path.parent.name != "vendor"
    ]
    assert len(served) > 5
    for path in served:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path


def test_the_import_contract_knows_every_page() -> None:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (independent,) = [contract for contract in contracts if contract["type"] == "independence"]
    pages = (PROJECT / "layouts" / "pages").glob("[!_]*.py")
    assert set(independent["modules"]) == {f"layouts.pages.{page.stem}" for page in pages}


def test_the_longest_tests_are_known_by_their_names() -> None:
    assert [name for name in LONGEST if not (PROJECT / "tests" / name).is_file()] == []
