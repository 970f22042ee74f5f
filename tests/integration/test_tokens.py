"""Tokens for programs: whose they are, for how long, and where they open nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from aggregation.days import utc_now
from aggregation.errors import UserError
from dashboard_app.accounts import Account, Accounts
from dashboard_app.tokens import MAX_DAYS, MAX_TOKENS, Tokens
from tests import cast
from tests.cast import World

PLATFORM = "/api/analytics/dashboard"
DAY = timedelta(days=1)
MEMBERS = {"admin": "ada", "analyst": "ana", "creator": "cleo"}


def account_of(world: World, name: str) -> Account:
    account = Accounts(world.engine).verified(name, cast.PASSWORD)
    assert account is not None
    return account


def token_of(world: World, name: str, lasts: timedelta = DAY) -> str:
    now = utc_now()
    return Tokens(world.engine).make(account_of(world, name), "report", now + lasts, now)[1]


def status(world: World, path: str, secret: str) -> int:
    return world.client().get(path, headers={"Authorization": f"Bearer {secret}"}).status_code


@pytest.mark.parametrize("role", MEMBERS)
def test_a_token_may_what_its_account_may(world: World, role: str) -> None:
    secret = token_of(world, MEMBERS[role])
    assert status(world, PLATFORM, secret) == (403 if role == "creator" else 200)
    assert status(world, "/api/analytics/creator/1", secret) == 200
    assert status(world, "/api/analytics/creator/2", secret) == (403 if role == "creator" else 200)


@pytest.mark.parametrize(
    "path", ["/", "/me", "/account", "/accounts", "/accounts/1", "/_dash-layout", "/_dash-dependencies"]
)
def test_a_token_opens_no_page(world: World, path: str) -> None:
    assert status(world, path, token_of(world, "ada")) in (302, 401)


@pytest.mark.parametrize(
    "path",
    ["/_dash-update-component", "/accounts", "/account/tokens", "/account/password", "/accounts/1/disable"],
)
def test_a_token_changes_nothing(world: World, path: str) -> None:
    answer = world.client().post(path, json={}, headers={"Authorization": f"Bearer {token_of(world, 'ada')}"})
    assert answer.status_code in (400, 401)


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER   {}"])
def test_how_a_token_is_sent(world: World, header: str) -> None:
    given = {"Authorization": header.format(token_of(world, "ana"))}
    assert world.client().get(PLATFORM, headers=given).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer {}x",
        "Bearer x{}",
        "Basic {}",
        "{}",
        "Token {}",
        "Bearer \u00e9\u00ff",
        "Bearer a=b",
        "Bearer spark_",
    ],
)
def test_anything_else_is_no_token(world: World, header: str) -> None:
    given = {"Authorization": header.format(token_of(world, "ana"))}
    answer = world.client().get(PLATFORM, headers=given)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert set(answer.get_json()) == {"error"}


def test_a_token_that_does_not_count_says_so(world: World) -> None:
    refused = world.client().get(PLATFORM, headers={"Authorization": "Bearer spark_nothing"})
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "token" in refused.get_json()["error"]
    assert world.client().get(PLATFORM).headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["Bearer a=b", "bearer x=1, y=2", "Bearer"])
def test_what_is_no_token_keeps_the_cookie_out_too(world: World, given: str) -> None:
    answer = world.signed_in("ana").get("/api/analytics/dashboard", headers={"Authorization": given})
    assert answer.status_code == 401


def test_where_a_token_comes_the_cookie_does_not_count(world: World) -> None:
    admin = world.signed_in("ada")
    wrong = {"Authorization": "Bearer spark_nothing"}
    assert admin.get(PLATFORM, headers=wrong).status_code == 401
    creators = {"Authorization": f"Bearer {token_of(world, 'cleo')}"}
    assert admin.get(PLATFORM, headers=creators).status_code == 403
    assert admin.get(PLATFORM).status_code == 200


def test_a_token_expires(world: World) -> None:
    tokens, now = Tokens(world.engine), utc_now()
    _, secret = tokens.make(account_of(world, "ana"), "report", now + DAY, now)
    assert tokens.bearer(secret, now + DAY - timedelta(seconds=1)) is not None
    assert tokens.bearer(secret, now + DAY) is None
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE dashboard_tokens SET expires_at = now()"))
    assert status(world, PLATFORM, secret) == 401


def test_a_revoked_token_is_dead_at_the_next_request(world: World) -> None:
    tokens, now, ana = Tokens(world.engine), utc_now(), account_of(world, "ana")
    number, secret = tokens.make(ana, "report", now + DAY, now)
    assert status(world, PLATFORM, secret) == 200
    assert tokens.revoke(ana, number) == "report"
    assert status(world, PLATFORM, secret) == 401


def test_a_token_dies_with_its_account(world: World) -> None:
    secret = token_of(world, "ana")
    Accounts(world.engine).disable("ana")
    assert status(world, PLATFORM, secret) == 401


def test_a_disabled_accounts_token_is_dead_even_where_it_was_made_meanwhile(world: World) -> None:
    ana, now = account_of(world, "ana"), utc_now()
    Accounts(world.engine).disable("ana")
    _, secret = Tokens(world.engine).make(ana, "late", now + DAY, now)
    assert status(world, PLATFORM, secret) == 401


def test_a_token_acts_in_its_accounts_role_of_now(world: World) -> None:
    """However the role came about."""
    secret = token_of(world, "ana")
    with world.engine.begin() as connection:
        connection.execute(
            text("UPDATE dashboard_accounts SET role = 'creator', creator_id = 1 WHERE name = 'ana'")
        )
    assert status(world, PLATFORM, secret) == 403
    assert status(world, "/api/analytics/creator/2", secret) == 403


def test_nobody_revokes_or_sees_another_accounts_tokens(world: World) -> None:
    tokens, now = Tokens(world.engine), utc_now()
    cleo, carl = account_of(world, "cleo"), account_of(world, "carl")
    number, secret = tokens.make(carl, "carls own", now + DAY, now)
    assert tokens.revoke(cleo, number) is None
    assert list(tokens.list(cleo)) == []
    assert tokens.bearer(secret, now) is not None


def test_the_stored_token_opens_nothing(world: World) -> None:
    secret = token_of(world, "ana")
    with world.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM dashboard_tokens")).one()
    assert secret.startswith("spark_")
    assert len(secret) == len("spark_") + 43
    assert not any(secret[6:] in str(value) for value in row)
    assert status(world, PLATFORM, row.token_hash) == 401


def last_used(world: World) -> datetime | None:
    with world.engine.connect() as connection:
        used: datetime | None = connection.execute(
            text("SELECT last_used_at FROM dashboard_tokens")
        ).scalar_one()
    return used


def test_the_last_use_is_kept_once_a_minute(world: World) -> None:
    tokens, now = Tokens(world.engine), utc_now()
    _, secret = tokens.make(account_of(world, "ana"), "report", now + DAY, now)
    assert last_used(world) is None
    tokens.bearer(secret, now)
    assert last_used(world) == now
    tokens.bearer(secret, now + timedelta(seconds=59))
    assert last_used(world) == now
    tokens.bearer(secret, now + timedelta(seconds=61))
    assert last_used(world) == now + timedelta(seconds=61)


@pytest.mark.parametrize("lasts", [timedelta(0), -DAY, timedelta(days=MAX_DAYS, seconds=1)])
def test_a_token_lasts_a_year_at_most(world: World, lasts: timedelta) -> None:
    now = utc_now()
    with pytest.raises(UserError, match=str(MAX_DAYS)):
        Tokens(world.engine).make(account_of(world, "ana"), "report", now + lasts, now)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "nul\0"])
def test_a_tokens_name_fits_into_a_line(world: World, name: str) -> None:
    now = utc_now()
    with pytest.raises(UserError, match="a token's name"):
        Tokens(world.engine).make(account_of(world, "ana"), name, now + DAY, now)


def test_tokens_of_an_account_have_different_names_and_are_few(world: World) -> None:
    tokens, now, ana = Tokens(world.engine), utc_now(), account_of(world, "ana")
    for number in range(MAX_TOKENS):
        tokens.make(ana, f"token {number}", now + DAY, now)
    with pytest.raises(UserError, match="already have"):
        tokens.make(ana, "token 7", now + DAY, now)
    with pytest.raises(UserError, match=f"{MAX_TOKENS} tokens are the most"):
        tokens.make(ana, "one more", now + DAY, now)
    tokens.make(account_of(world, "carl"), "token 7", now + DAY, now)
