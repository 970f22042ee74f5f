"""The page of all creators: what it says of them, in any order, a page at a time; for analysts alone."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO, StringIO
from urllib.parse import parse_qs, quote

import pytest
from bs4 import BeautifulSoup
from openpyxl import load_workbook
from sqlalchemy import Engine, text

from aggregation.leaderboard import Order, Sort
from aggregation.periods import Period
from aggregation.publishing import aggregate
from aggregation.queries import Store
from aggregation.schema import source
from callbacks import creators
from layouts.exports import harmless, literal
from tests import cast, hostile
from tests.cast import World, run_callback
from tests.conftest import fresh
from tests.hostile import NAMES
from tests.integration.test_access import FILLS
from tests.integration.test_pages import Shown, answer, words
from tests.spec.tables import change, fill

# Six creators; the days before are 19 to 25 February, these are 26 February to 4 March 2026.
PLATFORM = """
    users
    id | username | is_creator | followers | created_at
    1  | ann      | true       | 30        | 2026-01-01
    2  | Annika   | true       | 20        | 2026-01-01
    3  | bob      | true       | 10        | 2026-01-01
    4  | 100%_    | true       | 5         | 2026-01-01
    5  |          | true       | 0         | 2026-01-01
    6  | dora     | true       | 0         | 2026-01-01
    7  | vera     | false      | 0         | 2026-01-01
    8  | vito     | false      | 0         | 2026-01-01

    videos
    id | creator_id
    1  | 1
    2  | 2

    virtual_gifts
    sender_id | recipient_id | video_id | creator_share | created_at
    7         | 1            | 1        | 10.00         | 2026-02-20 10:00
    7         | 6            | null     | 3.00          | 2026-02-19 10:00
    7         | 1            | 1        | 15.00         | 2026-02-28 10:00
    8         | 1            | 1        | 5.00          | 2026-03-01 10:00
    7         | 2            | 2        | 20.00         | 2026-03-01 10:00
    7         | 3            | null     | 20.00         | 2026-03-04 10:00
    7         | 3            | null     | 0.00          | 2026-03-04 11:00
    7         | 3            | null     | 0.00          | 2026-03-04 12:00
    7         | 4            | null     | 1.00          | 2026-03-04 11:00

    video_watches
    video_id | watched_at
    1        | 2026-02-27 10:00
    1        | 2026-02-27 11:00
    1        | 2026-03-02 11:00
    1        | 2026-03-02 12:00
    2        | 2026-03-02 12:00

    video_interactions
    video_id | kind | created_at
    1        | like | 2026-03-02 11:00

    follows
    follower_id | creator_id | created_at
    7           | 1          | 2026-03-05 01:00
