"""How often passwords may be tried: per account and address, over all web processes, and never for good."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.test import TestResponse

from aggregation.days import utc_now
from dashboard_app import accounts, passwords
from dashboard_app.counters import Counters
from dashboard_app.proxies import networks
from dashboard_app.throttling import Gate
from tests import cast
from tests.cast import World

WINDOW = timedelta(minutes=5)
HERE = "198.51.100.7"


WRONG = "wrong"


def attempt(
    client: FlaskClient, name: str, password: str = WRONG, address: str = HERE, **headers: str
) -> TestResponse:
    client.environ_base["REMOTE_ADDR"] = address
    form = {"username": name, "password": password, "csrf_token": cast.csrf_token(client)}
    return client.post("/login", data=form, headers=headers)


def statuses(world: World, name: str, times: int, address: str = HERE) -> list[int]:
    """Of wrong passwords, each from a browser that has never been here."""
    return [attempt(world.client(), name, address=address).status_code for _ in range(times)]


@pytest.mark.parametrize("name", ["ana", "nobody", "ANA ", "\0"])
def test_an_address_gets_ten_attempts_for_a_name(world: World, name: str) -> None:
    assert statuses(world, name, 12) == [401] * 10 + [429] * 2
    assert attempt(world.client(), "ada", cast.PASSWORD).status_code == 302


def test_a_right_password_is_refused_like_a_wrong_one(world: World) -> None:
    statuses(world, "ana", 10)
    right, wrong = attempt(world.client(), "ana", cast.PASSWORD), attempt(world.client(), "ana")
    assert right.status_code == wrong.status_code == 429
    assert "Too many attempts. Try again in 5 minutes." in right.text
    assert 1 <= int(right.headers["Retry-After"]) <= 300
    assert "Set-Cookie" not in right.headers or "sparkboard_device" not in right.headers["Set-Cookie"]


def test_the_window_ends_by_itself(world: World) -> None:
    clock = cast.Clock()
    world = cast.application(world.engine, clock=clock)
    statuses(world, "ana", 10)
    clock.now += WINDOW - timedelta(seconds=90)
    refused = attempt(world.client(), "ana", cast.PASSWORD)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "90")
    assert "Try again in 2 minutes." in refused.text
    clock.now += timedelta(seconds=91)
    assert attempt(world.client(), "ana", cast.PASSWORD).status_code == 302


def test_attempts_count_on_every_process(world: World) -> None:
    other = cast.application(world.engine)
    assert statuses(world, "ana", 6) + statuses(other, "ana", 6) == [401] * 10 + [429] * 2


def test_attempts_at_the_same_time_are_all_counted(world: World) -> None:
    clients = [world.client() for _ in range(16)]
    forms = [
        {"username": "ana", "password": "wrong", "csrf_token": cast.csrf_token(client)} for client in clients
    ]
    together = threading.Barrier(len(clients), timeout=60)

    def guess(client: FlaskClient, form: dict[str, str]) -> int:
        together.wait()
        while True:
            status = client.post("/login", data=form).status_code
            if status != 503:  # as many as that don't come in together
                return status

    with ThreadPoolExecutor(len(clients)) as pool:
        answered = Counter(pool.map(guess, clients, forms))
    assert answered == {401: 10, 429: 6}


def test_many_addresses_get_thirty_attempts_for_an_account(world: World) -> None:
    guessed = [statuses(world, "ana", 1, f"198.51.100.{number}")[0] for number in range(32)]
    assert guessed == [401] * 30 + [429] * 2


def test_one_address_cannot_lock_an_account_for_others(world: World) -> None:
    statuses(world, "ana", 40)
    assert attempt(world.client(), "ana", cast.PASSWORD, "203.0.113.9").status_code == 302


def test_nobody_can_lock_the_owner_out_of_a_browser_used_before(world: World) -> None:
    owner = world.client()
    assert attempt(owner, "ana", cast.PASSWORD).status_code == 302
    owner.delete_cookie("sparkboard")
    for number in range(31):
        statuses(world, "ana", 1, f"198.51.100.{number}")
    statuses(world, "ana", 10)
    assert attempt(world.client(), "ana", cast.PASSWORD, "203.0.113.9").status_code == 429
    assert attempt(owner, "ana", cast.PASSWORD).status_code == 302


def test_a_known_browser_has_ten_attempts_too_and_for_its_own_account_only(world: World) -> None:
    known = world.client()
    assert attempt(known, "ana", cast.PASSWORD).status_code == 302
    known.delete_cookie("sparkboard")
    guessed = [attempt(known, "ana", address=f"198.51.100.{number}").status_code for number in range(11)]
    assert guessed == [401] * 10 + [429]
    statuses(world, "ada", 10)
    assert attempt(known, "ada", cast.PASSWORD).status_code == 429


@pytest.mark.parametrize("forged", ["x", "[]", "WyJhIiwiYiJd.x", ""])
def test_the_mark_of_a_known_browser_cannot_be_made_up(world: World, forged: str) -> None:
    client = world.client()
    client.set_cookie("sparkboard_device", forged, path="/login")
    assert [attempt(client, "ana").status_code for _ in range(11)] == [401] * 10 + [429]


def test_an_address_gets_a_hundred_attempts_for_all_names(world: World) -> None:
    names = (f"nobody-{number}" for number in range(101))
    answered = [attempt(world.client(), name).status_code for name in names]
    assert answered == [401] * 100 + [429]
    assert attempt(world.client(), "ana", cast.PASSWORD, "203.0.113.9").status_code == 302


def test_right_passwords_use_nothing_up(world: World) -> None:
    for _ in range(12):
        assert attempt(world.client(), "ana", cast.PASSWORD).status_code == 302
    assert statuses(world, "ana", 11) == [401] * 10 + [429]


def test_an_ipv6_network_is_one_address(world: World) -> None:
    guessed = [statuses(world, "ana", 1, f"2001:db8:0:7::{number:x}")[0] for number in range(1, 12)]
    assert guessed == [401] * 10 + [429]
    assert statuses(world, "ana", 1, "2001:db8:0:8::1") == [401]


def test_addresses_are_believed_from_listed_proxies_only(world: World) -> None:
    def guesses(app: World, name: str, chain: str) -> list[int]:
        chains = ({"X-Forwarded-For": chain.format(number)} for number in range(11))
        return [attempt(app.client(), name, address="10.0.0.7", **headers).status_code for headers in chains]

    ten = [401] * 10
    assert guesses(world, "ana", "203.0.113.{}") == [*ten, 429]
    behind = cast.application(world.engine, proxies=networks("10.0.0.0/8"))
    assert guesses(behind, "ada", "203.0.113.{}") == [*ten, 401]
    # what the client itself wrote stands before what the proxies added
    assert guesses(behind, "cleo", "203.0.113.{}, 192.0.2.1, 10.1.1.1") == [*ten, 429]


def test_names_are_not_stored_with_the_counters(world: World) -> None:
    statuses(world, "correct horse battery", 1)
    with world.engine.connect() as connection:
        stored = connection.execute(text("SELECT string_agg(key, ' ') FROM dashboard_limits")).scalar_one()
    assert HERE in stored
    assert "horse" not in stored


# ---- the counters ----


def test_counters_begin_anew_and_are_swept(database: Engine) -> None:
    clock = cast.Clock()
    counters = Counters(database, clock)
    assert [counters.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    counters.incr("b", 3600)
    assert (counters.get("a"), counters.get("none")) == (3, 0)
    assert counters.get_expiry("a") == pytest.approx((clock.now + timedelta(seconds=60)).timestamp())
    assert counters.decr("a") == 2
    clock.now += timedelta(seconds=60)
    assert counters.get("a") == 0
    assert counters.incr("a", 60) == 1
    clock.now += timedelta(seconds=60)
    counters.sweep()
    with database.connect() as connection:
        assert connection.execute(text("SELECT key FROM dashboard_limits")).scalars().all() == ["b"]


def test_counting_and_sweeping_at_the_same_time_loses_nothing(database: Engine) -> None:
    counters, clock = Counters(database, utc_now), itertools.count()

    def count(_: int) -> int:
        counters.incr(f"expired {next(clock)}", -1)
        counters.sweep()
        return counters.incr("counted", 3600)

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(count, range(60)))
    assert sorted(counts) == list(range(1, 61))


# ---- hashes ----


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stored hashes that passwords were compared with."""
    made: list[str] = []
    verify = passwords._hasher.verify

    class Counted:
        def __getattr__(self, name: str) -> object:
            return getattr(hasher, name)

        def verify(self, stored: str, password: str) -> bool:
            made.append(stored)
            return verify(stored, password)

    hasher = passwords._hasher
    monkeypatch.setattr(passwords, "_hasher", Counted())
    return made


