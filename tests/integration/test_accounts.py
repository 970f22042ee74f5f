"""Accounts and passwords: what may be, and what ends with a change."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import Engine, text

from aggregation.days import utc_now
from aggregation.demo.loading import MARK
from aggregation.errors import UserError
from aggregation.schema import source
from dashboard_app import passwords
from dashboard_app.accounts import DEMO_PASSWORD, Account, Accounts
from dashboard_app.sessions import Sessions
from dashboard_app.tokens import Tokens

GOOD = "correct horse"


@pytest.fixture
def accounts(database: Engine) -> Accounts:
    store = Accounts(database)
    store.add("ada", "admin", GOOD)
    store.add("ana", "analyst", GOOD)
    return store


def stored_hash(engine: Engine, name: str) -> str:
    with engine.connect() as connection:
        return str(
            connection.execute(
                text("SELECT password_hash FROM dashboard_accounts WHERE name = :name"), {"name": name}
            ).scalar_one()
        )


def make_up(engine: Engine) -> None:
    """What tells the demo's platform."""
    source.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text(f"COMMENT ON TABLE users IS '{MARK}'"))


# ---- passwords ----


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1!",
        "12345678",
        "qwertyuiop",
        "aaaaaaaaaaaa",
        "iloveyou1",
        "abcdefghij",
        "passwordpassword",
        "P@ssw0rd2024",
        # the account's name and the product's make nothing harder to guess
        "marguerite-de-navarre",
        "Marguerite-de-Navarre1",
        "sparkboard",
        "Sparkboard2026",
        DEMO_PASSWORD,
    ],
)
def test_easily_guessed_passwords_are_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(UserError, match="too easy to guess"):
        accounts.add("marguerite-de-navarre", "analyst", password)
    accounts.add("marguerite-de-navarre", "analyst", GOOD)
    with pytest.raises(UserError, match="too easy to guess"):
        accounts.set_password("marguerite-de-navarre", password)
    assert accounts.verified("marguerite-de-navarre", GOOD) is not None


@pytest.mark.parametrize("password", ["short", "seven77", "\u0065\u0301" * 7, "x" * 1025, "\ufdfa" * 100])
def test_the_length_of_passwords(accounts: Accounts, password: str) -> None:
    """Counted as people see them; U+FDFA is 18 letters in one."""
    with pytest.raises(UserError, match="8 to 1024 characters"):
        accounts.set_password("ana", password)


def test_halves_of_characters_are_no_password(accounts: Accounts) -> None:
    with pytest.raises(UserError, match="whole characters"):
        accounts.set_password("ana", "long enough \udc80")
    assert accounts.verified("ana", "long enough \udc80") is None


@pytest.mark.parametrize(
    "password", ["пароль-из-слов", "correct horse \N{HORSE FACE}", " spaces count ", "xkcd-936-" * 100]
)
def test_all_scripts_and_lengths_are_good(accounts: Accounts, password: str) -> None:
    accounts.set_password("ana", password)
    assert accounts.verified("ana", password) is not None
    assert accounts.verified("ana", password.strip() + "x") is None


def test_nothing_of_a_password_is_cut_off(accounts: Accounts) -> None:
    longest = ("correct horse battery staple " * 40)[:1024]
    accounts.set_password("ana", longest)
    assert accounts.verified("ana", longest) is not None
    assert accounts.verified("ana", longest[:-1]) is None
    assert accounts.verified("ana", longest + "x") is None
    assert accounts.verified("ana", longest[:-1] + "x") is None


def test_a_password_is_the_same_however_it_is_typed(accounts: Accounts) -> None:
    accounts.set_password("ana", "caf\u00e9 au lait")
    assert accounts.verified("ana", "cafe\u0301 au lait") is not None
    assert accounts.verified("ana", "cafe au lait") is None


def test_hostile_passwords_are_judged_soon(accounts: Accounts) -> None:
    """The judge tries every reading of letters that are written as others; more than 16 it never sees."""
    judged: list[str] = []
    import zxcvbn

    real = zxcvbn.zxcvbn

    def watched(password: str) -> object:
        judged.append(password)
        return real(password)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zxcvbn, "zxcvbn", watched)
        accounts.set_password("ana", "4@8({[<369&#!1/|0$5+7%2" * 40)
    assert [len(password) for password in judged] == [16]


def test_passwords_are_hashed_as_owasp_asks(accounts: Accounts) -> None:
    parameters = extract_parameters(stored_hash(accounts.engine, "ana"))
    assert (parameters.type.name, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        "ID",
        19 * 1024,
        2,
        1,
    )


def test_a_login_hashes_anew_what_was_hashed_with_other_parameters(accounts: Accounts) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(GOOD)
    with accounts.engine.begin() as connection:
        connection.execute(
            text("UPDATE dashboard_accounts SET password_hash = :weak WHERE name = 'ana'"), {"weak": weak}
        )
    assert accounts.verified("ana", "wrong horse") is None
    assert stored_hash(accounts.engine, "ana") == weak
    assert accounts.verified("ana", GOOD) is not None
    better = stored_hash(accounts.engine, "ana")
    assert not passwords.is_outdated(better)
    assert accounts.verified("ana", GOOD) is not None
    assert stored_hash(accounts.engine, "ana") == better


