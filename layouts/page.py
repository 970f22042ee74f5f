"""What a page is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

# What people may choose, in days.
PLATFORM_PERIODS = (7, 28, 30, 90, 365)
CREATOR_PERIODS = (7, 28, 30, 90)
DEFAULT_DAYS = 30


@dataclass(frozen=True)
class Page:
    """One page: `layout()` returns it empty, with skeletons; its callbacks fill it."""

    name: str
    path: str
    title: str
    roles: frozenset[str]
    layout: Callable[[], Any]
    periods: tuple[int, ...]


class Viewer(Protocol):
    """The person signed in, as pages and callbacks see them."""

    @property
    def name(self) -> str: ...

    @property
    def role(self) -> str: ...

    @property
    def creator_id(self) -> int | None:
        """Whose numbers a creator may see; None for everyone else."""


class Guard(Protocol):
    """What `register` gets: the only way to a callback, and the clock."""

    def callback(self, *dependencies: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]: ...

    def clientside_callback(self, script: str, *dependencies: Any, **options: Any) -> None: ...

    def now(self) -> datetime:
        """The time, aware, in UTC."""