@pytest.mark.parametrize("name", ["ana", "nobody", "disabled", "an\0a"])
def test_every_wrong_attempt_costs_one_hash(world: World, looks: list[str], name: str) -> None:
    """An unknown name, a wrong password and a disabled account take the same time."""
    accounts.Accounts(world.engine).add("disabled", "analyst", cast.PASSWORD)
    accounts.Accounts(world.engine).disable("disabled")
    password = "wrong" if name == "ana" else cast.PASSWORD
    assert attempt(world.client(), name, password).status_code == 401
    (stored,) = looks
    # of the same cost, too
    assert stored.split("$")[:4] == passwords.hashed("any password").split("$")[:4]


def test_an_attempt_too_many_costs_no_hash(world: World, looks: list[str]) -> None:
    statuses(world, "ana", 11)
    assert len(looks) == 10


def test_unknown_names_and_wrong_passwords_are_answered_alike(world: World) -> None:
    def answer(name: str) -> tuple[int, list[tuple[str, str]], bytes]:
        client = world.client()
        token = cast.csrf_token(client)
        form = {"username": name, "password": cast.PASSWORD + "x", "csrf_token": token}
        got = client.post("/login", data=form)
        changing = {"X-Request-ID", "Set-Cookie"}
        headers = [(key, value) for key, value in got.headers if key not in changing]
        # the name as typed, and this form's token
        return (
            got.status_code,
            headers,
            got.data.replace(token.encode(), b"").replace(name.encode(), b"the name"),
        )

    known, unknown = answer("ana"), answer("eva")
    assert known[0] == 401
    assert len(known[1]) > 8
    assert known == unknown


