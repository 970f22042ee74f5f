"""The made-up platform is consistent at every size."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregation.demo import Scale
from aggregation.schema import GIFT_STATUSES, INTERACTION_KINDS, TRANSACTION_STATUSES, source
from tests.unit.demo.frames import DAY, NOW, SMALL, TIMES, Frames, read, usual


def assert_consistent(frames: Frames, now: datetime) -> None:
    assert_shape(frames, now)
    assert_references(frames)
    assert_nobody_before_signing_up(frames)
    assert_nothing_before_it_was_published(frames)
    assert_money(frames)
    assert_followers(frames)
    assert_counters(frames)


def assert_shape(frames: Frames, now: datetime) -> None:
    assert set(frames) == set(source.tables)
    for name, frame in frames.items():
        assert set(frame.columns) == set(source.tables[name].columns.keys())
        assert frame["id"].tolist() == list(range(1, len(frame) + 1))
        nullable = {"video_id", "user_id", "unfollowed_at"}
        assert not frame.drop(columns=nullable & set(frame.columns)).isna().any(axis=None)
        if name in TIMES:
            assert frame[TIMES[name]].is_monotonic_increasing
            assert (frame[TIMES[name]] <= now).all()
    assert frames["users"]["username"].is_unique
    assert set(frames["virtual_gifts"]["status"]) <= set(GIFT_STATUSES)
    assert set(frames["transactions"]["status"]) <= set(TRANSACTION_STATUSES)
    assert set(frames["video_interactions"]["kind"]) <= set(INTERACTION_KINDS)


def assert_references(frames: Frames) -> None:
    users, videos, gifts = frames["users"], frames["videos"].set_index("id"), frames["virtual_gifts"]
    creators = set(users.loc[users["is_creator"], "id"])
    assert set(gifts["sender_id"]) <= set(users["id"])
    assert set(gifts["recipient_id"]) <= creators
    assert set(gifts["spark_id"]) <= set(frames["sparks"]["id"])
    assert (gifts["sender_id"] != gifts["recipient_id"]).all()
    assert set(videos["creator_id"]) <= creators
    shown = gifts[gifts["video_id"].notna()]
    assert (shown["video_id"].map(videos["creator_id"]) == shown["recipient_id"]).all()
    for table in ("video_watches", "video_interactions"):
        assert set(frames[table]["video_id"]) <= set(videos.index)
    assert not frames["video_interactions"].duplicated(["user_id", "video_id", "kind"]).any()
    follows = frames["follows"]
    assert (follows["follower_id"] != follows["creator_id"]).all()
    assert not follows.duplicated(["follower_id", "creator_id"]).any()
    assert set(follows["creator_id"]) <= creators
    transactions = frames["transactions"]
    assert (transactions["user_id"].isna() == (transactions["source"] == "ads")).all()


def assert_nobody_before_signing_up(frames: Frames) -> None:
    joined = frames["users"].set_index("id")["created_at"]
    for table, person in (
        ("videos", "creator_id"),
        ("virtual_gifts", "sender_id"),
        ("virtual_gifts", "recipient_id"),
        ("user_sessions", "user_id"),
        ("video_watches", "user_id"),
        ("video_interactions", "user_id"),
        ("follows", "follower_id"),
        ("follows", "creator_id"),
        ("transactions", "user_id"),
    ):
        rows = frames[table].dropna(subset=[person])
        assert (rows[person].map(joined) <= rows[TIMES[table]]).all(), (table, person)


def assert_nothing_before_it_was_published(frames: Frames) -> None:
    published = frames["videos"].set_index("id")["created_at"]
    for table in ("virtual_gifts", "video_watches", "video_interactions"):
        rows = frames[table].dropna(subset=["video_id"])
        assert (rows["video_id"].map(published) <= rows[TIMES[table]]).all(), table


def assert_money(frames: Frames) -> None:
    gifts = frames["virtual_gifts"]
    price = gifts["spark_id"].map(frames["sparks"].set_index("id")["credits"])
    assert (gifts["creator_share"] + gifts["platform_share"] == price).all()
    assert (gifts["creator_share"] == np.floor(price * 0.7 + 0.5)).all()
    assert (gifts["platform_share"] >= 0).all()
    assert (frames["transactions"]["amount"] > 0).all()


def assert_followers(frames: Frames) -> None:
    """Walking back through `follows` from today's number never ends below zero."""
    users, follows = frames["users"].set_index("id"), frames["follows"]
    gone = follows.dropna(subset=["unfollowed_at"])
    assert (gone["unfollowed_at"] > gone["created_at"]).all()
    steps = pd.concat(
        [
            pd.DataFrame({"creator": follows["creator_id"], "at": follows["created_at"], "step": 1}),
            pd.DataFrame({"creator": gone["creator_id"], "at": gone["unfollowed_at"], "step": -1}),
        ]
    ).sort_values("at", ascending=False, kind="stable")
    after = steps.groupby("creator")["step"].cumsum()
    assert (steps["creator"].map(users["followers"]) - after >= 0).all()
    assert (users["followers"] >= 0).all()
    assert (users["followers"] < max(len(users), 1)).all()
    assert (users.loc[~users["is_creator"], "followers"] == 0).all()


def assert_counters(frames: Frames) -> None:
    """What a video counts is what happened to it; older videos have been seen before as well."""
    videos = frames["videos"].set_index("id")
    first = frames["user_sessions"]["started_at"].min()
    kinds = frames["video_interactions"].groupby("kind")["video_id"]
    happened = {"views": frames["video_watches"]["video_id"].value_counts()}
    happened |= {f"{kind}s": ids.value_counts() for kind, ids in kinds}
    for counter, counts in happened.items():
        ours = counts.reindex(videos.index, fill_value=0)
        assert (videos[counter] >= ours).all()
        new = videos["created_at"] >= first
        assert (videos.loc[new, counter] == ours[new]).all()


def test_the_usual_platform_is_consistent() -> None:
    assert_consistent(usual(), NOW)


@settings(max_examples=25, deadline=None)
# Everybody follows everybody.
@example(days=20, creators=5, viewers=0, seed=0, now=datetime.fromisoformat("2021-01-06"))
@given(
    days=st.integers(1, 40),
    creators=st.integers(1, 8),
    viewers=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
    now=st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2035-01-01")),
)
def test_small_platforms_are_consistent(
    days: int, creators: int, viewers: int, seed: int, now: datetime
) -> None:
    frames = read(Scale(days, creators, creators + viewers, seed), now)
    assert_consistent(frames, now)
    assert (len(frames["users"]), frames["users"]["is_creator"].sum()) == (creators + viewers, creators)


@pytest.mark.parametrize(
    "scale",
    [
        Scale(days=1, creators=1, users=1),
        Scale(days=3, creators=2, users=10),
        Scale(days=60, creators=40, users=40),
        Scale(days=900, creators=2, users=8),
        Scale(days=2, creators=300, users=5000),
    ],
)
def test_odd_sizes_work(scale: Scale) -> None:
    assert_consistent(read(scale), NOW)


@pytest.mark.parametrize("moment", ["2026-11-22", "2026-11-22 23:59:59", "2024-02-29 00:00:01"])
def test_any_moment_of_the_day_can_be_now(moment: str) -> None:
    now = datetime.fromisoformat(moment)
    frames = read(SMALL, now)
    assert_consistent(frames, now)
    first = pd.Timestamp(now).normalize() - SMALL.days * DAY
    starts = frames["user_sessions"]["started_at"]
    assert first <= starts.min() < first + DAY
    assert (frames["users"]["created_at"] < first).sum() > 30
