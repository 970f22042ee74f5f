"""A fixed cast for tests of pages and the API: two creators, two viewers, four days of gifts.

Complete through 4 March 2026; now is noon of the 5th. Gifts are recorded since February (one failed), visits
since March. Carl's numbers (777.77 and 333.33, 1,111.10 together, 9,431 followers) occur nowhere else, so
they can be looked for in what others are shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dash import Dash
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from aggregation import running_day
from aggregation.days import utc_now
from aggregation.publishing import aggregate, refresh_running_day
from aggregation.schema import source
from dashboard_app.accounts import Accounts
from dashboard_app.factory import create_app
from dashboard_app.protection import Protection
from tests.spec.tables import fill

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse"
CLEO, CARL = 1, 2
CARLS_NUMBERS = ("777.77", "333.33", "1111.1", "1,111.1", "9431", "9,431")
SECRET = "a secret that is long enough for tests"

PLATFORM = """
    users
    id | username | is_creator | followers | created_at
    1  | cleo     | true       | 12        | 2026-02-01
    2  | carl     | true       | 9431      | 2026-02-01
    3  | vera     | false      | 0         | 2026-02-01
    4  | vito     | false      | 0         | 2026-03-03 08:00

    videos
    id | creator_id
    1  | 1
    2  | 2

    sparks
    id | name  | credits
    1  | Ember | 10

    virtual_gifts
    id | sender_id | recipient_id | creator_share | platform_share | status    | created_at
    1  | 3         | 1            | 7.00          | 3.00           | completed | 2026-03-01 20:15
    2  | 3         | 1            | 14.00         | 6.00           | completed | 2026-03-03 20:00
    3  | 4         | 2            | 777.77        | 333.33         | completed | 2026-03-03 21:00
    4  | 4         | 1            | 21.00         | 9.00           | completed | 2026-03-04 19:30
    5  | 3         | 1            | 70.00         | 30.00          | refunded  | 2026-03-04 19:31
    6  | 3         | 1            | 3.50          | 1.50           | completed | 2026-03-05 10:30
    7  | 3         | 1            | 0.70          | 0.30           | failed    | 2026-02-01 00:00

    video_watches
    id | user_id | video_id | watched_at
    1  | 3       | 1        | 2026-03-03 20:00
    2  | 4       | 1        | 2026-03-04 19:00
    3  | 4       | 1        | 2026-03-04 19:05
    4  | 3       | 1        | 2026-03-04 19:10
    5  | 4       | 2        | 2026-03-04 20:00

    video_interactions
    id | user_id | video_id | kind    | created_at
    1  | 4       | 1        | like    | 2026-03-04 19:01
    2  | 4       | 1        | comment | 2026-03-04 19:02

    follows
    id | follower_id | creator_id | created_at       | unfollowed_at
    1  | 4           | 1          | 2026-03-04 19:03 | null

    transactions
    id | source        | amount | created_at
    1  | subscriptions | 50.00  | 2026-03-04 10:00
"""


@dataclass
class World:
    engine: Engine
    app: Dash

    def client(self) -> FlaskClient:
        client: FlaskClient = self.app.server.test_client()
        return client

    def signed_in(self, name: str) -> FlaskClient:
        """A browser in which `name` has signed in through the form."""
        client = self.client()
        answer = sign_in(client, name)
        assert answer.status_code == 302, answer.text
        return client


def make(engine: Engine, *, aggregated: bool = True) -> World:
    """The cast on a migrated database without source tables."""
    source.create_all(engine)
    fill(engine, PLATFORM)
    if aggregated:
        aggregate(engine, clock=lambda: NOW)
        refresh_running_day(engine, clock=lambda: NOW)
        running_day.refresh(engine, NOW)
    return with_accounts(engine)


def with_accounts(engine: Engine) -> World:
    accounts = Accounts(engine)
    accounts.add("ada", "admin", PASSWORD)
    accounts.add("ana", "analyst", PASSWORD)
    accounts.add("cleo", "creator", PASSWORD, CLEO)
    accounts.add("carl", "creator", PASSWORD, CARL)
    return application(engine)


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


def application(engine: Engine, now: Callable[[], datetime] = lambda: NOW, **protection: Any) -> World:
    """`now` is the clock of numbers; that of sessions and throttles is Protection's."""
    return World(engine, create_app(engine, SECRET, now, protection=Protection(**protection)))


def csrf_token(client: FlaskClient) -> str:
    """The token in the sign-in form."""
    page = client.get("/login").text
    return page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD, target: str = "/login") -> TestResponse:
    form = {"username": name, "password": password, "csrf_token": csrf_token(client)}
    return client.post(target, data=form)


def csrf_header(client: FlaskClient) -> dict[str, str]:
    """What a browser that is signed in sends along with a POST."""
    client.get("/")
    client.get("/me")
    cookie = client.get_cookie("_csrf_token")
    assert cookie is not None
    return {"X-CSRFToken": cookie.value}


def run_callback(
    client: FlaskClient, output: str, *inputs: tuple[str, object], state: Sequence[tuple[str, object]] = ()
) -> TestResponse:
    """Ask for a callback as Dash's browser side does; several outputs are written `..a.b...c.d..`."""
    parts = output.strip(".").split("...")
    outputs = [dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in parts]
    values, states = (
        [
            dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) | {"value": value}
            for name, value in given
        ]
        for given in (inputs, state)
    )
    cookie = client.get_cookie("_csrf_token")
    if cookie is None and client.get_cookie("sparkboard"):
        client.get("/")
        client.get("/me")
        cookie = client.get_cookie("_csrf_token")
    return client.post(
        "/_dash-update-component",
        json={
            "output": output,
            "outputs": outputs if len(outputs) > 1 else outputs[0],
            "inputs": values,
            "changedPropIds": [inputs[0][0]],
            "state": states,
        },
        headers={"X-CSRFToken": cookie.value if cookie else ""},
    )
