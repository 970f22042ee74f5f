"""The made-up platform is believable at its usual size."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from aggregation.demo import Scale
from tests.unit.demo.frames import DAY, TIMES, TODAY, USUAL, completed, daily, read, usual


@cache
def revenue() -> pd.Series:
    gifts = completed(usual())
    by_day: pd.Series = gifts.groupby(gifts["created_at"].dt.floor("D"))["price"].sum()
    return by_day[by_day.index < TODAY]


@cache
def active() -> pd.DataFrame:
    """Each user's days with a session, and how old the account was."""
    sessions, users = usual()["user_sessions"], usual()["users"].set_index("id")
    days = pd.DataFrame({"user": sessions["user_id"], "day": sessions["started_at"].dt.floor("D")})
    days = days.drop_duplicates()
    joined = days["user"].map(users["created_at"]).dt.floor("D")
    return days.assign(joined=joined, age=(days["day"] - joined).dt.days)


def active_users() -> pd.Series:
    per_day = active().groupby("day").size()
    return per_day[per_day.index < TODAY]


def test_usual_size() -> None:
    frames = usual()
    assert frames["users"]["is_creator"].sum() >= 300
    assert len(frames["users"]) >= 20_000
    assert 500_000 <= len(completed(frames)) <= 650_000
    assert len(frames["user_sessions"]) <= 1_200_000
    assert sum(len(frame) for frame in frames.values()) < 3_000_000


def test_gifts_grow_with_days_and_users() -> None:
    one, longer, more = (
        len(read(Scale(days=days, creators=40, users=users))["virtual_gifts"])
        for days, users in ((40, 2000), (80, 2000), (40, 4000))
    )
    assert 1.4 < longer / one < 2.8
    assert 1.4 < more / one < 2.8


def test_every_day_has_everything() -> None:
    frames = usual()
    for table, time in TIMES.items():
        assert len(daily(frames[table][time])) == USUAL.days, table
    assert (frames["user_sessions"]["started_at"] >= TODAY).sum() > 100


def test_users_and_revenue_about_double_in_the_year() -> None:
    there_before = (usual()["users"]["created_at"] < TODAY - 365 * DAY).sum()
    assert 1.8 < len(usual()["users"]) / there_before < 2.2
    quarters = [revenue().iloc[:91].sum(), revenue().iloc[-91:].sum()]
    assert 1.4 < quarters[1] / quarters[0] < 2.6
    assert 1.3 < active_users().iloc[-28:].mean() / active_users().iloc[:28].mean() < 2.2


def test_weekends_and_evenings_are_strong() -> None:
    for series in (active_users(), revenue()):
        weekend = pd.DatetimeIndex(series.index).day_of_week >= 5
        assert 1.1 < series[weekend].mean() / series[~weekend].mean() < 1.6
    hours = usual()["user_sessions"]["started_at"].dt.hour
    assert hours.between(18, 21).mean() > 0.3
    assert hours.between(2, 5).mean() < 0.05


def test_december_is_stronger_than_what_surrounds_it() -> None:
    holidays = active_users().loc["2025-12-18":"2025-12-31"].mean()
    assert holidays > 1.1 * active_users().loc["2025-11-22":"2025-12-05"].mean()
    assert holidays > 1.1 * active_users().loc["2026-01-03":"2026-01-16"].mean()


def against_neighbours(series: pd.Series) -> pd.Series:
    """Each day's share of the same weekday's, three weeks before and after."""
    around = pd.concat([series.shift(7 * weeks) for weeks in (-3, -2, 2, 3)], axis=1).mean(axis=1)
    return (series / around).dropna()


def test_one_day_had_an_outage() -> None:
    share = against_neighbours(active_users())
    assert share.min() < 0.6 < share.nsmallest(2).iloc[1]
    day = share.index[int(share.argmin())]
    starts = usual()["user_sessions"]["started_at"]
    hours = starts[starts.dt.floor("D") == day].dt.hour.value_counts()
    dead = (hours.reindex(range(7, 24), fill_value=0) < 10).sum()
    assert 6 <= dead <= 9
    assert against_neighbours(revenue())[day] < 0.75


def test_one_week_went_viral_through_one_creator() -> None:
    share = against_neighbours(active_users()).rolling(7).mean()
    last = share.index[int(share.argmax())]
    assert share.max() > 1.4
    assert against_neighbours(revenue()).rolling(7).mean()[last] > 1.3
    gifts = completed(usual())
    week = gifts["created_at"].between(last - 6 * DAY, last + DAY)
    before = gifts["created_at"].between(last - 34 * DAY, last - 6 * DAY)
    star = gifts.loc[week, "recipient_id"].value_counts(normalize=True)
    assert star.iloc[0] > 0.2
    assert star.iloc[0] > 5 * (gifts.loc[before, "recipient_id"] == star.index[0]).mean()


