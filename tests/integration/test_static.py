"""Files that browsers keep for good, and the page that names them."""

import base64
import gzip
import hashlib
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import brotli
import pytest
from bs4 import BeautifulSoup
from sqlalchemy import text

from dashboard_app.accounts import Accounts
from dashboard_app.factory import create_app
from dashboard_app.static import ASSETS, EAGER, File, StaticFiles
from tests import cast
from tests.cast import World

HOSTILE = "</script><script>alert(1)</script>"
PACKED = {"br": brotli.decompress, "gzip": gzip.decompress}
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
BLOCKS = ("_dash-config", "first-layout", "first-dependencies")


@pytest.fixture(scope="module")
def compressed(tmp_path_factory: pytest.TempPathFactory) -> StaticFiles:
    """As they are once the background has done its work, which takes seconds."""
    files = StaticFiles()
    files.compress_in_background(tmp_path_factory.mktemp("static")).join()
    return files


@pytest.fixture
def served(world: World, compressed: StaticFiles) -> World:
    return World(world.engine, create_app(world.engine, cast.SECRET, lambda: cast.NOW, compressed))


def named(page: str) -> set[str]:
    """All files of ours that an HTML page names."""
    soup = BeautifulSoup(page, "html.parser")
    found = {
        tag[key]
        for key in ("src", "href", "data-later")
        for tag in soup.select(f"script[{key}], link[{key}]")
    }
    return {str(address) for address in found if str(address).startswith("/")}


def index(world: World) -> str:
    return world.signed_in("ana").get("/").text


# ---- the files ----


def test_the_first_view_has_only_what_is_on_the_screen(world: World) -> None:
    """Dash has the rest, when it has started; before, nothing can be opened."""
    page = BeautifulSoup(index(world), "html.parser")
    view, layout = page.select_one("#first-view"), page.select_one("#first-layout")
    assert view
    assert layout
    opening = view.select("details.definition > summary")
    whole = str(json.loads(layout.text))
    assert len(opening) == whole.count('<details class="definition">') == 8
    assert not view.select("details.definition > :not(summary)")
    assert "Everyone who had signed up" in whole
    assert {field["type"] for field in view.select("#dates input")} == {"hidden"}


def test_every_file_that_the_page_names_is_there(served: World) -> None:
    page = index(served)
    addresses = named(page) | set(re.findall(r"url\([\"']?(/[^)\"']+)", page))
    assert {".js", ".svg", ".woff2"} <= {Path(address).suffix for address in addresses}
    for address in addresses:
        answer = served.client().get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Content-Type"] == TYPES[Path(address).suffix]
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_files_come_in_every_encoding(served: World) -> None:
    client = served.client()
    for address in named(index(served)):
        plain = client.get(address)
        assert "Content-Encoding" not in plain.headers
        for accepted, encoding in (("gzip, deflate, br", "br"), ("br;q=0, gzip", "gzip")):
            packed = client.get(address, headers={"Accept-Encoding": accepted})
            if address.endswith(".woff2"):  # compressed by itself
                assert "Content-Encoding" not in packed.headers
                continue
            assert packed.headers["Content-Encoding"] == encoding
            assert packed.headers["Content-Length"] == str(len(packed.data))
            assert PACKED[encoding](packed.data) == plain.data


def test_shared_caches_may_keep_files(served: World) -> None:
    """Nothing of a person's is in them, also where somebody is signed in."""
    client = served.signed_in("ana")
    for address in named(index(served)):
        answer = client.get(address, headers={"Accept-Encoding": "br"})
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_only_the_head_of_a_file(served: World) -> None:
    address = StaticFiles().charts
    head, whole = served.client().head(address), served.client().get(address)
    assert head.data == b""
    assert head.headers["Content-Length"] == str(len(whole.data))


@pytest.mark.parametrize(
    "path",
    ["/assets/nothing.js", "/assets/../run.py", "/assets/components.css", "/assets/", "/assets/vendor"],
)
def test_other_addresses_are_no_files(served: World, path: str) -> None:
    answer = served.client().get(path)
    assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (302, "/login")
    missing = served.signed_in("ana").get(path)
    assert missing.status_code == 404
    assert "immutable" not in missing.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/_dash-component-suites/x.js", "/favicon.ico"])
def test_open_addresses_without_anything_are_404(served: World, path: str) -> None:
    assert served.client().get(path).status_code == 404


def test_files_are_only_read(served: World) -> None:
    assert served.signed_in("ana").post(StaticFiles().charts).status_code in (400, 404, 405)


