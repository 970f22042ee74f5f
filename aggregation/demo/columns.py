"""Rows while they are drawn: columns of whole numbers, kept in numpy."""

import numpy as np
import numpy.typing as npt

from aggregation.schema import GIFT_STATUSES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Random = np.random.Generator
# Columns as they are drawn: ids, seconds since 1970, cents, places in a tuple of words.
Columns = dict[str, Ints]

STATUS = {name: number for number, name in enumerate(GIFT_STATUSES)}


def draw_places(odds: Floats, u: Floats) -> Ints:
    """The place in `odds` that each `u` in 0…1 falls on."""
    reached = np.cumsum(odds)
    return np.searchsorted(reached / reached[-1], u, side="right")


def in_time(columns: Columns, time: str, happens: Flags) -> Columns:
    """The rows that happen, by the column `time`."""
    kept = np.flatnonzero(happens)
    kept = kept[np.argsort(columns[time][kept], kind="stable")]
    return {name: values[kept] for name, values in columns.items()}
