"""What a page that stays open asks for by itself: its parts that follow the running day."""

from flask import Flask, Response

from dashboard_app.access import LIVE, require_role
from dashboard_app.answers import Answers, as_json
from layouts.page import Page, Viewer


def register(server: Flask, answers: Answers) -> None:
    """A route for each such page, so that each has the roles of its page."""

    def add(page: Page) -> None:
        def parts(viewer: Viewer) -> Response:
            return Response(as_json(answers.live(page, viewer)), content_type="application/json")

        guarded = require_role(*page.roles)(parts)
        server.add_url_rule(f"{LIVE}{page.name}", f"live_{page.name}", guarded)

    for page in answers.live_pages:
        add(page)
