"""Hard times, each once and short; `python -m benchmarks.torture` goes on for as long as it is told."""

import os
import random
from collections.abc import Iterator

import pytest

from benchmarks import torture
from benchmarks.platform import Scale
from benchmarks.torture import NEED_ROOT, SCENARIOS, Arena


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with torture.arena(Scale(2_000, 60, 300, 45)) as made:
        yield made


@pytest.mark.parametrize("name", [*SCENARIOS, *NEED_ROOT])
def test_it_ends_as_if_nothing_had_happened(arena: Arena, name: str) -> None:
    if name in NEED_ROOT and os.geteuid() != 0:
        pytest.skip(f"{name} needs root: it mounts a disk or makes a network")
    chance = random.Random(name)  # noqa: S311 - no secret
    (SCENARIOS | NEED_ROOT)[name](arena, chance)
