"""Downloads: the numbers of a page as files, for those who may see the page."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from flask import Flask, Response, abort, request

from aggregation.queries import Store
from callbacks import EXPORTS
from callbacks.exports import Exporting
from callbacks.selection import asked
from dashboard_app.access import require_role
from dashboard_app.audit import Audit
from layouts.exports import Export, as_csv, as_workbook
from layouts.page import Page, Viewer


class Kind(NamedTuple):
    write: Callable[[Export], bytes]
    content_type: str


KINDS = {
    "csv": Kind(as_csv, "text/csv; charset=utf-8"),
    "xlsx": Kind(as_workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def register(
    server: Flask, pages: Sequence[Page], store: Store, audit: Audit, clock: Callable[[], datetime]
) -> None:
    """A route for each page and kind, so that each has the roles of its page."""

    def add(page: Page, exporting: Exporting, ending: str) -> None:
        def download(viewer: Viewer) -> Response:
            search = request.query_string.decode("latin-1")
            with store.read() as queries:
                export = exporting(queries, viewer, asked(search, page.periods, page.picks), clock())
            if export is None:
                abort(404, "There are no numbers to take out yet.")
            return as_file(export, ending, viewer, audit)

        guarded = require_role(*page.roles)(download)
        server.add_url_rule(f"/export/{page.name}.{ending}", f"export_{page.name}_{ending}", guarded)

    for page in pages:
        for ending in KINDS:
            if page.name in EXPORTS:
                add(page, EXPORTS[page.name], ending)


def as_file(export: Export, ending: str, viewer: Viewer, audit: Audit) -> Response:
    """A download of one of KINDS, which the audit log remembers."""
    kind, name = KINDS[ending], f"{export.file_name}.{ending}"
    answer = Response(kind.write(export), content_type=kind.content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    audit.record("export", viewer.name, name)
    return answer