def test_few_passwords_are_looked_at_together() -> None:
    gate, inside, most = Gate(together=2, waiting=3), 0, 0
    lock, full, open_ = threading.Lock(), threading.Barrier(3, timeout=60), threading.Event()

    def pass_through(wait: bool) -> None:
        nonlocal inside, most
        with gate.passed():
            with lock:
                inside += 1
                most = max(most, inside)
            if wait:
                full.wait()
                assert open_.wait(60)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(pass_through, True) for _ in range(2)]
        full.wait()
        waiting += [pool.submit(pass_through, False) for _ in range(3)]
        while gate._places._value:
            pass
        with pytest.raises(ServiceUnavailable) as refused, gate.passed():
            pass
        open_.set()
        for each in waiting:
            each.result(60)
    assert refused.value.retry_after == 2
    assert most == 2
    with gate.passed():
        pass


def test_too_many_at_once_are_told_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard_app.throttling.threading.BoundedSemaphore", Full)
    world = cast.application(world.engine)
    for _ in range(12):  # none of them counts
        answer = attempt(world.client(), "ana", cast.PASSWORD)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert "Try again in a moment." in answer.text


class Full:
    """A semaphore without a free place."""

    def __init__(self, value: int) -> None:
        self.value = value

    def acquire(self, *, blocking: bool) -> bool:
        return blocking
