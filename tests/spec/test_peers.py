"""peer_benchmarks: rounded quartiles of similar creators, published once, or none at all."""

from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from aggregation.peers import standing
from tests.spec.tables import change, compute, expect, rows

FIRST_DAY = (
    "INSERT INTO creator_metrics (creator_id, date, gifts_received, gift_revenue) "
    "VALUES (999, '2026-03-01', 0, 0)"
)


def crowd(engine: Engine, amounts: list[float], followers: int = 500) -> None:
    """Creators 1, 2, … with these earnings of March; numbers begin on the 1st."""
    change(engine, FIRST_DAY)
    with engine.begin() as connection:
        for creator, amount in enumerate(amounts, start=1):
            values = {"creator": creator, "amount": amount, "followers": followers}
            connection.execute(
                text("INSERT INTO creator_profiles VALUES (:creator, 'somebody', :followers)"), values
            )
            connection.execute(
                text(
                    "INSERT INTO creator_metrics (creator_id, date, gifts_received, gift_revenue) "
                    "VALUES (:creator, '2026-03-20', 1, :amount)"
                ),
                values,
            )


def published(engine: Engine) -> list[tuple[object, ...]]:
    return rows(engine, "peer_benchmarks")


def test_quartiles_are_rounded_to_two_digits(platform: Engine) -> None:
    """Of 101.11, 202.22, …, 2022.20: the 5th, 10th and 15th of 20."""
    crowd(platform, [101.11 * n for n in range(1, 21)])
    compute(platform, "peers", "2026-03-31")
    expect(
        platform,
        """
        peer_benchmarks
        month      | band | lower  | median  | upper
        2026-03-01 | 3    | 510.00 | 1000.00 | 1500.00
        """,
    )


@pytest.mark.parametrize(
    ("amounts", "enough"),
    [
        ([10.0] * 19, False),
        ([10.0] * 20, True),
        # one has 64 of 254, and 63 of 253
        ([10.0] * 19 + [64.0], False),
        ([10.0] * 19 + [63.0], True),
    ],
)
def test_few_peers_or_one_that_stands_out_give_no_answer(
    platform: Engine, amounts: list[float], enough: bool
) -> None:
    crowd(platform, amounts)
    compute(platform, "peers", "2026-03-31")
    ((_, _, lower, *_),) = published(platform)
    assert (lower is not None) == enough
    with platform.connect() as connection:
        found = standing(connection, 1)
    assert found is not None
    assert (found.quarter is not None) == enough


def test_no_two_answers_differ_by_one_peer(platform: Engine) -> None:
    """Refund one, remove one, add one, move one to another band: what is published stays."""
    crowd(platform, [101.11 * n for n in range(1, 22)])
    compute(platform, "peers", "2026-03-31")
    before = published(platform)
    for statement in (
        "UPDATE creator_metrics SET gift_revenue = 0 WHERE creator_id = 5",
        "DELETE FROM creator_metrics WHERE creator_id = 10",
        "UPDATE creator_metrics SET gift_revenue = 999999 WHERE creator_id = 15",
        "UPDATE creator_profiles SET followers = 5 WHERE creator_id = 20",
        "DELETE FROM creator_profiles WHERE creator_id = 1",
    ):
        change(platform, statement)
        for first, last in (("2026-03-31", "2026-03-31"), ("2026-03-01", "2026-04-15")):
            compute(platform, "peers", first, last)
            assert published(platform) == before


def test_a_month_is_published_when_it_is_over_and_if_it_is_whole(platform: Engine) -> None:
    crowd(platform, [10.0] * 20)
    compute(platform, "peers", "2026-03-30")
    assert published(platform) == []
    change(platform, "DELETE FROM creator_metrics WHERE date = '2026-03-01'")
    compute(platform, "peers", "2026-03-31")
    assert published(platform) == []
    change(platform, FIRST_DAY)
    # missed on the 31st, made up for the next day
    compute(platform, "peers", "2026-03-31", "2026-04-01")
    assert len(published(platform)) == 1


def test_a_creator_learns_the_quarter(platform: Engine) -> None:
    crowd(platform, [101.11 * n for n in range(1, 21)])
    compute(platform, "peers", "2026-03-31")
    with platform.connect() as connection:
        found = [standing(connection, creator) for creator in (1, 6, 12, 20)]
        assert [each.quarter for each in found if each] == [1, 2, 3, 4]
        first = found[0]
        assert first is not None
        assert (first.followers, first.earned) == ((100, 999), Decimal("101.11"))
        assert standing(connection, 12345) is None
