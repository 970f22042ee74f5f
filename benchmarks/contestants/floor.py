"""The floor: the Overview as one static page written by hand, without Dash.

No page that plotly draws can be much faster: the values are in the HTML, the figures (those that
`layouts.figures` makes) beside them, everything is compressed beforehand, and static files are
cached for good.
"""

import gzip
import hashlib
import html
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli
from sqlalchemy import Engine

from aggregation import metrics
from benchmarks.contestants import content
from benchmarks.contestants.content import QUESTIONS
from layouts import figures, forecast_figures
from layouts.theme import CHART_HEIGHT

FOREVER = "public, max-age=31536000, immutable"
# A name that doesn't change is asked for each time, and answered with 304 where nothing has changed.
ASKED = "no-cache"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}
JSON = "application/json"
# The best first.
CODINGS = {"br": ".br", "gzip": ".gz"}
CHARTS = ("revenue_trend", "revenue_sources", "user_growth", "engagement_rate", "today")

STYLE = f"""
*{{box-sizing:border-box;margin:0}}
body{{background:#0a0f24;color:#eef2ff;font:15px/1.45 system-ui,sans-serif}}
main{{max-width:1360px;margin:0 auto;padding:0 24px 32px}}
header{{display:flex;gap:16px;align-items:center;min-height:64px}}
.kpis{{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:16px}}
.figures{{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px;margin-top:16px}}
.card{{border:1px solid #2a3358;border-radius:12px;padding:16px;background:#151d3d}}
.kpi{{min-height:148px}}
.kpi h2{{font-size:13px;font-weight:550;color:#aab5d6}}
.kpi-value{{font-size:28px;font-weight:650;line-height:1.2}}
.figure h2{{font-size:16px;margin-bottom:8px}}
.wide{{grid-column:1/-1}}
.chart{{height:{CHART_HEIGHT}px}}
.chart text{{fill:#aab5d6!important}}
table{{width:100%;border-collapse:collapse}}
td,th{{padding:8px 12px;text-align:right}}
td:first-child,th:first-child{{text-align:left}}
@media(max-width:800px){{
main{{padding:0 12px 24px}}
.kpis{{grid-template-columns:repeat(2,minmax(0,1fr))}}
.figures{{grid-template-columns:minmax(0,1fr)}}
}}
"""

SCRIPT = """
const charts = [...document.querySelectorAll(".chart")];
const values = [...document.querySelectorAll(".kpi-value")];
const changes = [...document.querySelectorAll(".kpi-change")];
const rows = document.querySelector("tbody");
const config = {displayModeBar: false, responsive: true};
const draw = (all) => charts.forEach((chart, i) => Plotly.react(chart, all[i].data, all[i].layout, config));
const row = (cells) => {
  const line = document.createElement("tr");
  for (const cell of cells) line.appendChild(document.createElement("td")).textContent = cell;
  return line;
};
document.getElementById("period").addEventListener("input", async (event) => {
  const page = await (await fetch(`/${event.target.value}.json`)).json();
  page.cards.forEach(([value, change], i) => {
    values[i].textContent = value;
    changes[i].textContent = change;
  });
  rows.replaceChildren(...page.movers.map(row));
  draw(page.figures);
});
draw(JSON.parse(document.getElementById("figures").textContent));
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Overview</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{style}">
<script src="{plotly}" defer></script>
<script src="{script}" defer></script>
</head>
<body>
<main>
<header><h1>Overview</h1><select id="period">{periods}</select></header>
<div class="kpis">{cards}</div>
<div class="figures">{charts}
<section class="card figure wide"><h2>{moved}</h2><table>
<thead><tr><th>Creator</th><th>Earned</th><th>Before</th><th>Change</th></tr></thead>
<tbody>{movers}</tbody></table></section>
</div>
</main>
<script type="application/json" id="figures">{figures}</script>
</body>
</html>
"""


# ---- written once, from the database ----


@dataclass(frozen=True)
class View:
    """Everything that the page shows of one period."""

    cards: list[content.Card]
    figures: list[figures.Figure]
    movers: list[list[str]]

    def as_json(self) -> str:
        cards = [[card.value, card.change] for card in self.cards]
        return compact({"cards": cards, "figures": self.figures, "movers": self.movers})


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=float)


