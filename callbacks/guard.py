"""What a page's `register` gets, and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aggregation.queries import Queries, Store
from layouts.components import Component, Parts
from layouts.page import Asked, Viewer


@dataclass(frozen=True)
class Filled:
    """What fills a page, and the badge above it. What `parts` leaves out stays empty.

    `complete`: no part of it failed.
    """

    parts: Parts
    freshness: Component = None
    complete: bool = True


# (queries, viewer, asked, now) → what fills the page. A page that is alike for everybody looks at no viewer.
Content = Callable[[Queries, Viewer, Asked, datetime], Filled]
# (queries, viewer, now) → the parts that follow the running day, whatever the address asks for.
Live = Callable[[Queries, Viewer, datetime], Filled]


class Guard(Protocol):
    """The only way to a callback. Each call checks the role and gets the signed-in viewer first."""

    def callback(self, *dependencies: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]: ...


class PageGuard(Guard, Protocol):
    """The same for the callbacks of one page."""

    def fill(self, store: Store, content: Content, *, shared: bool, live: Live | None = None) -> None:
        """Let `content` fill the page, first with the page itself, then whenever its address changes.

        `shared`: it is alike for all viewers, so it is made once for each state of the data. `live` gives
        the parts that an open page asks for again by itself; `content` leaves them out.
        """
