"""The rows behind the numbers: who may see a number may see its days, and nobody else."""

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from flask import Flask, abort, request
from flask.typing import ResponseReturnValue

from aggregation.metrics import Metric
from aggregation.queries import Queries, Store
from callbacks import rows
from callbacks.selection import asked
from dashboard_app.access import require_role
from dashboard_app.audit import Audit
from dashboard_app.exports import CREATOR_ID, as_file
from dashboard_app.frame import shown
from layouts.exports import Export
from layouts.markup import markup
from layouts.page import CREATOR_PERIODS, PLATFORM_PERIODS, Asked, Viewer
from layouts.rows import content

ANALYSTS = ("admin", "analyst")
PERIODS = (*PLATFORM_PERIODS, *CREATOR_PERIODS)
# In the address of the same rows as a file.
AS_FILE = {"as": "csv"}

Reading = Callable[[Queries, Asked], Export | None]


def register(server: Flask, store: Store, audit: Audit, clock: Callable[[], datetime]) -> None:
    """Addresses end as those of pages do: `?days=30&compare=previous`."""

    def answer(viewer: Viewer, metric: Metric, read: Reading) -> ResponseReturnValue:
        wanted = asked(request.query_string.decode("latin-1"), PERIODS, ("day",))
        with store.read() as queries:
            export = read(queries, wanted)
        if export is None:
            abort(404, "There are no rows of this number.")
        if request.args.get("as") == AS_FILE["as"]:
            return as_file(export, "csv", viewer, audit)
        page = content(metric.label, export, f"{request.path}?{urlencode(wanted.question | AS_FILE)}")
        return shown("rows.html", title=metric.label, rows=markup(page))

    def creators_rows(viewer: Viewer, creator_id: int, metric: str) -> ResponseReturnValue:
        wanted = _named(rows.CREATORS, metric)
        return answer(viewer, wanted, lambda q, what: rows.creator(q, creator_id, wanted, what, clock()))

    @require_role(*ANALYSTS)
    def platform_rows(viewer: Viewer, metric: str) -> ResponseReturnValue:
        wanted = _named(rows.PLATFORM, metric)
        return answer(viewer, wanted, lambda q, what: rows.platform(q, wanted, what, clock()))

    @require_role("creator")
    def own_rows(viewer: Viewer, metric: str) -> ResponseReturnValue:
        """Whose comes from the session alone."""
        if viewer.creator_id is None:
            abort(404, "There are no rows of this number.")
        return creators_rows(viewer, viewer.creator_id, metric)

    server.add_url_rule("/rows/platform/<metric>", "platform_rows", platform_rows)
    server.add_url_rule("/rows/me/<metric>", "own_rows", own_rows)
    of_any = require_role(*ANALYSTS)(creators_rows)
    server.add_url_rule(f"/rows/creators/{CREATOR_ID}/<metric>", "creators_rows", of_any)


def _named(known: Mapping[str, Metric], name: str) -> Metric:
    return known.get(name) or abort(404, "There is no such number.")