def test_generated_passwords_are_good_and_never_the_same() -> None:
    made = {passwords.generated() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.require_good(password, "ana")


# ---- the demo's password ----


def test_the_demos_password_opens_the_demo_alone(database: Engine) -> None:
    make_up(database)
    demo = Accounts(database, demo=True)
    demo.add("admin", "admin", DEMO_PASSWORD)
    assert demo.verified("admin", DEMO_PASSWORD) is not None
    assert Accounts(database).verified("admin", DEMO_PASSWORD) is None
    assert Accounts(database).verified("admin", "another password") is None


def test_the_demos_password_opens_nothing_once_real_data_has_come(database: Engine) -> None:
    make_up(database)
    demo = Accounts(database, demo=True)
    demo.add("admin", "admin", DEMO_PASSWORD)
    with database.begin() as connection:
        connection.execute(text("COMMENT ON TABLE users IS NULL"))
    assert demo.verified("admin", DEMO_PASSWORD) is None
    with pytest.raises(UserError):
        demo.set_password("admin", DEMO_PASSWORD)


# ---- names ----


def test_a_name_is_the_same_however_it_is_typed(accounts: Accounts) -> None:
    accounts.add(" Andre\u0301 ", "analyst", GOOD)
    assert accounts.verified("andr\u00e9", GOOD) is not None
    with pytest.raises(UserError, match="already"):
        accounts.add("ANDR\u00c9", "analyst", GOOD)


@pytest.mark.parametrize("part", ["%", "_", "\\", "nn"])
def test_a_search_is_for_what_is_typed(accounts: Accounts, part: str) -> None:
    assert accounts.count(part) == 0
    accounts.add(f"odd {part} name", "analyst", GOOD)
    assert [row.name for row in accounts.search(part, 0, 10)] == [f"odd {part} name"]


# ---- what ends ----

CHANGES: dict[str, Callable[[Accounts], None]] = {
    "password": lambda accounts: accounts.set_password("ana", "another horse"),
    "role": lambda accounts: accounts.set_role("ana", "admin"),
    "disable": lambda accounts: accounts.disable("ana"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_ends_sessions_and_tokens_of_that_account_alone(
    accounts: Accounts, change: Callable[[Accounts], None]
) -> None:
    sessions, tokens, now = Sessions(accounts.engine), Tokens(accounts.engine), utc_now()
    opened: dict[str, Account] = {}
    secrets: dict[str, str] = {}
    for name in ("ada", "ana"):
        account = accounts.verified(name, GOOD)
        assert account is not None
        opened[name] = sessions.open(account, now)
        secrets[name] = tokens.make(account, "report", now + timedelta(days=1), now)[1]
    change(accounts)
    assert sessions.viewer(opened["ana"].session_token, now) is None
    assert tokens.bearer(secrets["ana"], now) is None
    assert sessions.viewer(opened["ada"].session_token, now) is not None
    assert tokens.bearer(secrets["ada"], now) is not None


def test_enabling_again_brings_no_session_and_no_token_back(accounts: Accounts) -> None:
    sessions, tokens, now = Sessions(accounts.engine), Tokens(accounts.engine), utc_now()
    account = accounts.verified("ana", GOOD)
    assert account is not None
    opened = sessions.open(account, now)
    _, secret = tokens.make(account, "report", now + timedelta(days=1), now)
    accounts.disable("ana")
    assert accounts.verified("ana", GOOD) is None
    accounts.enable("ana")
    assert sessions.viewer(opened.session_token, now) is None
    assert tokens.bearer(secret, now) is None
    assert accounts.verified("ana", GOOD) is not None


# ---- the last admin ----


@pytest.mark.parametrize(
    "leave", [lambda accounts: accounts.disable("ada"), lambda accounts: accounts.set_role("ada", "analyst")]
)
def test_the_last_active_admin_stays(accounts: Accounts, leave: Callable[[Accounts], None]) -> None:
    accounts.add("alma", "admin", GOOD)
    accounts.disable("alma")
    with pytest.raises(UserError, match="last active admin"):
        leave(accounts)
    assert accounts.verified("ada", GOOD) is not None
    accounts.enable("alma")
    leave(accounts)


def test_the_last_admin_may_have_a_new_password(accounts: Accounts) -> None:
    accounts.set_password("ada", "another horse")
    assert accounts.verified("ada", "another horse") is not None


def test_two_admins_who_remove_each_other_leave_one(accounts: Accounts) -> None:
    """The second is made to wait in the middle of the first."""
    accounts.add("alma", "admin", GOOD)
    with ThreadPoolExecutor(1) as pool, accounts.engine.connect() as first:
        first.execute(text("UPDATE dashboard_accounts SET disabled = true WHERE name = 'alma'"))
        second = pool.submit(accounts.disable, "ada")
        waits_for_a_lock(accounts.engine)
        first.commit()
        with pytest.raises(UserError, match="last active admin"):
            second.result(timeout=20)
    assert accounts.verified("ada", GOOD) is not None


WAITING = text(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND datname = current_database()"
)


def waits_for_a_lock(engine: Engine) -> None:
    """Returns as soon as somebody does."""
    deadline = time.monotonic() + 20
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(WAITING).scalar_one():
            assert time.monotonic() < deadline, "nothing waits"
