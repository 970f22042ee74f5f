"""Files that the browser keeps for good: named by their content, compressed once, all from this host."""

import base64
import fcntl
import gzip
import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import brotli
from dash import _dash_renderer, dcc, html
from markupsafe import Markup
from werkzeug import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parent.parent / "assets"
STYLES = ("base", "components", "pages", "charts")
# Nobody's browser needs it any more.
LEFT_OUT = "polyfill"
# dcc looks for its other parts beside the script that it came with.
SCRIPTS_FOLDER = "/_dash-component-suites/dash/dcc/"
FOREVER = "public, max-age=31536000, immutable"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# plotly's two outermost functions. Browsers compile a bracketed one while they read the script, beside the
# page's own thread; an arrow function they read twice, the second time when it is called, on that thread.
EAGER = (
    (b', () => {\n"use strict";var Plotly=(()=>{', b', (function () {\n"use strict";var Plotly=(function(){'),
    (b"\nreturn Plotly;\n}));", b"\nreturn Plotly;\n})));"),
)
# Fonts are compressed already.
COMPRESSED = (".js", ".svg")


class File:
    """One file, as it is and as far as it has been compressed."""

    def __init__(self, name: str, body: bytes, folder: str = "/assets/") -> None:
        stem, suffix = Path(name).stem, Path(name).suffix
        self.digest = hashlib.sha256(body).hexdigest()[:16]
        self.address = f"{folder}{stem}-{self.digest}{suffix}"
        self.type = TYPES[suffix]
        self.suffix = suffix
        self.body = body
        self.encoded: dict[str, bytes] = {}

    def response(self, request: Request) -> Response:
        encoding = request.accept_encodings.best_match(
            [name for name in ("br", "gzip") if name in self.encoded]
        )
        answer = Response(self.encoded[encoding] if encoding else self.body, content_type=self.type)
        answer.headers["Cache-Control"] = FOREVER
        answer.vary.add("Accept-Encoding")
        if encoding:
            answer.headers["Content-Encoding"] = encoding
        return answer

    def compress(self, folder: Path) -> None:
        """Read the compressed forms from `folder`, or make them and keep them there."""
        for encoding, make in ENCODERS.items():
            kept = folder / f"{self.digest}.{encoding}"
            if not kept.exists():
                _write(kept, make(self.body))
            self.encoded[encoding] = kept.read_bytes()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "br": partial(brotli.compress, quality=11),
    "gzip": partial(gzip.compress, compresslevel=9, mtime=0),
}


def _write(path: Path, body: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, delete=False) as new:
        new.write(body)
    Path(new.name).replace(path)


class StaticFiles:
    """All of them. Until `compress_in_background` is done they go out as they are."""

    def __init__(self) -> None:
        font, logo = (_asset(name) for name in ("fonts/inter-latin.woff2", "logo.svg"))
        charts, bundle = _charts(), File("sparkboard.js", _bundle(), SCRIPTS_FOLDER)
        self._files = [font, logo, charts, bundle]
        self.font, self.logo, self.charts, self.bundle = (file.address for file in self._files)
        # What the first paint waits for stands in the page itself.
        style = "\n".join((ASSETS / f"{name}.css").read_text() for name in STYLES)
        style = style.replace("/assets/fonts/inter-latin.woff2", font.address)
        first = (ASSETS / "head" / "first.js").read_text()
        self.style, self.first = Markup(style), Markup(first)  # noqa: S704 - our own files
        # Pages of forms need a few rules more.
        self.form_style = Markup((ASSETS / "forms.css").read_text())  # noqa: S704
        self.first_hash = base64.b64encode(hashlib.sha256(first.encode()).digest()).decode()

    def before(self, application: "WSGIApplication") -> "WSGIApplication":
        """Answer what is asked for by a file's address; the application, with its sessions, does the rest."""
        by_address = {file.address: file for file in self._files}

        def serve(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            file = by_address.get(environ["PATH_INFO"])
            if file is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                return application(environ, start_response)
            return file.response(Request(environ))(environ, start_response)

        return serve

    def compress_in_background(self, folder: Path) -> threading.Thread:
        """Once a release: seconds of work, kept in `folder`. Of several processes one does it."""
        thread = threading.Thread(target=self._compress, args=(folder,), name="compress", daemon=True)
        thread.start()
        return thread

    def _compress(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                for file in self._files:
                    if file.suffix in COMPRESSED:
                        file.compress(folder)
        except OSError as error:
            log.warning("static files go out uncompressed: %s", error)


# ---- what they hold ----


@cache
def _asset(name: str) -> File:
    return File(Path(name).name, (ASSETS / name).read_bytes())


@cache
def _charts() -> File:
    """plotly with lines, bars and pies (a quarter of the whole, a third of its start), and our use of it."""
    (plotly,) = (ASSETS / "vendor").glob("plotly-basic-*.min.js")
    body = plotly.read_bytes()
    for arrow, function in EAGER:
        body = body.replace(arrow, function)
    return File("charts.js", body + b"\n;\n" + (ASSETS / "head" / "charts.js").read_bytes())


@cache
def _bundle() -> bytes:
    """React, Dash, its components, our own scripts, and the start: one script instead of fifteen."""
    packaged = [_packaged(package, path) for package, path in _scripts()]
    own = [path.read_bytes() for path in sorted((ASSETS / "scripts").glob("*.js"))]
    return b"\n;\n".join([*packaged, *own, b"new DashRenderer();"])


def _scripts() -> list[tuple[str, str]]:
    """(package, path within it), in the order that Dash loads them in."""
    first = _dash_renderer._js_dist_dependencies[0]["relative_package_path"]["prod"]
    return [
        *(("dash", path) for path in first if LEFT_OUT not in path),
        *_eager(_dash_renderer._js_dist),
        *_eager(dcc._js_dist),
        *_eager(html._js_dist),
    ]


def _eager(parts: Iterable[Any]) -> list[tuple[str, str]]:
    found = []
    for part in parts:
        path = str(part.get("relative_package_path", ""))
        later = part.get("async") or part.get("dynamic")
        if path.endswith(".js") and part["namespace"] != "plotly" and not later:
            found.append((str(part["namespace"]), path))
    return found


def _packaged(package: str, path: str) -> bytes:
    text = files(package).joinpath(path).read_bytes()
    return re.sub(rb"//# sourceMappingURL=.*", b"", text)