"""
WEEK = Period(date(2026, 2, 26), date(2026, 3, 4))
BEFORE = WEEK.shifted(-7)


@pytest.fixture(scope="module")
def six_template(server: str, template: str) -> Iterator[World]:
    """Not changed by any test."""
    for engine in fresh(server, template):
        source.create_all(engine)
        fill(engine, PLATFORM)
        aggregate(engine, clock=lambda: cast.NOW)
        yield cast.with_accounts(engine)


@pytest.fixture
def six(six_template: World) -> World:
    return six_template


def board(world: World, search: str = "?days=7") -> list[str]:
    return answer(world, "ana", "creators", search).rows("leaderboard")


def names(world: World, search: str) -> list[str]:
    page = answer(world, "ana", "creators", search).page
    return [words(cell) for cell in page.select("[data-table=leaderboard] tbody th")]


# ---- what it says ----


def test_the_board(six: World) -> None:
    """Of equal earnings more gifts come first, then the lower id. Ann's follower of today isn't there yet."""
    assert board(six) == [
        "bob $20.00 new 3 1 10 — —",
        "ann $20.00 +100.0% 2 2 29 25.00% $5,000.00",
        "Annika $20.00 new 1 1 20 0.00% $20,000.00",
        "100%_ $1.00 new 1 1 5 — —",
        "Creator 5 $0.00 0% 0 0 0 — —",
        "dora $0.00 −100.0% 0 0 0 — —",
    ]


def test_cards(six: World) -> None:
    """Four earned 20, 20, 20 and 1; before, two earned 10 and 3."""
    kpis = answer(six, "ana", "creators", "?days=7").kpis()
    assert kpis == {
        "active_earners": ("4", "+100.0% before: 2"),
        "median_earnings": ("$20.00", "+207.7% before: $6.50"),
        # one of four
        "top_1_share": ("32.8%", "−44.14 pp before: 76.9%"),
        # 2 (1 + 2 × 20 + 3 × 20 + 4 × 20) / (4 × 61) − 5 / 4
        "gini": ("23.4%", "−3.56 pp before: 26.9%"),
        "went_dark": ("1", "earned before, nothing now"),
    }


def test_without_a_comparison_nobody_went_dark(six: World) -> None:
    shown = answer(six, "ana", "creators", "?days=7&compare=none")
    assert shown.kpis()["went_dark"] == ("—", "needs a period to compare with")
    assert shown.kpis()["active_earners"] == ("4", "nothing to compare with")
    assert shown.rows("leaderboard")[0].startswith("bob $20.00 — 3")
    assert not shown.page.select("#sort-change")


def test_figures(six: World) -> None:
    shown = answer(six, "ana", "creators", "?days=7")
    now, before, alike = shown.figures["creators-lorenz"]["data"]
    assert now["x"] == before["x"] == alike["x"] == alike["y"] == list(range(101))
    assert [round(now["y"][percent], 1) for percent in (0, 25, 50, 75, 100)] == [0, 1.6, 34.4, 67.2, 100]
    assert [round(before["y"][percent], 1) for percent in (0, 25, 50, 100)] == [0, 11.5, 23.1, 100]
    assert "Of 4 creators with earnings. The top 10% earned 32.8%" in shown.text
    (dots,) = shown.figures["creators-views_rpm"]["data"]
    assert list(zip(dots["meta"]["names"], dots["x"], dots["y"], strict=True)) == [
        ("ann", 4, 5000.0),
        ("Annika", 1, 20000.0),
    ]
    links = shown.figures["creators-views_rpm"]["layout"]["meta"]["links"]
    assert links == [f"/creators/{number}?days=7&compare=previous" for number in (1, 2)]


# ---- order, search and pages ----

ORDERS = {
    "earnings": ["bob", "ann", "Annika", "100%_", "Creator 5", "dora"],
    "change": ["bob", "Annika", "100%_", "ann", "Creator 5", "dora"],
    "gifts": ["bob", "ann", "Annika", "100%_", "Creator 5", "dora"],
    "supporters": ["ann", "bob", "Annika", "100%_", "Creator 5", "dora"],
    "followers": ["ann", "Annika", "bob", "100%_", "Creator 5", "dora"],
    "engagement": ["ann", "Annika", "bob", "100%_", "Creator 5", "dora"],
    "rpm": ["Annika", "ann", "bob", "100%_", "Creator 5", "dora"],
    "name": ["dora", "Creator 5", "bob", "Annika", "ann", "100%_"],
}


def test_nonsense_orders_as_usual(six: World) -> None:
    for search in ("&sort=x", "&sort=__class__&order=up", "&order=", "&sort=Earnings", "&page=0", "&page=-1"):
        assert names(six, f"?days=7{search}") == names(six, "?days=7")
    assert names(six, "?days=7&page=99999999") == names(six, "?days=7")
    assert names(six, "?days=7&compare=none&sort=change") == names(six, "?days=7")


@pytest.mark.parametrize(
    ("find", "found"),
    [
        ("ann", ["ann", "Annika"]),
        ("ANN", ["ann", "Annika"]),
        ("%", ["100%_"]),
        ("_", ["100%_"]),
        ("\\", []),
        ("5", ["Creator 5"]),
        ("creator", ["Creator 5"]),
        ("3", ["bob"]),
        (" bob ", ["bob"]),
        ("\0bob", ["bob"]),
        ("' OR 1=1 --", []),
        ("9" * 40, []),
        ("٣", []),
    ],
)
def test_search(six: World, find: str, found: list[str]) -> None:
    address = f"?days=7&find={quote(find)}"
    assert sorted(names(six, address)) == sorted(found)
    page = six.signed_in("ana").get(f"/creators{address}")
    assert page.status_code == 200
    if not found:
        assert "Nobody is called" in page.text


@pytest.mark.parametrize("find", ["\ud800", {"x": 1}, None, "\ue000\ue001", "a" * 5000])
def test_no_search_is_an_error_of_ours(six: World, find: object) -> None:
    value = f"?days=7&find={find}" if isinstance(find, str) else find
    got = run_callback(six.signed_in("ana"), FILLS["creators"], ("creators-address.search", value))
    assert got.status_code == 200


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creators, "ROWS", 2)


@pytest.mark.usefixtures("pages_of_two")
@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_put_together_are_everybody_once(six: World, sort: str, order: str) -> None:
    def page(number: int) -> list[str]:
        return names(six, f"?days=7&sort={sort}&order={order}&page={number}")

    everybody = [*page(1), *page(2), *page(3)]
    assert page(4) == page(3)
    if order == "desc":
        assert everybody == ORDERS[sort]
    assert sorted(everybody) == sorted(ORDERS["name"])


@pytest.mark.usefixtures("pages_of_two")
def test_links_keep_what_they_do_not_change(six: World) -> None:
    address = "?days=7&compare=weekday&sort=gifts&order=asc&find=a&page=2"
    page = BeautifulSoup(six.signed_in("ana").get(f"/creators{address}").text, "html.parser")
    links = {
        str(link.get("id")): parse_qs(str(link["href"]).lstrip("?")) for link in page.select(".board a[id]")
    }
    kept = {"days": ["7"], "compare": ["weekday"], "find": ["a"]}
    assert links["sort-gifts"] == kept | {"sort": ["gifts"], "order": ["desc"]}
    assert links["sort-name"] == kept | {"sort": ["name"], "order": ["asc"]}
    assert links["page-previous"] == kept | {"sort": ["gifts"], "order": ["asc"], "page": ["1"]}
    form = {str(field["name"]): str(field["value"]) for field in page.select("form[role=search] input")}
    assert form == {"days": "7", "compare": "weekday", "sort": "gifts", "order": "asc", "find": "a"}
    (head,) = page.select("th[aria-sort]")
    assert (head["aria-sort"], words(head)) == ("ascending", "Gifts ↑")
    assert {str(link["href"]) for link in page.select(".board tbody a")} <= {
        f"/creators/{number}?days=7&compare=weekday" for number in range(1, 7)
    }


# ---- true ----


def test_the_same_as_on_each_creators_page(six: World) -> None:
    for line, creator in zip(board(six, "?days=7&sort=name&order=asc"), (4, 1, 2, 3, 5, 6), strict=True):
        address = ("my-dashboard-address.search", f"/creators/{creator}?days=7")
        got = run_callback(six.signed_in("ana"), FILLS["my-dashboard"], address)
        own = Shown(got.get_json()["response"]).kpis()
        earned, gifts, supporters, followers = (
            own[name][0] for name in ("gift_revenue", "gifts_received", "supporters", "followers")
        )
        assert f" {earned} " in line
        assert f" {gifts} {supporters} {followers} " in line
        engagement = own["engagement_rate"][0]
        assert re.search(rf" {engagement[:-1]}0?% " if engagement != "—" else " — ", line)


PERIODS = [
    (Period(date(2026, 2, 26), date(2026, 3, 4)), BEFORE),
    (Period(date(2026, 1, 1), date(2026, 3, 4)), None),
    (Period(date(2026, 2, 20), date(2026, 2, 20)), Period(date(2026, 2, 19), date(2026, 2, 19))),
    (Period(date(2026, 2, 1), date(2026, 2, 28)), Period(date(2026, 1, 4), date(2026, 1, 31))),
    (Period(date(2026, 3, 1), date(2026, 3, 4)), Period(date(2026, 2, 25), date(2026, 2, 28))),
]
RECOUNT = """
    SELECT p.creator_id,
           coalesce(sum(gift_revenue) FILTER (WHERE m.date BETWEEN :first AND :last), 0),
           coalesce(sum(gift_revenue) FILTER (WHERE m.date BETWEEN :from AND :to), 0),
           coalesce(sum(gifts_received) FILTER (WHERE m.date BETWEEN :first AND :last), 0),
           coalesce(sum(video_views) FILTER (WHERE m.date BETWEEN :first AND :last), 0),
           coalesce(sum(video_likes + video_comments + video_shares)
                    FILTER (WHERE m.date BETWEEN :first AND :last), 0),
           (SELECT coalesce(sum(creator_share), 0) FROM virtual_gifts JOIN videos v ON v.id = video_id
            WHERE recipient_id = p.creator_id AND v.creator_id = p.creator_id
              AND virtual_gifts.created_at::date BETWEEN :first AND :last),
           (SELECT count(DISTINCT sender_id) FROM virtual_gifts
            WHERE recipient_id = p.creator_id AND created_at::date BETWEEN :first AND :last)
    FROM creator_profiles p LEFT JOIN creator_metrics m USING (creator_id)
    GROUP BY p.creator_id ORDER BY 1
