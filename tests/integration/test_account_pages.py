"""The pages of accounts: who may use them, what they do, what they show."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from dashboard_app.accounts import Accounts
from tests import cast
from tests.cast import World

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "=1+1",
    "\N{RIGHT-TO-LEFT OVERRIDE}nimda",
    "'; DROP TABLE dashboard_accounts; --",
]
ONE = "/accounts/{ana}"
READING = ["/accounts", "/accounts/new", ONE, "/accounts?q=a&page=2"]
CHANGING = ["/accounts", f"{ONE}/role", f"{ONE}/password", f"{ONE}/disable", f"{ONE}/enable"]
# What is written down besides.
SIGNING_IN = ("login", "login failed", "logout", "refused")
OWN = [
    "/account/password",
    "/account/week-start",
    "/account/sessions/close-others",
    "/account/tokens",
    "/account/tokens/1/revoke",
]


def number_of(world: World, name: str) -> int:
    return int(Accounts(world.engine).named(name).id)


def at(world: World, path: str) -> str:
    return path.format(ana=number_of(world, "ana"))


def send(client: FlaskClient, path: str, **form: Any) -> TestResponse:
    client.get("/account")
    token = client.get_cookie("_csrf_token")
    assert token is not None
    return client.post(path, data=form | {"csrf_token": token.value})


def page(answer: TestResponse) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "html.parser")


def words(node: Any) -> str:
    return " ".join(node.get_text(" ").split())


def error_at(answer: TestResponse, name: str) -> str:
    """The error that is tied to a field."""
    assert answer.status_code == 422
    field = page(answer).select_one(f"#{name}")
    assert field is not None
    assert field["aria-invalid"] == "true"
    assert field.has_attr("autofocus")
    tied = [page(answer).select_one(f"#{part}") for part in str(field["aria-describedby"]).split()]
    return words(tied[-1])


def secret_in(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.text
    field = page(answer).select_one(".secret input")
    assert field is not None
    return str(field["value"])


def audited(world: World) -> Sequence[tuple[str, str | None, str | None]]:
    with world.engine.connect() as connection:
        rows = connection.execute(text("SELECT action, actor, subject FROM dashboard_audit ORDER BY id"))
        return [tuple(row) for row in rows if row.action not in SIGNING_IN]


def state_of(world: World) -> Sequence[Mapping[str, Any]]:
    """Everything that the pages may change."""
    with world.engine.connect() as connection:
        columns = "name, role, creator_id, password_hash, disabled"
        accounts = text(f"SELECT {columns} FROM dashboard_accounts ORDER BY id")
        tokens = text("SELECT name, token_hash FROM dashboard_tokens ORDER BY 1")
        return [*connection.execute(accounts).mappings(), *connection.execute(tokens).mappings()]


# ---- who must not get in ----


@pytest.mark.parametrize("path", [*READING, "/account"])
def test_nobody_reads_without_a_session(shared: World, path: str) -> None:
    answer = shared.client().get(at(shared, path))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?next=")


@pytest.mark.parametrize("path", [*CHANGING, *OWN])
def test_nobody_changes_without_a_session(shared: World, path: str) -> None:
    before = state_of(shared)
    answer = shared.client().post(at(shared, path), data={"name": "eve", "role": "admin"})
    assert answer.status_code in (400, 401)
    assert state_of(shared) == before


@pytest.mark.parametrize("name", ["ana", "cleo"])
@pytest.mark.parametrize("path", READING)
def test_only_admins_read_accounts(shared: World, path: str, name: str) -> None:
    answer = shared.signed_in(name).get(at(shared, path))
    assert answer.status_code == 403
    assert "carl" not in answer.text


@pytest.mark.parametrize("name", ["ana", "cleo"])
@pytest.mark.parametrize("path", CHANGING)
def test_only_admins_change_accounts(world: World, path: str, name: str) -> None:
    before = state_of(world)
    answer = send(world.signed_in(name), at(world, path), name="eve", role="admin")
    assert answer.status_code == 403
    assert state_of(world) == before
    assert audited(world) == []


@pytest.mark.parametrize("path", [*CHANGING, *OWN])
def test_nothing_changes_without_the_forms_token(shared: World, path: str) -> None:
    before = state_of(shared)
    client = shared.signed_in("ada")
    client.get("/account")
    assert client.post(at(shared, path), data={"name": "eve", "role": "admin"}).status_code == 400
    assert state_of(shared) == before


@pytest.mark.parametrize("path", [f"{ONE}/role", f"{ONE}/password", f"{ONE}/disable", f"{ONE}/enable"])
def test_links_change_nothing(world: World, path: str) -> None:
    before = state_of(world)
    assert world.signed_in("ada").get(at(world, path)).status_code in (404, 405)
    assert state_of(world) == before


@pytest.mark.parametrize("number", ["0", "999999", "-1", "x", "1.5", "9223372036854775807", "9" * 30])
def test_ids_that_are_none(world: World, number: str) -> None:
    client = world.signed_in("ada")
    assert client.get(f"/accounts/{number}").status_code == 404
    assert send(client, f"/accounts/{number}/disable").status_code in (404, 405)
    assert send(client, f"/account/tokens/{number}/revoke").status_code in (404, 405)


def test_an_admin_who_is_disabled_meanwhile_does_nothing_more(world: World) -> None:
    Accounts(world.engine).add("alma", "admin", cast.PASSWORD)
    client = world.signed_in("alma")
    client.get("/account")
    token = client.get_cookie("_csrf_token")
    assert token is not None
    Accounts(world.engine).disable("alma")
    before = state_of(world)
    answer = client.post(at(world, f"{ONE}/disable"), data={"csrf_token": token.value})
    assert answer.status_code in (400, 401)
    assert client.get("/accounts").status_code == 302
    assert state_of(world) == before


def test_an_admin_who_becomes_an_analyst_sees_no_accounts(world: World) -> None:
    Accounts(world.engine).add("alma", "admin", cast.PASSWORD)
    client = world.signed_in("alma")
    assert client.get("/accounts").status_code == 200
    Accounts(world.engine).set_role("alma", "analyst")
    assert client.get("/accounts").status_code == 302
    assert world.signed_in("alma").get("/accounts").status_code == 403


# ---- the list ----


def test_the_list(world: World) -> None:
    Accounts(world.engine).disable("carl")
    shown = page(world.signed_in("ada").get("/accounts"))
    rows = [words(row) for row in shown.select("[data-table=accounts] tbody tr")]
    assert [row.split()[:2] for row in rows] == [
        ["ada", "admin"],
        ["ana", "analyst"],
        ["carl", "creator"],
        ["cleo", "creator"],
    ]
    assert rows[0].endswith("1")  # her session
    assert rows[1].endswith("never 0")
    assert "2 disabled" in rows[2]
    assert "1 active" in rows[3]


def test_the_list_is_searched_and_paged(world: World) -> None:
    accounts = Accounts(world.engine)
    with world.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO dashboard_accounts (name, role, password_hash)"
                " SELECT 'guest ' || lpad(n::text, 3, '0'), 'analyst', 'none' FROM generate_series(1, 120) n"
            )
        )
    client = world.signed_in("ada")

    def names(query: str) -> list[str]:
        return [words(row) for row in page(client.get(f"/accounts{query}")).select("tbody th")]

    assert names("?q=GUEST")[0] == "guest 001"
    assert len(names("?q=guest")) == 50
    assert names("?q=guest&page=3") == [f"guest {number}" for number in range(101, 121)]
    assert names("?q=guest&page=99999999999999999999999") == names("?q=guest&page=3")
    assert names("?q=guest&page=-1") == names("?q=guest&page=x") == names("?q=guest")
    assert names("?q=%25") == names("?q=nobody") == []
    assert names("?q=cle%00o") == ["cleo"]
    following = page(client.get("/accounts?q=guest&page=2")).select_one("a[rel=next]")
    assert following is not None
    assert following["href"] == "/accounts?q=guest&page=3"
    assert accounts.count("guest") == 120


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_they_are(world: World, name: str) -> None:
    client = world.signed_in("ada")
    made = send(client, "/accounts", name=name, role="analyst")
    password = secret_in(made)
    address = f"/accounts/{number_of(world, name)}"
    said = send(client, f"{address}/disable")
    send(client, f"{address}/enable")
    for answer in (made, client.get("/accounts"), client.get(address), client.get(said.headers["Location"])):
        shown = page(answer)
        assert name in shown.get_text()
        assert [script.get_text() for script in shown.select("script")] == [
            script.get_text() for script in page(client.get("/account")).select("script")
        ]
        assert shown.select("[onerror]") == []
    own = world.client()
    assert cast.sign_in(own, name, password).status_code == 302
    assert name in page(own.get("/account")).get_text()
    assert name in page(own.get("/")).get_text()


# ---- what admins do ----


def test_adding_an_account(world: World) -> None:
    client = world.signed_in("ada")
    answer = send(client, "/accounts", name=" bo ", role="creator", creator_id="2")
    password = secret_in(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Nothing is known" not in answer.text
    added = world.client()
    assert cast.sign_in(added, "bo", password).headers["Location"] == "/me"
    assert audited(world) == [("account added", "ada", "creator 2: bo")]
    with world.engine.connect() as connection:
        logged = str(connection.execute(text("SELECT * FROM dashboard_audit")).all())
    assert password not in logged
    assert password not in client.get(f"/accounts/{number_of(world, 'bo')}").text


def test_nobody_becomes_admin_by_oversight(world: World) -> None:
    client = world.signed_in("ada")
    chosen = page(client.get("/accounts/new")).select_one("#role option[selected]")
    assert chosen is not None
    assert chosen["value"] == "analyst"
    secret_in(send(client, "/accounts", name="bo"))
    assert Accounts(world.engine).named("bo").role == "analyst"


def test_a_creator_who_is_not_there_yet_is_pointed_out(world: World) -> None:
    client = world.signed_in("ada")
    answer = send(client, "/accounts", name="bo", role="creator", creator_id="77")
    assert "Nothing is known of creator 77 yet" in words(page(answer))
    changed = send(client, at(world, f"{ONE}/role"), role="creator", creator_id="78")
    assert "nothing is known of this creator yet" in client.get(changed.headers["Location"]).text


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"name": "", "role": "analyst"}, "name", "An account needs a name."),
        ({"name": "x" * 101, "role": "analyst"}, "name", "1 to 100 characters"),
        ({"name": "a\x1bb", "role": "analyst"}, "name", "control characters"),
        ({"name": "ANA", "role": "analyst"}, "name", "There is already an account named 'ANA'."),
        ({"name": "bo", "role": "king"}, "role", "Not a valid choice."),
        ({"name": "bo", "role": "creator"}, "role", "A creator needs a creator id"),
        ({"name": "bo", "role": "admin", "creator_id": "1"}, "role", "the other roles have none"),
        ({"name": "bo", "role": "creator", "creator_id": "0"}, "creator_id", "whole number"),
        ({"name": "bo", "role": "creator", "creator_id": str(2**63)}, "creator_id", "whole number"),
        ({"name": "bo", "role": "creator", "creator_id": "x"}, "creator_id", "valid integer"),
        ({"name": "bo", "role": "creator", "creator_id": "9" * 5000}, "creator_id", "valid integer"),
        ({}, "name", "An account needs a name."),
    ],
)
def test_accounts_that_cannot_be(world: World, form: dict[str, str], field: str, said: str) -> None:
    before = state_of(world)
    answer = send(world.signed_in("ada"), "/accounts", **form)
    assert said in error_at(answer, field)
    assert state_of(world) == before
    assert audited(world) == []


def test_changing_a_role(world: World) -> None:
    client, other = world.signed_in("ada"), world.signed_in("ana")
    answer = send(client, at(world, f"{ONE}/role"), role="creator", creator_id="1")
    assert (answer.status_code, answer.headers["Location"]) == (302, at(world, ONE))
    assert "Now creator 1: ana" in words(page(client.get(answer.headers["Location"])))
    assert other.get("/api/analytics/dashboard").status_code == 401
    assert world.signed_in("ana").get("/api/analytics/creator/2").status_code == 403
    assert audited(world) == [("role changed", "ada", "analyst → creator 1: ana")]


def test_disabling_and_enabling(world: World) -> None:
    client, other = world.signed_in("ada"), world.signed_in("ana")
    assert send(client, at(world, f"{ONE}/disable")).status_code == 302
    assert other.get("/").status_code == 302
    assert cast.sign_in(world.client(), "ana").status_code == 401
    assert send(client, at(world, f"{ONE}/enable")).status_code == 302
    assert cast.sign_in(world.client(), "ana").status_code == 302
    assert audited(world) == [("account disabled", "ada", "ana"), ("account enabled", "ada", "ana")]


def test_resetting_a_password(world: World) -> None:
    client, other = world.signed_in("ada"), world.signed_in("ana")
    password = secret_in(send(client, at(world, f"{ONE}/password")))
    assert other.get("/").status_code == 302
    assert cast.sign_in(world.client(), "ana").status_code == 401
    assert cast.sign_in(world.client(), "ana", password).status_code == 302
    assert audited(world) == [("password reset", "ada", "ana")]


@pytest.mark.parametrize(("action", "form"), [("disable", {}), ("role", {"role": "analyst"})])
def test_the_last_admin_stays_one(world: World, action: str, form: dict[str, str]) -> None:
    before = state_of(world)
    client = world.signed_in("ada")
    answer = send(client, f"/accounts/{number_of(world, 'ada')}/{action}", **form)
    assert answer.status_code == 422
    assert "This is the last active admin" in words(page(answer))
    assert state_of(world) == before
    assert client.get("/accounts").status_code == 200
    assert audited(world) == []


def test_what_happened_is_listed(world: World) -> None:
    client = world.signed_in("ada")
    send(client, at(world, f"{ONE}/disable"))
    lines = [words(row) for row in page(client.get("/accounts")).select("[data-table=audit] tbody tr")]
    assert re.search(r"ada account disabled ana 127\.0\.0\.1$", lines[0])


# ---- one's own account ----


@pytest.mark.parametrize("name", ["ada", "ana", "cleo"])
def test_everybody_has_a_page_of_their_own(world: World, name: str) -> None:
    client = world.signed_in(name)
    shown = client.get("/account")
    assert shown.status_code == 200
    assert page(shown).select_one("header a[href='/account'] .who").get_text() == name  # type: ignore[union-attr]
    first = page(client.get("/me" if name == "cleo" else "/"))
    assert first.select_one("header a[href='/account'] .who").get_text() == name  # type: ignore[union-attr]
    assert bool(first.select("nav a[href='/accounts']")) == (name == "ada")


def change(client: FlaskClient, current: str, new: str, again: str | None = None) -> TestResponse:
    return send(client, "/account/password", current=current, new=new, again=again or new)


def test_changing_ones_password(world: World) -> None:
    client, elsewhere, others = world.signed_in("ana"), world.signed_in("ana"), world.signed_in("cleo")
    secret = secret_in(send(client, "/account/tokens", name="report", days="1"))
    copied = client.get_cookie("sparkboard")
    assert copied is not None
    answer = change(client, cast.PASSWORD, "another horse")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account")
    assert "Your password is changed" in client.get("/account").text
    assert send(client, "/account/sessions/close-others").status_code == 302
    assert client.get("/api/analytics/dashboard").status_code == 200
    assert elsewhere.get("/api/analytics/dashboard").status_code == 401
    assert others.get("/account").status_code == 200
    thief = world.client()
    thief.set_cookie("sparkboard", copied.value)
    assert thief.get("/api/analytics/dashboard").status_code == 401
    bearer = {"Authorization": f"Bearer {secret}"}
    assert world.client().get("/api/analytics/dashboard", headers=bearer).status_code == 401
    assert cast.sign_in(world.client(), "ana").status_code == 401
    assert cast.sign_in(world.client(), "ana", "another horse").status_code == 302
    assert ("password changed", "ana", None) in audited(world)


@pytest.mark.parametrize(
    ("current", "new", "again", "field", "said"),
    [
        ("wrong horse", "another horse", "another horse", "current", "This is not your current password."),
        ("", "another horse", "another horse", "current", "Your current password is needed."),
        (cast.PASSWORD, "another horse", "another hose", "again", "The two passwords differ."),
        (cast.PASSWORD, "short", "short", "new", "8 to 1024 characters"),
        (cast.PASSWORD, "password1", "password1", "new", "too easy to guess"),
        (cast.PASSWORD, "x" * 1025, "x" * 1025, "new", "8 to 1024 characters"),
    ],
)
def test_a_password_that_is_not_changed(
    world: World, current: str, new: str, again: str, field: str, said: str
) -> None:
    before = state_of(world)
    client = world.signed_in("ana")
    answer = change(client, current, new, again)
    assert said in error_at(answer, field)
    assert all(not field.get("value") for field in page(answer).select("input[type=password]"))
    assert state_of(world) == before
    assert client.get("/account").status_code == 200


def test_a_stolen_session_does_not_find_the_password_out(world: World) -> None:
    before = state_of(world)
    client = world.signed_in("ana")
    statuses = [change(client, f"guess number {n}", "another horse").status_code for n in range(12)]
    assert set(statuses[:5]) == {422}
    assert statuses[-1] == 429
    refused = change(client, cast.PASSWORD, "another horse")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert state_of(world) == before


def test_signing_out_everywhere_else(world: World) -> None:
    client, elsewhere, others = world.signed_in("ana"), world.signed_in("ana"), world.signed_in("cleo")
    shown = page(client.get("/account"))
    rows = [words(row) for row in shown.select("[data-table=sessions] tbody tr")]
    assert len(rows) == 2
    assert sum(row.endswith("this one") for row in rows) == 1
    assert send(client, "/account/sessions/close-others").status_code == 302
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302
    assert others.get("/account").status_code == 200
    assert len(page(client.get("/account")).select("[data-table=sessions] tbody tr")) == 1


def test_a_token_from_making_to_revoking(world: World) -> None:
    client = world.signed_in("cleo")
    made = send(client, "/account/tokens", name="report", days="30")
    secret = secret_in(made)
    assert made.headers["Cache-Control"] == "no-store"
    given = {"Authorization": f"Bearer {secret}"}
    assert world.client().get("/api/analytics/creator/1", headers=given).status_code == 200
    shown = client.get("/account")
    assert secret not in shown.text
    row = page(shown).select_one("[data-table=tokens] tbody tr")
    assert row is not None
    assert "never" not in words(row)
    form = row.select_one("form")
    assert form is not None
    assert send(client, str(form["action"])).status_code == 302
    assert world.client().get("/api/analytics/creator/1", headers=given).status_code == 401
    assert audited(world) == [("token made", "cleo", "report"), ("token revoked", "cleo", "report")]
    assert secret not in str(state_of(world))


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"name": "", "days": "1"}, "name", "A token needs a name."),
        ({"name": "x" * 101, "days": "1"}, "name", "1 to 100 characters"),
        ({"name": "report", "days": "0"}, "days", "whole number from 1 to 365"),
        ({"name": "report", "days": "366"}, "days", "whole number from 1 to 365"),
        ({"name": "report", "days": "1.5"}, "days", "valid integer"),
        ({"name": "report", "days": ""}, "days", "valid integer"),
        ({"name": "taken", "days": "1"}, "name", "You already have a token named 'taken'."),
    ],
)
def test_tokens_that_cannot_be(world: World, form: dict[str, str], field: str, said: str) -> None:
    client = world.signed_in("ana")
    secret_in(send(client, "/account/tokens", name="taken", days="1"))
    before = state_of(world)
    assert said in error_at(send(client, "/account/tokens", **form), field)
    assert state_of(world) == before


def test_nobody_revokes_another_persons_token(world: World) -> None:
    secret_in(send(world.signed_in("carl"), "/account/tokens", name="carls own", days="1"))
    with world.engine.connect() as connection:
        number = connection.execute(text("SELECT id FROM dashboard_tokens")).scalar_one()
    before = state_of(world)
    for name in ("cleo", "ada"):
        client = world.signed_in(name)
        answers = [send(client, f"/account/tokens/{each}/revoke") for each in (number, number + 1)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert "carls own" not in client.get("/account").text
    assert state_of(world) == before


@pytest.mark.parametrize("path", ["/account", "/accounts", "/accounts/new", ONE])
def test_the_pages_need_no_scripts_and_name_their_fields(world: World, path: str) -> None:
    client = world.signed_in("ada")
    shown = page(client.get(at(world, path)))
    inline = [script for script in shown.select("script") if script.get("src")]
    assert inline == []
    assert shown.select("[onclick], [onsubmit], [onchange]") == []
    assert shown.select_one("body")["data-ready"] == "true"  # type: ignore[index]
    for field in shown.select("main :is(input:not([type=hidden]), select)"):
        named = shown.select(f"label[for={field.get('id')}]") or field.get("aria-labelledby")
        assert named, field
    for form in shown.select("form[method=post]"):
        assert form.select("input[name=csrf_token]"), form
    ids = [node["id"] for node in shown.select("[id]")]
    assert len(ids) == len(set(ids))
