"""The bundle of plotly that browsers get is the one that the Python package knows."""

import re
from pathlib import Path

from plotly.offline import get_plotlyjs_version

VENDOR = Path(__file__).resolve().parents[2] / "assets" / "vendor"


def test_the_basic_bundle_has_the_packages_version() -> None:
    (bundle,) = VENDOR.glob("plotly-basic-*.min.js")
    found = re.search(r"plotly\.js \(basic - minified\) v([\d.]+)", bundle.read_text()[:400])
    assert found is not None
    assert found[1] == get_plotlyjs_version()
    assert found[1] in bundle.name
