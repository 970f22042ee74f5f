"""A creator's monthly statement, to print: made by the server alone."""

import re
from collections.abc import Callable
from datetime import date, datetime

from flask import Flask, abort
from flask.typing import ResponseReturnValue

from aggregation.days import ONE_DAY
from aggregation.earnings import month_after
from aggregation.queries import Store
from dashboard_app.access import require_role
from dashboard_app.accounts import Account
from dashboard_app.frame import shown

ADDRESS = "/me/statement/<month>"
MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


def register(server: Flask, store: Store, clock: Callable[[], datetime]) -> None:
    def show_statement(viewer: Account, month: str) -> ResponseReturnValue:
        """Of the viewer's own numbers: whose they are is not in the address."""
        wanted = month_named(month)
        with store.read() as queries:
            freshness, creator_id = queries.freshness(), viewer.creator_id
            if wanted is None or freshness is None or creator_id is None:
                abort(404, "There is no statement of this month.")
            if queries.lacks("sparks", freshness.coverage, freshness):
                abort(404, "There is no statement yet: sparks and refunds of all days are counted first.")
            name = queries.creator_name(creator_id)
            statement = queries.statement(creator_id, wanted, freshness.coverage.last)
        if name is None or statement is None:
            abort(404, "There is no statement of this month.")
        return shown(
            "statement.html",
            name=name,
            creator_id=creator_id,
            statement=statement,
            is_over=statement.through + ONE_DAY == month_after(wanted),
            made=clock(),
        )

    server.add_url_rule(ADDRESS, "show_statement", require_role("creator")(show_statement))


def month_named(text: str) -> date | None:
    """2026-10 → its first day; None for what is no month."""
    found = MONTH.fullmatch(text)
    try:
        return date(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        return None
