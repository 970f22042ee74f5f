"""Earnings, statements and Supporters, asked over HTTP as a browser does."""

import csv
from datetime import date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import Engine, insert, text

from aggregation import supporters as people
from aggregation.demo import Scale, load
from aggregation.earnings import Sums
from aggregation.partitions import require_months
from aggregation.periods import Period
from aggregation.publishing import aggregate
from aggregation.queries import Store
from aggregation.schema import creator_forecasts, supporter_totals
from aggregation.supporters import Standing, standing_of
from tests import cast, hostile
from tests.cast import CARL, CARLS_NUMBERS, CLEO, World
from tests.integration.test_pages import answer, words
from tests.spec.tables import change, fill

MARCH = "/me/statement/2026-03"


def forecast_for(engine: Engine, creator_id: int) -> None:
    """$2 a day, ±: a year of history through 4 March."""
    weekdays = {f"weekday_{number}": 2.0 for number in range(7)}
    row = {"creator_id": creator_id, "made_on": date(2026, 3, 5), "data_through": date(2026, 3, 4)}
    spreads = {"spread_1": 1.0, "spread_7": 2.0, "spread_30": 4.0}
    with engine.begin() as connection:
        connection.execute(insert(creator_forecasts).values(**row, **weekdays, **spreads, history_days=365))


# ---- Earnings ----


def test_earnings_cards(world: World) -> None:
    """Cleo was given 7 + 14 + 21 and 70 that was refunded, all of it in March; February had nothing."""
    cards = answer(world, "cleo", "earnings", "?days=7").kpis()
    assert cards["month_so_far"] == ("$42.00", "1 – 4 Mar 2026")
    assert cards["projected_month"][0] == "—"
    assert cards["refunded"] == ("$70.00", "new before: $0.00 62.5% of what was earned")
    assert cards["best_day"] == ("$21.00", "nothing to compare with Wed 4 Mar 2026")


def test_the_projected_month_is_what_came_and_the_rest(world: World) -> None:
    """27 days to come, $2 each."""
    forecast_for(world.engine, CLEO)
    shown = answer(world, "cleo", "earnings", "?days=7")
    value, about = shown.kpis()["projected_month"]
    assert value == "$96.00"
    assert "27 days to come" in about
    (kept, coming, refunded) = shown.figures["earnings-months"]["data"]
    assert (kept["y"], coming["y"], refunded["y"]) == ([42.0], [54.0], [70.0])


def test_the_ledger_and_the_sparks(world: World) -> None:
    shown = answer(world, "cleo", "earnings", "?days=7")
    assert shown.rows("ledger") == ["Mar 2026 $0.00 $112.00 $70.00 $42.00 Open"]
    assert shown.figures["earnings-by_spark"]["data"][0]["y"] == ["Ember · $42.00"]


@pytest.mark.parametrize(
    ("scenario", "middle"),
    [("none", 60.0), ("more", 66.0), ("fewer", 54.0), ("top", 30.0), ("nonsense", 60.0)],
)
def test_what_if(world: World, scenario: str, middle: float) -> None:
    """The next 30 days are $60; vera and vito gave half each."""
    forecast_for(world.engine, CLEO)
    shown = answer(world, "cleo", "earnings", f"?days=7&what_if={scenario}")
    band, points = shown.figures["earnings-what_if"]["data"]
    assert points["y"][0] == 60.0
    assert points["y"][-1] == pytest.approx(middle)
    # the limits go along
    assert band["base"][-1] / band["base"][0] == pytest.approx(middle / 60)
    assert band["customdata"][-1] / band["customdata"][0] == pytest.approx(middle / 60)
    chosen = shown.page.select_one("select[name=what_if] option[selected]")
    assert chosen is not None
    assert chosen["value"] == ("none" if scenario == "nonsense" else scenario)


def test_without_a_forecast_a_what_if_says_why(world: World) -> None:
    assert "There is no forecast yet" in answer(world, "cleo", "earnings").text


def test_nothing_is_shown_before_sparks_are_counted(world: World) -> None:
    """As after an upgrade, until the worker's first pass."""
    change(world.engine, "DELETE FROM job_runs WHERE job = 'sparks'")
    shown = answer(world, "cleo", "earnings")
    assert "Not counted yet" in shown.text
    assert shown.kpis() == {}
    assert world.signed_in("cleo").get(MARCH).status_code == 404
    assert world.signed_in("cleo").get("/export/earnings.csv").status_code == 404


