"""Downloads: the numbers of a page as files, for those who may see the page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from flask import Flask, Response, abort, request

from aggregation.queries import Store
from callbacks import EXPORTS
from callbacks.selection import asked
from dashboard_app.access import require_role
from dashboard_app.answers import opened
from dashboard_app.audit import Audit
from layouts.exports import Export, as_csv, as_workbook
from layouts.page import ANALYSTS, Page, Viewer
from layouts.places import Onlooker


class Kind(NamedTuple):
    write: Callable[[Export], bytes]
    content_type: str


KINDS = {
    "csv": Kind(as_csv, "text/csv; charset=utf-8"),
    "xlsx": Kind(as_workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


# No more digits than the database's integers have.
CREATOR_ID = f"<int(max={10**18 - 1}):creator_id>"


def register(
    server: Flask, pages: Sequence[Page], store: Store, audit: Audit, clock: Callable[[], datetime]
) -> None:
    """A route for each page and kind, so that each has the roles of its page.

    Of pages that show a creator's own numbers there is another, with those of any creator, for analysts.
    """
    for page in pages:
        for ending in KINDS:
            if page.name not in EXPORTS:
                continue
            file, endpoint = f"{page.name}.{ending}", f"export_{page.name}_{ending}"
            download = _download(page, ending, store, audit, clock)
            server.add_url_rule(f"/export/{file}", endpoint, require_role(*page.roles)(download))
            if page.mine:
                guarded = require_role(*ANALYSTS)(download)
                server.add_url_rule(f"/export/creators/{CREATOR_ID}/{file}", f"{endpoint}_of", guarded)


def _download(
    page: Page, ending: str, store: Store, audit: Audit, clock: Callable[[], datetime]
) -> Callable[..., Response]:
    exporting = EXPORTS[page.name]

    def download(viewer: Viewer, creator_id: int | None = None) -> Response:
        search = request.query_string.decode("latin-1")
        with store.read() as queries:
            if creator_id is not None:
                viewer = Onlooker.at(viewer, opened(queries, creator_id).id)
            export = exporting(
                queries, viewer, asked(search, page.periods, page.picks, viewer.week_start), clock()
            )
            if export is not None and creator_id is not None:
                export = replace(export, creator_id=creator_id)
        if export is None:
            abort(404, "There are no numbers to take out yet.")
        return as_file(export, ending, viewer, audit)

    return download


def as_file(export: Export, ending: str, viewer: Viewer, audit: Audit) -> Response:
    """A download of one of KINDS, which the audit log remembers."""
    kind, name = KINDS[ending], f"{export.file_name}.{ending}"
    answer = Response(kind.write(export), content_type=kind.content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    audit.record("export", viewer.name, name)
    return answer
