"""What a page is."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from aggregation.periods import Comparison

# What people may choose, in days.
PLATFORM_PERIODS = (7, 28, 30, 90, 365)
CREATOR_PERIODS = (7, 28, 30, 90)
DEFAULT_DAYS = 30
# The longest range of dates of one's own.
LONGEST_RANGE = 1096
# Of what a click in a chart adds to the address.
LONGEST_PICK = 40

ANALYSTS = frozenset({"admin", "analyst"})
# A creator's own pages. Analysts open the same of any creator: see places.py.
MINE = "/me"


@dataclass(frozen=True)
class Creator:
    """Whose page an analyst has opened."""

    id: int
    name: str


@dataclass(frozen=True)
class Asked:
    """What the address asks for; `search` is its question part as it stands there.

    `typed`: the first and the last day of a range of one's own, as they stand in the address, if it has any.
    `picked`: what was clicked, by the names that the page knows.
    `known`: of the numbers as they were known at the end of which day, as it stands there.
    `creator`: whose page it is, where the address says so.
    `week_start`: the weekday with which the viewer's weeks begin (0 is Monday); the account says it.
    """

    days: int = DEFAULT_DAYS
    compare: Comparison = Comparison.PREVIOUS
    search: str = ""
    typed: tuple[str, str] | None = None
    picked: tuple[tuple[str, str], ...] = ()
    known: str = ""
    creator: Creator | None = None
    week_start: int = 0

    def pick(self, name: str) -> str:
        """Empty where nothing was picked."""
        return dict(self.picked).get(name, "")

    @property
    def question(self) -> dict[str, str]:
        """The parts of an address that asks for the same."""
        when = (
            {"days": str(self.days)}
            if self.typed is None
            else dict(zip(("from", "to"), self.typed, strict=True))
        )
        known = {"known": self.known} if self.known else {}
        return when | {"compare": self.compare.value} | dict(self.picked) | known


@dataclass(frozen=True)
class Page:
    """One page: `layout` returns it empty, its controls as asked.

    It is filled by the ids of its charts and of its Html; `<name>-address` holds its address.
    `picks`: by what a click in a chart narrows its numbers, and its own controls; a part of the address each.
    """

    name: str
    path: str
    title: str
    roles: frozenset[str]
    layout: Callable[[Asked], Any]
    periods: tuple[int, ...]
    picks: tuple[str, ...] = ()

    @property
    def mine(self) -> bool:
        """Whether it shows a creator's own numbers."""
        return self.path == MINE or self.path.startswith(f"{MINE}/")

    @property
    def viewers(self) -> frozenset[str]:
        """Who may open it at one of its addresses or another."""
        return self.roles | ANALYSTS if self.mine else self.roles


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
        """Whose numbers a creator may see, or whose page an analyst has opened; else None."""

    @property
    def week_start(self) -> int:
        """The weekday with which weeks begin; 0 is Monday."""

    @property
    def versions(self) -> Hashable | None:
        """Of the data, when this request came; None where they have not been asked for."""