def test_another_content_has_another_name() -> None:
    one, other = File("first.js", b"1"), File("first.js", b"2")
    assert one.address != other.address
    assert one.address == File("first.js", b"1").address
    assert re.fullmatch(r"/assets/first-\w{16}\.js", one.address)


def test_two_processes_name_them_alike() -> None:
    """A page of one leads to files of the other."""
    one, other = StaticFiles(), StaticFiles()
    for name in ("charts", "bundle", "font", "logo"):
        assert getattr(one, name) == getattr(other, name)


def test_plotlys_outermost_functions_are_compiled_while_they_are_read() -> None:
    """With another plotly, what is looked for in it may be missing: charts would only come later."""
    (plotly,) = (ASSETS / "vendor").glob("plotly-basic-*.min.js")
    assert [plotly.read_bytes().count(arrow) for arrow, _ in EAGER] == [1, 1]
    charts = StaticFiles()._files[2].body
    assert [charts.count(function) for _, function in EAGER] == [1, 1]
    assert not any(arrow in charts for arrow, _ in EAGER)


# ---- compressing ----


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING, "dashboard_app.static"):
        yield caplog


def test_what_is_compressed_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(body: bytes) -> bytes:
        made.append(body)
        return b"packed " + body

    monkeypatch.setattr("dashboard_app.static.ENCODERS", {"br": make})
    for _ in range(2):
        file = File("a.js", b"words")
        file.compress(tmp_path)
        assert file.encoded == {"br": b"packed words"}
    assert made == [b"words"]
    File("a.js", b"other words").compress(tmp_path)
    assert made == [b"words", b"other words"]


def test_a_folder_that_cannot_be_written_only_logs(
    world: World, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "static").write_text("a file stands where the folder should be")
    files = StaticFiles()
    files.compress_in_background(tmp_path / "static").join()
    (record,) = logged.records
    assert record.levelname == "WARNING"
    served = World(world.engine, create_app(world.engine, cast.SECRET, lambda: cast.NOW, files))
    answer = served.client().get(files.bundle, headers={"Accept-Encoding": "br"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


# ---- the page ----


def test_the_page_is_kept_by_nobody(served: World) -> None:
    answer = served.signed_in("ana").get("/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]
    assert served.client().get("/").status_code == 302


def blocks(page: str) -> dict[str, object]:
    """The page's blocks of data, read as a browser does."""
    soup = BeautifulSoup(page, "html.parser")
    found = soup.select("script[type='application/json']")
    assert [tag["id"] for tag in found] == list(BLOCKS)
    return {str(tag["id"]): json.loads(tag.text) for tag in found}


@pytest.mark.parametrize(("who", "path"), [("ana", "/"), ("cleo", "/me"), ("ada", "/?days=7&x=</script>")])
def test_blocks_of_data_are_json(served: World, who: str, path: str) -> None:
    data = blocks(served.signed_in(who).get(path).text)
    assert isinstance(data["first-layout"], dict)
    assert isinstance(data["first-dependencies"], list)


def test_no_script_runs_but_ours(served: World) -> None:
    """What stands in the page itself is let through by its hash alone."""
    answer = served.signed_in("ana").get("/?days=7&x=</script>")
    scripts = BeautifulSoup(answer.text, "html.parser").select("script:not([type='application/json'])")
    hashes = [base64.b64encode(hashlib.sha256(tag.text.encode()).digest()).decode() for tag in scripts]
    policy = answer.headers["Content-Security-Policy"]
    assert all(f"'sha256-{found}'" in policy for found in hashes)
    assert "script-src 'self' 'unsafe-inline'" not in policy


def test_hostile_names_stay_text(served: World) -> None:
    with served.engine.begin() as connection:
        connection.execute(
            text("UPDATE creator_profiles SET name = :name WHERE creator_id = :cleo"),
            {"name": HOSTILE, "cleo": cast.CLEO},
        )
    accounts = Accounts(served.engine)
    accounts.add(HOSTILE, "analyst", cast.PASSWORD)
    accounts.add(f"{HOSTILE} herself", "creator", cast.PASSWORD, cast.CLEO)
    for who, path in ((HOSTILE, "/?days=7"), (f"{HOSTILE} herself", "/me?days=7")):
        page = served.signed_in(who).get(path).text
        assert "<script>alert" not in page
        view = BeautifulSoup(page, "html.parser")
        assert HOSTILE in view.text
        assert not any("alert(1)" in tag.text for tag in view.select("script:not([type='application/json'])"))
        assert HOSTILE in json.dumps(blocks(page)["first-layout"])
