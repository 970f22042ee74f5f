"""Which page is at an address, and whose numbers it shows."""

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from layouts.page import ANALYSTS, MINE, Asked, Page, Viewer

THEIRS = "/creators"
# Eighteen digits fit into the database's integers.
_OF_A_CREATOR = re.compile(rf"{THEIRS}/(0|[1-9][0-9]{{0,17}})(/.*)?", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A page at an address. `creator_id`: whose it is, where the address says so; else the viewer's own."""

    page: Page
    creator_id: int | None = None

    @property
    def roles(self) -> frozenset[str]:
        """Who may open the page at this address."""
        return self.page.roles if self.creator_id is None else ANALYSTS

    @property
    def path(self) -> str:
        if self.creator_id is None:
            return self.page.path
        return f"{THEIRS}/{self.creator_id}{self.page.path.removeprefix(MINE)}"

    @property
    def menu(self) -> str:
        """The address of the page in the menu that it belongs to."""
        return self.page.path if self.creator_id is None else THEIRS


def place(pages: Iterable[Page], path: str) -> Place | None:
    """None where there is no page. Whether there is such a creator isn't known here."""
    creator = _OF_A_CREATOR.fullmatch(path)
    if creator is not None:
        own = f"{MINE}{creator[2] or ''}"
        return next((Place(page, int(creator[1])) for page in pages if page.mine and page.path == own), None)
    return next((Place(page) for page in pages if page.path == path), None)


def whose(page: Page, path: str) -> Place:
    """Where `page` is known, and the path at most says whose it is."""
    creator = _OF_A_CREATOR.fullmatch(path)
    return Place(page, int(creator[1])) if creator is not None and page.mine else Place(page)


def here(page: Page, asked: Asked) -> str:
    """The address of `page`, of the same creator whose numbers are asked for."""
    return Place(page, asked.creator.id if asked.creator else None).path


@dataclass(frozen=True)
class Onlooker:
    """An analyst, as the pages of the creator see them whose numbers they look at."""

    name: str
    role: str
    creator_id: int
    versions: Hashable | None
    week_start: int = 0

    @classmethod
    def at(cls, viewer: Viewer, creator_id: int) -> "Onlooker":
        return cls(viewer.name, viewer.role, creator_id, viewer.versions, viewer.week_start)