def test_short_histories_have_neither_outage_nor_viral_week() -> None:
    sessions = read(Scale(days=20, creators=20, users=8000))["user_sessions"]["started_at"]
    series = sessions[sessions < TODAY].dt.floor("D").value_counts()
    assert series.min() > 0.65 * series.median()
    assert series.max() < 1.5 * series.median()


@pytest.mark.parametrize(
    ("age", "least", "most"),
    [(0, 0.88, 0.99), (1, 0.31, 0.40), (7, 0.15, 0.23), (30, 0.07, 0.11), (90, 0.045, 0.08)],
)
def test_newcomers_come_back_less_and_less(age: int, least: float, most: float) -> None:
    joined = usual()["users"]["created_at"].dt.floor("D")
    ripe = joined.between(TODAY - 365 * DAY, TODAY - (age + 1) * DAY)
    days = active()
    back = (days["age"] == age) & days["joined"].between(TODAY - 365 * DAY, TODAY - (age + 1) * DAY)
    assert least < back.sum() / ripe.sum() < most


def test_a_core_is_loyal() -> None:
    month = active()[active()["day"].between(TODAY - 28 * DAY, TODAY - DAY)].groupby("user").size()
    assert (month >= 14).sum() > 0.02 * len(usual()["users"])


def top_share(amounts: pd.Series, share: float) -> float:
    ranked = amounts.sort_values(ascending=False)
    return float(ranked.head(int(len(ranked) * share)).sum() / ranked.sum())


def test_few_earn_and_give_most() -> None:
    gifts = completed(usual())
    earned = gifts.groupby("recipient_id")["creator_share"].sum()
    given = gifts.groupby("sender_id")["price"].sum()
    assert len(earned) > 280
    assert 0.4 < top_share(earned, 0.1) < 0.8
    assert 0.5 < top_share(given, 0.1) < 0.95
    assert 0.04 < len(given) / len(usual()["users"]) < 0.2


def test_cheap_sparks_are_the_most_common() -> None:
    credits = usual()["sparks"]["credits"]
    assert (credits.min(), credits.max()) == (1, 5000)
    counts = completed(usual())["spark_id"].value_counts().sort_index()
    assert counts.is_monotonic_decreasing
    assert counts.min() > 100


def test_gifts_may_fail_wait_or_be_refunded() -> None:
    shares = usual()["virtual_gifts"]["status"].value_counts(normalize=True)
    assert 0.012 < shares["refunded"] < 0.018
    assert shares["failed"] > 0.003
    assert shares["pending"] > 0.0003
    assert 0.1 < usual()["virtual_gifts"]["video_id"].isna().mean() < 0.5


def test_givers_have_favourites() -> None:
    gifts = completed(usual())
    pairs = gifts.groupby(["sender_id", "recipient_id"]).size()
    best = pairs.groupby("sender_id").max() / pairs.groupby("sender_id").sum()
    many = pairs.groupby("sender_id").sum() >= 30
    assert best[many].median() > 0.25


def test_creators_have_their_hours_and_weekdays() -> None:
    gifts = completed(usual())
    received = gifts["recipient_id"].value_counts()
    regulars = gifts[gifts["recipient_id"].isin(received[received > 2000].index)]
    by_hour = pd.crosstab(regulars["recipient_id"], regulars["created_at"].dt.hour, normalize="index")
    by_weekday = pd.crosstab(regulars["recipient_id"], regulars["created_at"].dt.day_of_week)
    assert len(by_hour) > 30
    assert by_hour.idxmax(axis=1).nunique() > 5
    assert np.sort(by_hour.to_numpy(), axis=1)[:, -4:].sum(axis=1).mean() > 0.45
    assert (by_weekday.max(axis=1) / by_weekday.min(axis=1)).median() > 2


def test_views_come_in_the_first_days() -> None:
    published = usual()["videos"].set_index("id")["created_at"]
    watches = usual()["video_watches"]
    age = watches["watched_at"] - watches["video_id"].map(published)
    assert (age < 3 * DAY).mean() > 0.35
    assert (age < 7 * DAY).mean() > 0.5


def test_some_creators_went_dark() -> None:
    gifts = completed(usual())
    latest = gifts.groupby("recipient_id")["created_at"].max()
    assert 5 < (latest < TODAY - 28 * DAY).sum() < 60


def test_every_source_of_revenue_counts() -> None:
    transactions = usual()["transactions"]
    paid = transactions[transactions["status"] == "completed"].groupby("source")["amount"].sum()
    assert set(paid.index) == {"subscriptions", "ads", "premium_features"}
    assert (paid > 0.03 * revenue().sum()).all()
    assert (paid < revenue().sum()).all()