def export(engine: Engine, folder: Path, plotly: Path) -> None:
    """Write the page and its files into `folder`, each also compressed."""
    names = {
        "style": _write(folder, "style.css", STYLE.encode()),
        "script": _write(folder, "draw.js", SCRIPT.encode()),
        "plotly": _write(folder, "plotly.js", plotly.read_bytes()),
    }
    views = {days: view(engine, days) for days in content.PERIODS}
    for days, shown in views.items():
        _write(folder, f"{days}.json", shown.as_json().encode(), lasting=False)
    _write(folder, "index.html", page(views[content.DEFAULT_DAYS], names).encode(), lasting=False)


def view(engine: Engine, days: int) -> View:
    shown = content.period(engine, days)
    frame, before = content.daily(engine, shown), content.daily(engine, content.earlier(shown))
    sources, today = content.by_source(engine, shown), content.hours(engine)
    names = [content.SOURCES.get(source, source) for source in sources["source"]]
    trend = figures.revenue_trend(frame, before, (metrics.TOTAL_REVENUE, metrics.CREATOR_EARNINGS))
    ahead = content.forecast(engine, shown)
    drawn = [
        forecast_figures.with_forecast(trend, frame, ahead, metrics.TOTAL_REVENUE),
        figures.sources(sources, names),
        figures.user_growth(frame, metrics.ACTIVE_USERS, metrics.NEW_USERS, metrics.TOTAL_USERS),
        figures.rate(frame, before, metrics.ACTIVE_SHARE),
        figures.today_by_hour(today, content.usual_hours(engine), int(today["hour"].max())),
    ]
    return View(content.cards(engine, shown), drawn, content.movers_rows(content.movers(engine, shown)))


def page(shown: View, names: Mapping[str, str]) -> str:
    chosen = {content.DEFAULT_DAYS: " selected"}
    periods = (
        f'<option value="{days}"{chosen.get(days, "")}>Last {days} days</option>' for days in content.PERIODS
    )
    cards = (
        f'<article class="card kpi" data-kpi="{card.metric.name}"><h2>{card.metric.label}</h2>'
        f'<p class="kpi-value">{card.value}</p><p class="kpi-change">{card.change}</p></article>'
        for card in shown.cards
    )
    charts = (
        f'<section class="card figure{" wide" if index == 0 else ""}"><h2>{QUESTIONS[name]}</h2>'
        '<div class="chart"></div></section>'
        for index, name in enumerate(CHARTS)
    )
    movers = (f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in cells)}</tr>" for cells in shown.movers)
    return PAGE.format(
        **names,
        periods="".join(periods),
        cards="".join(cards),
        charts="".join(charts),
        moved=QUESTIONS["movers"],
        movers="".join(movers),
        figures=compact(shown.figures).replace("</", "<\\/"),
    )


def _write(folder: Path, name: str, body: bytes, *, lasting: bool = True) -> str:
    """The file's name, with its fingerprint where it may be cached for good."""
    stem, suffix = Path(name).stem, Path(name).suffix
    if lasting:
        name = f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}{suffix}"
    (folder / name).write_bytes(body)
    (folder / f"{name}.br").write_bytes(brotli.compress(body, quality=11))
    (folder / f"{name}.gz").write_bytes(gzip.compress(body, 9))
    return name


# ---- served ----


@dataclass(frozen=True)
class File:
    bodies: Mapping[str, bytes]
    headers: tuple[tuple[str, str], ...]
    etag: str


def load(path: Path) -> File:
    plain = path.read_bytes()
    etag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
    headers = (
        ("Content-Type", TYPES.get(path.suffix, JSON)),
        ("Cache-Control", FOREVER if "-" in path.stem else ASKED),
        ("Vary", "Accept-Encoding"),
        ("ETag", etag),
    )
    compressed = {coding: path.with_name(path.name + suffix) for coding, suffix in CODINGS.items()}
    bodies = {coding: file.read_bytes() for coding, file in compressed.items()}
    return File(bodies | {"": plain}, headers, etag)


def create(folder: str) -> Callable[..., Iterable[bytes]]:
    """The WSGI application on a folder that `export` has written."""
    plain = [path for path in Path(folder).iterdir() if path.suffix not in CODINGS.values()]
    files = {f"/{path.name}": load(path) for path in plain}
    files["/"] = files.pop("/index.html")

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/healthz":
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
            return [b"ok"]
        file = files.get(environ["PATH_INFO"])
        if file is None:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        if environ.get("HTTP_IF_NONE_MATCH") == file.etag:
            start_response("304 Not Modified", [*file.headers])
            return []
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        coding = next((name for name in CODINGS if name in accepted), "")
        body = file.bodies[coding]
        encoded = [("Content-Encoding", coding)] if coding else []
        start_response("200 OK", [*file.headers, *encoded, ("Content-Length", str(len(body)))])
        return [body]

    return application
