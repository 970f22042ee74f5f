"""The same arguments make up the same platform, down to the byte."""

import os
import subprocess
import sys
from pathlib import Path

from aggregation.demo import Scale
from tests.unit.demo.frames import SMALL, fingerprint


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert fingerprint(SMALL) == fingerprint(SMALL)


def test_another_process_gives_the_same_bytes() -> None:
    code = "from tests.unit.demo.frames import SMALL, fingerprint; print(fingerprint(SMALL))"
    root = Path(__file__).resolve().parents[3]
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == fingerprint(SMALL)


def test_another_seed_gives_another_platform() -> None:
    assert fingerprint(SMALL) != fingerprint(Scale(SMALL.days, SMALL.creators, SMALL.users, seed=1))
