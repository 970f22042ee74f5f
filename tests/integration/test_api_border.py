"""What the API refuses: each parameter and each body that makes no sense, before any query."""

from typing import Any

import pytest

from tests import cast
from tests.cast import World

DAYS = "days must be a whole number from 1 to 3660"
DATE = "date must be a day such as 2026-11-20"
NO_NUMBERS = [
    "0",
    "-1",
    "+5",
    "3661",
    "30.0",
    "1e3",
    "1_0",
    "0x1e",
    "abc",
    "",
    " ",
    " 7",
    "7 ",
    "٣",
    "१२",
    "７",
    "²",
    "9" * 400,
    "true",
    "null",
    "[30]",
    "NaN",
    "7;--",
    "7\x00",
]


@pytest.fixture(scope="module")
def read(shared: World) -> Any:
    client = shared.signed_in("ana")
    return lambda route, **asked: client.get(f"/api/analytics/{route}", query_string=asked)


# ---- days ----


@pytest.mark.parametrize("days", NO_NUMBERS)
def test_days_that_are_no_number_from_1_to_3660(read: Any, days: str) -> None:
    for route in ("dashboard", f"creator/{cast.CLEO}", "revenue-breakdown", "retention", "gifts"):
        answer = read(route, days=days)
        assert (answer.status_code, answer.get_json()) == (422, {"error": DAYS})


def test_days_given_twice(read: Any) -> None:
    answer = read("dashboard", days=["7", "7"])
    assert (answer.status_code, answer.get_json()) == (422, {"error": DAYS})


@pytest.mark.parametrize("days", ["1", "3660"])
def test_the_ends_of_the_range_are_inside(read: Any, days: str) -> None:
    assert len(read("dashboard", days=days).get_json()["data"]["analytics"]) == int(days)


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "50001"), ("offset", "-1"), ("offset", "x")]
)
def test_parts_that_can_not_be(read: Any, name: str, value: str) -> None:
    answer = read("gifts", **{name: value})
    assert answer.status_code == 422
    assert answer.get_json()["error"].startswith(f"{name} must be a whole number from ")


# ---- ids ----


@pytest.mark.parametrize(
    "creator",
    [
        "abc",
        "-1",
        "1.0",
        "+1",
        "01",
        "1_0",
        "٣",
        "１",
        "%00",
        "1%00",
        "%20",
        "9" * 20,
        "9" * 4000,
        "1/2",
        "1;2",
    ],
)
def test_creators_that_are_no_id(shared: World, creator: str) -> None:
    for who, status in (("ana", 404), ("cleo", 404)):
        answer = shared.signed_in(who).get(f"/api/analytics/creator/{creator}")
        assert answer.status_code == status
        assert set(answer.get_json()) == {"error"}
    assert shared.client().get(f"/api/analytics/creator/{creator}").status_code == 401


def test_the_largest_id_is_only_unknown(read: Any) -> None:
    answer = read(f"creator/{2**63 - 1}")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "No such creator"})
    assert read(f"creator/{2**63}").get_json() != {"error": "No such creator"}


# ---- methods ----


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "TRACE"])
def test_methods_that_a_route_does_not_have(world: World, method: str) -> None:
    answer = world.signed_in("ana").open("/api/analytics/dashboard", method=method)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert set(answer.get_json()) == {"error"}


def test_what_is_only_done_by_post(world: World) -> None:
    answer = world.signed_in("ada").get("/api/analytics/calculate-daily")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    options = world.signed_in("ada").options("/api/analytics/calculate-daily")
    assert set(options.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_head_and_options(world: World) -> None:
    client = world.signed_in("ana")
    head = client.head("/api/analytics/dashboard")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == client.get("/api/analytics/dashboard").headers["ETag"]
    assert client.options("/api/analytics/dashboard").status_code == 200
    assert world.client().head("/api/analytics/dashboard").status_code == 401
    assert world.client().options("/api/analytics/dashboard").status_code == 401


def test_addresses_that_do_not_exist(read: Any) -> None:
    for route in ("", "nothing", "dashboard/", "dashboard/1", "creator/", "creator"):
        answer = read(route)
        assert answer.status_code == 404
        assert set(answer.get_json()) == {"error"}


# ---- bodies ----


@pytest.fixture
def post(world: World) -> Any:
    client = world.signed_in("ada")
    return lambda route, **sent: client.post(
        f"/api/analytics/{route}", headers=cast.csrf_header(client), **sent
    )


NO_DAYS = [
    "2026-02-30",
    "20260301",
    "2026-3-1",
    "2026-03-01T00:00:00",
    "2026-03-01 ",
    " 2026-03-01",
    "0000-01-01",
    "10000-01-01",
    "٢٠٢٦-٠٣-٠١",
    "２０２６-03-01",
    "2026-W10-1",
    "",
    "today",
    "2026-03-01\n",
    20260301,
    1.5,
    True,
    None,
    ["2026-03-01"],
    {"date": "2026-03-01"},
]


@pytest.mark.parametrize("day", NO_DAYS, ids=repr)
def test_dates_that_are_none(post: Any, day: Any) -> None:
    answer = post("calculate-daily", json={"date": day})
    assert (answer.status_code, answer.get_json()) == (422, {"error": DATE})


@pytest.mark.parametrize("days", [0, -1, 3661, 10**400, 30.0, "30", True, None, [30], {}], ids=repr)
def test_forecasts_of_days_that_are_no_number(post: Any, days: Any) -> None:
    answer = post("forecast", json={"days": days}) if days != 10**400 else post("forecast", **raw_number())
    assert answer.status_code in (400, 422)
    assert answer.status_code == 400 or answer.get_json() == {"error": DAYS}


def raw_number() -> dict[str, str]:
    return {"data": '{"days": 1' + "0" * 400 + "}", "content_type": "application/json"}


@pytest.mark.parametrize("body", ["[]", '"2026-03-01"', "null", "1", "true"])
def test_bodies_that_are_no_object(post: Any, body: str) -> None:
    answer = post("calculate-daily", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()) == (422, {"error": "the body must be a JSON object"})


def test_members_that_nobody_knows(post: Any) -> None:
    answer = post("calculate-daily", json={"date": "2026-03-03", "colour": "red"})
    assert (answer.status_code, answer.get_json()) == (422, {"error": "colour is not known here"})


def test_names_that_a_request_made_up_are_repeated_as_words_and_not_at_length(post: Any) -> None:
    answer = post("calculate-daily", json={"date": "2026-03-03", "<script>" + "x" * 10_000: 1})
    assert answer.status_code == 422
    assert answer.mimetype == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.get_json()["error"]) < 100


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"days": NaN}', b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000, b"{'date': 1}"],
    ids=repr,
)
def test_bodies_that_are_no_json(post: Any, body: bytes) -> None:
    answer = post("forecast", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()) == (400, {"error": "The body is not valid JSON."})


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_bodies_of_another_kind(post: Any, kind: str) -> None:
    answer = post("calculate-daily", data='{"date": "2026-03-03"}', content_type=kind)
    assert answer.status_code == 400
    assert "application/json" in answer.get_json()["error"]


def test_bodies_that_are_too_large(post: Any) -> None:
    answer = post("calculate-daily", json={"date": "x" * 2_000_000})
    assert (answer.status_code, set(answer.get_json())) == (413, {"error"})