# ---- statements ----


def statement_rows(page: str, table: str) -> list[str]:
    found = BeautifulSoup(page, "html.parser").select(f"[data-table={table}] tbody tr")
    return [words(row) for row in found]


def test_a_statement_balances_and_can_be_read_by_day(world: World) -> None:
    page = world.signed_in("cleo").get(MARCH).text
    assert statement_rows(page, "statement") == [
        "Opening $0.00",
        "Earned 4 $112.00",
        "Refunded 1 −$70.00",
        "Closing $42.00",
    ]
    assert statement_rows(page, "statement-sparks") == ["Ember 4 $112.00 $70.00"]
    assert statement_rows(page, "statement-days") == [
        "1 Mar 2026 1 $7.00 $0.00 $7.00",
        "3 Mar 2026 1 $14.00 $0.00 $21.00",
        "4 Mar 2026 2 $91.00 $70.00 $42.00",
    ]
    assert "the month isn't over" in page


def test_a_later_refund_is_booked_where_its_gift_was(world: World) -> None:
    change(world.engine, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 1")
    aggregate(world.engine, clock=lambda: cast.NOW)
    page = world.signed_in("cleo").get(MARCH).text
    assert statement_rows(page, "statement")[1:] == [
        "Earned 4 $112.00",
        "Refunded 2 −$77.00",
        "Closing $35.00",
    ]
    assert statement_rows(page, "statement-days")[0] == "1 Mar 2026 1 $7.00 $7.00 $0.00"


@pytest.mark.parametrize(
    "month", ["2026-02", "2026-04", "2026-13", "2026-00", "0000-01", "2026-3", "٢٠٢٦-٠٣", "x", "2026-03-01"]
)
def test_there_is_no_statement_of_what_is_no_month_of_theirs(shared: World, month: str) -> None:
    assert shared.signed_in("cleo").get(f"/me/statement/{month}").status_code == 404


@pytest.mark.parametrize(("who", "status"), [("ada", 403), ("ana", 403), ("", 302)])
def test_statements_are_for_creators_alone(world: World, who: str, status: int) -> None:
    client = world.signed_in(who) if who else world.client()
    assert client.get(MARCH).status_code == status


def test_a_statement_is_the_viewers_whatever_the_address_says(world: World) -> None:
    for address in (f"{MARCH}?creator_id=2", f"{MARCH}?creator=2&id=2"):
        page = world.signed_in("cleo").get(address).text
        assert not any(number in page for number in CARLS_NUMBERS)
    assert "777.77" in world.signed_in("carl").get(MARCH).text


# ---- Supporters ----


def test_supporters_cards(world: World) -> None:
    """Vera gave 21, vito 21: two alike."""
    cards = answer(world, "cleo", "supporters", "?days=7").kpis()
    assert {name: value for name, (value, _) in cards.items()} == {
        "supporters": "2",
        "new_supporters": "2",
        "returning_share": "0.0%",
        "effective_supporters": "2",
        "top_supporter_share": "50.0%",
        "cooling_supporters": "0",
    }


def test_supporters_are_listed_by_what_they_gave(world: World) -> None:
    shown = answer(world, "cleo", "supporters", "?days=7")
    assert shown.rows("supporters") == [
        "vera $21.00 new 3 Mar 2026 2 days Ember",
        "vito $21.00 new 4 Mar 2026 — Ember",
    ]
    assert shown.drawn() == {"supporters-cumulative_share", "supporters-new_and_returning"}
    again, new = shown.figures["supporters-new_and_returning"]["data"]
    assert (new["y"][-4:], again["y"][-4:]) == ([1, 0, 0, 1], [0, 0, 1, 0])


def test_supporters_of_another_creator_are_never_shown(world: World) -> None:
    fill(world.engine, "users\nid | username\n77 | carlsfan")
    fill(
        world.engine,
        """
        virtual_gifts
        id | sender_id | recipient_id | creator_share | created_at
        90 | 77        | 2            | 555.55        | 2026-03-04 10:00
        """,
    )
    aggregate(world.engine, clock=lambda: cast.NOW)
    assert "carlsfan" in answer(world, "carl", "supporters").text
    for search in ("", "?state=new", "?page=2", "?creator_id=2", "?state=earlier&creator=2&page=1"):
        shown = answer(world, "cleo", "supporters", search)
        assert "carlsfan" not in shown.text
        assert "555.55" not in shown.text
    for ending in ("csv", "xlsx"):
        file = world.signed_in("cleo").get(f"/export/supporters.{ending}?creator_id=2").data
        assert b"carlsfan" not in file


@pytest.mark.parametrize("who", ["ana", "ada"])
@pytest.mark.parametrize("path", ["/me/earnings", "/me/supporters", "/export/supporters.csv"])
def test_the_pages_are_for_creators_alone(world: World, who: str, path: str) -> None:
    assert world.signed_in(who).get(path).status_code == 403


def test_who_has_left_the_platform_has_no_name(world: World) -> None:
    change(world.engine, "DELETE FROM users WHERE id = 3")
    aggregate(world.engine, clock=lambda: cast.NOW)
    shown = answer(world, "cleo", "supporters", "?days=7")
    assert shown.rows("supporters")[0].startswith("left the platform $21.00")


PERIOD = Period(date(2026, 3, 1), date(2026, 3, 30))


@pytest.mark.parametrize(
    ("first", "last", "cooling_from", "standing"),
    [
        ((3, 1), (3, 30), None, Standing.NEW),
        ((2, 28), (3, 1), None, Standing.RETURNING),
        ((1, 5), (2, 28), None, Standing.LAPSED),
        ((1, 5), (1, 30), None, Standing.LAPSED),
        ((1, 5), (1, 29), None, Standing.EARLIER),
        ((1, 5), (3, 1), (3, 30), Standing.COOLING),
        ((1, 5), (3, 1), (3, 31), Standing.RETURNING),
        ((1, 5), (1, 6), (2, 1), Standing.COOLING),
    ],
)
def test_standings(
    world: World,
    first: tuple[int, int],
    last: tuple[int, int],
    cooling_from: tuple[int, int] | None,
    standing: Standing,
) -> None:
    """Of one supporter, in Python and in SQL."""
    came, went = date(2026, *first), date(2026, *last)
    cold = cooling_from and date(2026, *cooling_from)
    assert standing_of(came, went, cold, PERIOD) is standing
    # cooling_from = last_day + 3 × gap + 1
    gap = (cold - went).days // 3 if cold else None
    gifts = 3 if cold else 2
    days = (cold - went).days - 1 - 3 * (gap or 0) if cold and gap else 0
    if days:
        return
    change(world.engine, "DELETE FROM supporter_totals")
    with world.engine.begin() as connection:
        require_months(connection, supporter_totals, went, went)
    change(
        world.engine,
        "INSERT INTO supporter_totals (creator_id, supporter_id, first_day, last_day, gift_days, gifts, "
        f"amount, usual_gap) VALUES (1, 3, '{came}', '{went}', 2, {gifts}, 1, {gap if cold else 'NULL'})",
    )
    with Store(world.engine).read() as queries:
        found = {each: queries.supporters_page(CLEO, PERIOD, each, 10).rows for each in (*Standing, None)}
    assert {each for each, rows in found.items() if rows} == {standing, None}


def test_many_supporters_come_in_pages(world: World) -> None:
    people = "\n".join(f"{1000 + n} | fan {n:03}" for n in range(60))
    gifts = "\n".join(f"{1000 + n} | {1000 + n} | 1 | {1 + n}.00 | 2026-03-04 10:00" for n in range(60))
    fill(world.engine, f"users\nid | username\n{people}")
    fill(world.engine, f"virtual_gifts\nid | sender_id | recipient_id | creator_share | created_at\n{gifts}")
    aggregate(world.engine, clock=lambda: cast.NOW)
    names = []
    for page in (1, 2, 3):
        shown = answer(world, "cleo", "supporters", f"?days=7&page={page}")
        names += [row.split(" $")[0] for row in shown.rows("supporters")]
        links = {words(link): str(link["href"]) for link in shown.page.select(".pager a")}
        assert set(links) == {1: {"Next"}, 2: {"Previous", "Next"}, 3: {"Previous"}}[page]
    assert len(names) == len(set(names)) == 62
    assert names[0] == "fan 059"
    for wrong in ("0", "-1", "x", "99999999999999999999", "²"):
        assert len(answer(world, "cleo", "supporters", f"?page={wrong}").rows("supporters")) == 25
    assert "There are no more." in answer(world, "cleo", "supporters", "?page=9").text
    file = world.signed_in("cleo").get("/export/supporters.csv").data.decode("utf-8-sig")
    assert sum(line[0].startswith("fan ") for line in csv.reader(StringIO(file)) if line) == 60


@pytest.mark.parametrize("name", hostile.NAMES)
def test_hostile_names_of_supporters_and_sparks_are_shown_and_not_obeyed(world: World, name: str) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE supporter_profiles SET name = :name"), {"name": name})
        connection.execute(text("UPDATE spark_profiles SET name = :name"), {"name": name})
    client = world.signed_in("cleo")
    for path in ("/me/supporters", "/me/earnings", MARCH):
        soup = BeautifulSoup(client.get(path).text, "html.parser")
        assert not soup.select('[href^="javascript"], [onmouseover], [onerror], main img, main b')
    label = answer(world, "cleo", "earnings").figures["earnings-by_spark"]["data"][0]["y"][0]
    assert "<" not in label


# ---- Content ----


def test_content_adds_up_to_the_totals(world: World) -> None:
    """Cleo's gifts have no video; one more, of $10, comes with hers."""
    fill(
        world.engine,
        "virtual_gifts\nid | sender_id | recipient_id | video_id | creator_share | created_at\n"
        "90 | 3 | 1 | 1 | 10.00 | 2026-03-04 10:00\n91 | 3 | 1 | 2 | 0.50 | 2026-03-04 10:00",
    )
    aggregate(world.engine, clock=lambda: cast.NOW)
    shown = answer(world, "cleo", "content", "?days=7")
    assert {name: value for name, (value, _) in shown.kpis().items()} == {
        "video_views": "4",
        "engagement_rate": "50.0%",
        # 10 / 4 × 1000: neither the gifts without a video nor the one on Carl's
        "rpm": "$2,500.00",
        "gifts_per_1000_views": "250",
    }
    assert shown.rows("videos") == [
        "All $52.50 — 4 50.0% 5 1 1 0",
        "Gifts without a video $42.50 — 0 — 4 0 0 0",
        "a video $10.00 $2,500.00 4 50.0% 1 1 1 0",
    ]
    assert shown.figures["content-views_and_rpm"]["data"][0]["x"] == [4]


def test_content_says_what_is_not_recorded(world: World) -> None:
    change(world.engine, "DROP TABLE video_watches")
    aggregate(world.engine, clock=lambda: cast.NOW)
    cards = answer(world, "cleo", "content", "?days=7").kpis()
    assert cards["video_views"] == ("—", "not recorded on all of these days")
    assert cards["rpm"][0] == "—"


def test_the_largest_supporter_of_a_period(world: World) -> None:
    """Vera gave 7 on the 1st and 14 on the 3rd, vito 21 on the 4th: both 21 in all."""
    days = [(3, 3, 4, 21), (3, 1, 3, 21), (3, 2, 3, 14), (2, 1, 2, 0)]
    with world.engine.connect() as connection:
        for month, first, last, most in days:
            period = Period(date(2026, month, first), date(2026, month, last))
            assert people.largest(connection, CLEO, period) == most


def test_a_video_may_be_called_like_a_sum(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE video_profiles SET title = 'All'"))
    videos = answer(world, "cleo", "content", "?days=7").rows("videos")
    assert [row.split()[2] for row in videos if row.startswith("All ")] == ["—", "$0.00"]


def test_what_has_no_room_on_a_phone_is_below_the_name(world: World) -> None:
    def below(page: str) -> list[str]:
        shown = answer(world, "cleo", page, "?days=7").page
        return [words(each) for each in shown.select("th > .more")]

    assert below("supporters") == ["every 2 days · Ember", "Ember"]
    assert below("content")[-1] == "50.0% engagement · 1 likes · 1 comments"


def test_a_chart_without_a_reaction_says_so(world: World) -> None:
    """Carl was watched once; Cleo was liked and commented."""
    carl = answer(world, "carl", "my-dashboard", "?days=7")
    assert "No likes, comments or shares in this period." in carl.text
    assert "my-dashboard-reactions" not in carl.drawn()
    assert "my-dashboard-reactions" in answer(world, "cleo", "my-dashboard", "?days=7").drawn()


# ---- Audience ----


def test_audience_tells_who_watches(world: World) -> None:
    """Vera watched on the 3rd and the 4th, vito on the 4th, both for the first time ever."""
    shown = answer(world, "cleo", "my-audience", "?days=7")
    # Nobody recorded views the week before.
    assert shown.kpis()["viewers"] == ("2", "nothing to compare with 2 new")
    assert shown.kpis()["returning_viewers"][0] == "0.0%"
    again, new = shown.figures["my-audience-new_and_returning"]["data"]
    assert (new["y"][-2:], again["y"][-2:]) == ([1, 1], [0, 1])
    # no half a person
    assert shown.figures["my-audience-new_and_returning"]["layout"]["yaxis"]["dtick"] == 1
    # in the range of the 4th alone, vera had come before
    shown = answer(world, "cleo", "my-audience", "?from=2026-03-04&to=2026-03-04")
    assert shown.kpis()["viewers"][0] == "2"
    assert shown.kpis()["returning_viewers"][0] == "50.0%"


def test_viewers_nobody_records_are_not_told(world: World) -> None:
    change(world.engine, "DROP TABLE video_watches")
    aggregate(world.engine, clock=lambda: cast.NOW)
    shown = answer(world, "cleo", "my-audience", "?days=7")
    for name in ("viewers", "returning_viewers"):
        assert shown.kpis()[name] == ("—", "Not available: views aren't recorded.")
    assert "my-audience-new_and_returning" not in shown.drawn()


def test_the_benchmark_is_a_strip_of_rounded_quartiles(world: World) -> None:
    """Cleo has two digits of followers; she earned 42 in March, between the median and the upper quartile."""
    change(world.engine, "INSERT INTO peer_benchmarks VALUES ('2026-03-01', 2, 10, 20, 50)")
    shown = answer(world, "cleo", "my-audience")
    half, median, you = shown.figures["my-audience-benchmark"]["data"]
    assert (half["base"], half["customdata"], median["x"], you["x"]) == ([10.0], [50.0], [20.0], [42.0])
    assert shown.kpis()["peer_quarter"] == ("3", "third quarter, Mar 2026")
    change(world.engine, "UPDATE peer_benchmarks SET lower = NULL, median = NULL, upper = NULL")
    shown = answer(world, "cleo", "my-audience")
    assert "my-audience-benchmark" not in shown.drawn()
    assert shown.kpis()["peer_quarter"][0] == "—"


# ---- all creators and months ----


def test_every_creator_and_month_balances_and_is_what_they_earned(world: World) -> None:
    """Against creator_metrics, which comes from other statements."""
    balances(world.engine)


def test_every_creator_and_month_of_the_demo_balances(database: Engine) -> None:
    now = datetime(2026, 3, 5, 12, 0)  # noqa: DTZ001 - as the demo has it
    load(database, Scale(days=70, creators=12, users=150), now)
    aggregate(database, only=["daily", "creators", "sparks"], clock=lambda: cast.NOW)
    assert balances(database) >= 12 * 3
    with database.connect() as connection:
        assert connection.scalar(text("SELECT sum(refunded) FROM creator_sparks")) > 0


def balances(engine: Engine) -> int:
    """Asserts it; the number of months."""
    with engine.connect() as connection:
        creators = connection.scalars(text("SELECT DISTINCT creator_id FROM creator_sparks")).all()
        last = connection.scalar(text("SELECT max(date) FROM daily_analytics"))
        earned = {
            (creator, month): amount
            for creator, month, amount in connection.execute(
                text(
                    "SELECT creator_id, date_trunc('month', date)::date, sum(gift_revenue) "
                    "FROM creator_metrics GROUP BY 1, 2"
                )
            )
        }
    count = 0
    with Store(engine).read() as queries:
        for creator in creators:
            balance = Decimal("0.00")
            for line in queries.months_earned(creator, last):
                assert line.opening == balance
                assert line.opening + line.sums.earned - line.sums.refunded == line.closing
                assert line.sums.kept == earned.get((creator, line.first), 0)
                statement = queries.statement(creator, line.first, last)
                assert statement is not None
                assert sum((each.sums for each in statement.sparks), start=Sums()) == line.sums
                assert (statement.days[-1].closing if statement.days else line.opening) == line.closing
                balance = line.closing
                count += 1
    assert {creator for creator, _ in earned if earned[creator, _]} <= set(creators) | {None}
    return count


def test_carl_has_a_ledger_of_his_own(world: World) -> None:
    with Store(world.engine).read() as queries:
        (line,) = queries.months_earned(CARL, date(2026, 3, 4))
    assert line.closing == Decimal("777.77")
