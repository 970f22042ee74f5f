import pytest

from dashboard_app.reference import pages
from dashboard_app.settings import PROJECT


@pytest.mark.parametrize("name", ["METRICS.md", "API.md", "ROLES.md"])
def test_the_generated_documents_are_current(name: str) -> None:
    assert (PROJECT / "docs" / name).read_text() == pages()[name], "run: python -m dashboard_app.reference"
