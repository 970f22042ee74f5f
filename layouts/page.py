"""What a page is."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from aggregation.periods import Comparison

# What people may choose, in days.
PLATFORM_PERIODS = (7, 28, 30, 90, 365)
CREATOR_PERIODS = (7, 28, 30, 90)
DEFAULT_DAYS = 30


@dataclass(frozen=True)
class Asked:
    """What the address asks for; `search` is its question part as it stands there.

    `known`: of the numbers as they were known at the end of which day, as it stands there.
    """

    days: int = DEFAULT_DAYS
    compare: Comparison = Comparison.PREVIOUS
    search: str = ""
    known: str = ""


@dataclass(frozen=True)
class Page:
    """One page: `layout` returns it empty, its controls as asked.

    It is filled by the ids of its charts and of its Html; `<name>-address` holds its address.
    """

    name: str
    path: str
    title: str
    roles: frozenset[str]
    layout: Callable[[Asked], Any]
    periods: tuple[int, ...]


@dataclass(frozen=True)
class PlainPage:
    """A page of forms, made by the server alone; in the menu like the others."""

    path: str
    title: str
    roles: frozenset[str]


class Viewer(Protocol):
    """The person signed in, as pages and callbacks see them."""

    @property
    def name(self) -> str: ...

    @property
    def role(self) -> str: ...

    @property
    def creator_id(self) -> int | None:
        """Whose numbers a creator may see; None for everyone else."""

    @property
    def versions(self) -> Hashable | None:
        """Of the data, when this request came; None where they have not been asked for."""