"""


@pytest.mark.parametrize(("period", "before"), PERIODS)
def test_any_period_is_the_same_as_added_up_from_each_day(
    six: World, period: Period, before: Period | None
) -> None:
    with Store(six.engine).read() as queries:
        found = sorted(queries.standings(period, before, Order(), None))
    earlier = before or period.shifted(-1000)
    days = {"first": period.first, "last": period.last, "from": earlier.first, "to": earlier.last}
    with six.engine.connect() as connection:
        expected = [tuple(row) for row in connection.execute(text(RECOUNT), days)]
    assert [
        (
            row.creator_id,
            row.earnings,
            row.before or 0,
            row.gifts,
            row.views,
            row.reactions,
            row.video_earnings,
            row.supporters,
        )
        for row in found
    ] == expected


def test_a_day_that_was_not_summed_up_is_said(database: Engine) -> None:
    source.create_all(database)
    fill(database, PLATFORM)
    aggregate(database, clock=lambda: cast.NOW)
    world = cast.with_accounts(database)
    change(database, "DELETE FROM job_runs WHERE job = 'months'")
    shown = answer(world, "ana", "creators", "?days=7")
    assert "The worker is still adding up these days" in shown.text
    assert shown.kpis() == {}
    assert world.signed_in("ana").get("/export/creators.csv?days=7").status_code == 404
    change(database, "UPDATE data_versions SET version = version + 1")
    aggregate(database, only=["months"], clock=lambda: cast.NOW)
    assert board(world)[0].startswith("bob $20.00")


def test_supporters_that_nobody_has_counted_are_not_zero(database: Engine) -> None:
    source.create_all(database)
    fill(database, PLATFORM)
    aggregate(database, clock=lambda: cast.NOW)
    change(database, "DELETE FROM job_runs WHERE job = 'supporter_returns'")
    shown = answer(cast.with_accounts(database), "ana", "creators", "?days=7")
    assert shown.rows("leaderboard")[0] == "bob $20.00 new 3 — 10 — —"
    assert "Supporters: not computed for all of these days yet." in shown.text


def test_missing_sources_are_named(database: Engine) -> None:
    source.create_all(database)
    change(database, "DROP TABLE video_watches, video_interactions, follows")
    without = [
        block
        for block in PLATFORM.split("\n\n")
        if block.split()[0] not in ("video_watches", "video_interactions", "follows")
    ]
    fill(database, "\n\n".join(without))
    aggregate(database, clock=lambda: cast.NOW)
    shown = answer(cast.with_accounts(database), "ana", "creators", "?days=7")
    assert "Not available: needs the platform's watches." in shown.text
    assert shown.rows("leaderboard")[1] == "ann $20.00 +100.0% 2 2 30 — —"


def test_nothing_aggregated_yet(database: Engine) -> None:
    world = cast.make(database, aggregated=False)
    assert "No numbers yet" in answer(world, "ana", "creators").text
    assert world.signed_in("ana").get("/export/creators.csv").status_code == 404


def test_a_platform_without_earnings(database: Engine) -> None:
    source.create_all(database)
    fill(database, PLATFORM)
    change(database, "DELETE FROM virtual_gifts")
    aggregate(database, clock=lambda: cast.NOW)
    shown = answer(cast.with_accounts(database), "ana", "creators", "?days=7")
    assert shown.kpis()["gini"] == ("—", "nobody earned in this period")
    assert shown.kpis()["active_earners"] == ("0", "0% before: 0")
    assert "Nobody earned in this period." in shown.text
    assert len(shown.rows("leaderboard")) == 6


# ---- files ----


def file(world: World, question: str) -> dict[str, list[list[str]]]:
    got = world.signed_in("ana").get(f"/export/creators.csv{question}")
    assert got.status_code == 200
    tables: dict[str, list[list[str]]] = {}
    name = ""
    for row in csv.reader(StringIO(got.data.decode("utf-8-sig"), newline=""), strict=True):
        if len(row) == 1:
            name = row[0]
        elif row:
            tables.setdefault(name, []).append(row)
    return tables


@pytest.mark.usefixtures("pages_of_two")
def test_a_file_has_all_rows_of_the_search(six: World) -> None:
    found = file(six, "?days=7&find=ann&sort=rpm&order=asc&page=7")
    facts = dict(found[""])
    assert facts["Sorted by"] == "RPM, smallest first"
    assert facts["Search"] == "ann"
    assert facts["Rows: Leaderboard"] == "2"
    heads, *rows = found["Leaderboard"]
    assert [row[0] for row in rows] == ["ann", "Annika"]
    assert dict(zip(heads, rows[0], strict=True)) == {
        "Creator": "ann",
        "Creator id": "1",
        "Earnings ($)": "20.00",
        "Before ($)": "10.00",
        "Change (%)": "100.0000",
        "Gifts": "2",
        "Supporters": "2",
        "Followers": "29",
        "Views": "4",
        "Likes, comments, shares": "1",
        "Engagement (%)": "25.0000",
        "Earnings with a video ($)": "20.00",
        "RPM ($)": "5000.00",
    }
    assert len(file(six, "?days=7")["Leaderboard"]) == 7


def test_the_workbook_has_the_same(six: World) -> None:
    got = six.signed_in("ana").get("/export/creators.xlsx?days=7")
    book = load_workbook(BytesIO(got.data))
    assert book.sheetnames == ["About", "Key numbers", "Leaderboard"]
    assert [cell.value for cell in book["Leaderboard"]["A"]][1:] == ORDERS["earnings"]
    assert book["Leaderboard"]["C2"].value == 20
    assert book["Key numbers"]["C2"].value == 4


# ---- who must not, and names ----


def test_creators_get_none_of_it(world: World) -> None:
    client = world.signed_in("cleo")
    for search in ("", "?days=7&find=carl", "?days=7&sort=earnings"):
        assert client.get(f"/creators{search}").status_code == 403
        got = run_callback(client, FILLS["creators"], ("creators-address.search", search))
        assert got.status_code == 403
        for ending in ("csv", "xlsx"):
            assert client.get(f"/export/creators.{ending}{search}").status_code == 403
    assert world.client().get("/creators").status_code == 302


@pytest.fixture(scope="module")
def renamed(server: str, cast_template: str, request: pytest.FixtureRequest) -> Iterator[tuple[World, str]]:
    """Carl has the name. Not changed by any test."""
    for engine in fresh(server, cast_template):
        hostile.plant(engine, {cast.CARL: request.param}, [])
        yield cast.application(engine), request.param


every_name = pytest.mark.parametrize("renamed", NAMES, indirect=True)


@every_name
def test_any_name_is_shown_and_does_nothing(shared: World, renamed: tuple[World, str]) -> None:
    world, name = renamed
    usual, page = (
        BeautifulSoup(each.signed_in("ana").get("/creators?days=7&compare=none").text, "html.parser")
        for each in (shared, world)
    )
    shown = [cell.text for cell in page.select("[data-table=leaderboard] tbody th bdi")]
    assert [literal(each) for each in shown] == [literal(name), "cleo"]
    for tag in ("script", "a", "b", "img", "form", "input"):
        assert len(page.select(tag)) == len(usual.select(tag))
    body = world.signed_in("ana").get("/export/creators.csv?days=7").data.decode("utf-8-sig")
    assert any(row[:2] == [harmless(name), "2"] for row in csv.reader(StringIO(body, newline="")))


@every_name
def test_any_name_can_be_searched_for(renamed: tuple[World, str]) -> None:
    world, name = renamed
    part = creators.sought(name[:40])
    page = BeautifulSoup(
        world.signed_in("ana").get(f"/creators?days=7&find={quote(part)}").text, "html.parser"
    )
    assert len(page.select("[data-table=leaderboard] tbody tr")) == 1
    field = page.select_one("#find")
    assert field is not None
    assert literal(str(field["value"])) == literal(part)


def test_every_sort_is_offered(six: World) -> None:
    page = answer(six, "ana", "creators", "?days=7").page
    assert {str(link["id"]) for link in page.select("thead a")} == {f"sort-{sort}" for sort in Sort}
