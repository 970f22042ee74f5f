"""Names of the made-up platform: different from each other, fitting who bears them."""

import numpy as np
import pytest

from aggregation.demo.names import GENRES, SPARKS, creator_names, user_names


def test_names_of_creators_fit_their_genre() -> None:
    rng = np.random.default_rng(1)
    genres = np.arange(400) % len(GENRES)
    names = creator_names(rng, genres)
    assert len(set(names)) == 400
    for name, genre in zip(names, genres.tolist(), strict=True):
        assert any(handle in name.lower() for handle in GENRES[genre].handles)


@pytest.mark.parametrize("count", [0, 1, 200_000])
def test_names_never_come_twice(count: int) -> None:
    names = user_names(np.random.default_rng(1), count)
    assert len({name.lower() for name in names}) == count


def test_names_of_viewers_and_creators_differ() -> None:
    rng = np.random.default_rng(1)
    creators = creator_names(rng, np.zeros(10_000, np.int64))
    assert len(set(creators)) == 10_000
    assert not set(creators) & set(user_names(rng, 100_000))


def test_sparks_go_up_in_price() -> None:
    prices = [credits for _, credits in SPARKS]
    assert prices == sorted(prices)
    assert len({name for name, _ in SPARKS}) == len(SPARKS)
