"""Content: a creator's videos → cards, a figure and a table in pages."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from urllib.parse import parse_qsl, urlencode

from dash import html

from aggregation import metrics
from aggregation.content import Brought, Content, Video
from aggregation.metrics import Metric
from aggregation.queries import Queries, Store
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.my_dashboard import NOT_COUNTED, nothing_yet, unknown_creator
from callbacks.selection import Selection, badge, kpi, select
from layouts import creator_figures, formats, shell
from layouts.components import (
    Box,
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    attributes,
    kpi_card,
    message_card,
    table_card,
)
from layouts.exports import Amount, Cell, Export, Table
from layouts.page import Asked, Viewer
from layouts.pages.content import PAGE, Ids
from layouts.places import here

ROWS = 25
LAST_PAGE = 200
EXPORTED = 10_000

RPM = "Which videos earn most for their views?"
VIDEOS = "What did each video bring?"
WITHOUT = "Gifts without a video"
ALL = "All"
WORDS = (
    "Gifts sent outside of a video, or on somebody else's, are a line of their own; all lines add up to your "
    "totals. RPM: earned from gifts with a video for every 1,000 views."
)


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=False)


def content(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Filled:
    """Whose page this is comes from the session alone, never from the browser."""
    freshness = queries.freshness()
    if freshness is None:
        return Filled(_only(nothing_yet()), shell.badge(None))
    creator_id = viewer.creator_id
    if creator_id is None or queries.creator_name(creator_id) is None:
        return Filled(_only(unknown_creator()), badge(freshness, now))
    chosen = select(freshness, asked)
    return Filled(filled(queries, creator_id, chosen, asked), badge(freshness, now), not chosen.failures.any)


def _only(parts: Parts) -> Parts:
    """The words of My dashboard, here."""
    (words,) = parts.values()
    return {Ids.HEAD: words}


def filled(queries: Queries, creator_id: int, chosen: Selection, asked: Asked) -> Parts:
    if queries.lacks("videos", chosen.period, chosen.freshness):
        return {Ids.HEAD: Box(message_card("Not counted yet", f"Videos are {NOT_COUNTED}."), "nothing")}
    brought = cache(partial(queries.content, creator_id))

    def numbers() -> list[Kpi]:
        before = brought(chosen.comparable) if chosen.comparable else None
        return chosen.told(key_numbers(brought(chosen.period), before))

    figure = partial(chosen.figure, "content")
    return {
        Ids.HEAD: [chosen.line(), chosen.section("Key numbers", lambda: cards(numbers()))],
        **figure("views_and_rpm", RPM, lambda: views_and_rpm(queries, creator_id, chosen)),
        Ids.TABLE: chosen.section(
            VIDEOS, lambda: table(queries, creator_id, chosen, asked, brought(chosen.period))
        ),
    }


# ---- cards ----


def cards(kpis: Sequence[Kpi]) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis], className="kpis")


def key_numbers(now: Content, before: Content | None) -> list[Kpi]:
    def card(metric: Metric, part: str) -> Kpi:
        value = getattr(now.with_video, part)
        earlier = getattr(before.with_video, part) if before else None
        recorded = now.with_video.views is not None
        reason = "no views in this period" if recorded else "not recorded on all of these days"
        return kpi(metric, value, earlier, reason=reason)

    return [
        card(metrics.VIEWS, "views"),
        card(metrics.CREATOR_ENGAGEMENT, "engagement"),
        card(metrics.RPM, "rpm"),
        card(metrics.GIFTS_PER_1000, "gifts_per_1000"),
    ]


# ---- figure and table ----


def views_and_rpm(queries: Queries, creator_id: int, chosen: Selection) -> Drawing:
    videos = queries.most_viewed(creator_id, chosen.period)
    if not videos:
        return Drawing(reason="No video with views brought anything in this period.")
    points = [
        creator_figures.Point(
            title(video),
            video.brought.views or 0,
            float(video.brought.rpm or 0),
            formats.exact(video.brought.earned, "money"),
        )
        for video in videos
    ]
    note = "A point a video that brought something, the most viewed ones."
    return Drawing(creator_figures.views_rpm(points, "Video"), note)


def title(video: Video) -> str:
    return video.title or f"Video {video.video_id}"


def asked_page(asked: Asked) -> int:
    number = dict(parse_qsl(asked.search.removeprefix("?"))).get("page", "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    return min(max(page, 1), LAST_PAGE)


def table(queries: Queries, creator_id: int, chosen: Selection, asked: Asked, now: Content) -> Component:
    page = asked_page(asked)
    videos, more = queries.videos_page(creator_id, chosen.period, ROWS, (page - 1) * ROWS)
    columns = (
        Column("Video", numeric=False),
        Column("Earned"),
        Column("RPM"),
        Column("Views"),
        Column("Engagement"),
        Column("Gifts"),
        Column("Likes"),
        Column("Comments"),
        Column("Shares"),
    )
    lines = [(title(video), video.brought) for video in videos]
    if page == 1:
        lines = [(ALL, together(now)), (WITHOUT, now.without), *lines]
    summed = len(lines) - len(videos)
    rows = [row(*line, rated=place >= summed) for place, line in enumerate(lines)]
    below = [more_words(brought) for _, brought in lines]
    shown = table_card("videos", VIDEOS, columns, rows, WORDS, wide=True, more=below)
    return [shown, pager(page, more, asked)]


def together(now: Content) -> Brought:
    """With and without a video; only the former has views."""
    one, other = now.with_video, now.without
    return Brought(
        one.views, one.likes, one.comments, one.shares, one.gifts + other.gifts, one.earned + other.earned
    )


def row(name: str, brought: Brought, *, rated: bool) -> tuple[str, ...]:
    """`rated`: with its RPM, which sums have on the cards."""
    counts = (brought.gifts, brought.likes, brought.comments, brought.shares)
    gifts, *reactions = (formats.exact(count, "count") for count in counts)
    return (
        name,
        formats.exact(brought.earned, "money"),
        formats.exact(brought.rpm, "money") if rated else formats.NO_VALUE,
        formats.exact(brought.views, "count"),
        formats.short(brought.engagement, "percent"),
        gifts,
        *reactions,
    )


def more_words(brought: Brought) -> str:
    parts = {
        "gifts": brought.gifts,
        "likes": brought.likes,
        "comments": brought.comments,
        "shares": brought.shares,
    }
    counts = [f"{formats.exact(count, 'count')} {what}" for what, count in parts.items() if count]
    engaged = f"{formats.short(brought.engagement, 'percent')} engagement" if brought.engagement else ""
    return " · ".join(part for part in (engaged, *counts) if part)


def pager(page: int, more: bool, asked: Asked) -> Component:
    def address(number: int) -> str:
        return f"{here(PAGE, asked)}?{urlencode(asked.question | {'page': str(number)})}"

    if page == 1 and not more:
        return None
    return html.Nav(
        [
            html.A("Previous", href=address(page - 1), className="button", rel="prev") if page > 1 else None,
            html.Span(f"Page {page}"),
            html.A("Next", href=address(page + 1), className="button", rel="next")
            if more and page < LAST_PAGE
            else None,
        ],
        className="pager",
        **attributes(aria_label="More videos"),
    )


# ---- export ----


def export(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness, creator_id = queries.freshness(), viewer.creator_id
    name = None if creator_id is None else queries.creator_name(creator_id)
    if freshness is None or creator_id is None or name is None:
        return None
    chosen = select(freshness, asked)
    if queries.lacks("videos", chosen.period, freshness):
        return None

    def numbers() -> Table:
        before = queries.content(creator_id, chosen.comparable) if chosen.comparable else None
        return exports.key_numbers(
            chosen.told(key_numbers(queries.content(creator_id, chosen.period), before))
        )

    def by_video() -> Table:
        videos, _ = queries.videos_page(creator_id, chosen.period, EXPORTED)
        without = queries.content(creator_id, chosen.period).without
        rows = [(WITHOUT, None, *cells(without)), *(video_cells(video) for video in videos)]
        return Table("Videos", COLUMNS, rows)

    tables = [exports.table("Key numbers", numbers), exports.table("Videos", by_video)]
    return exports.export(PAGE, chosen, asked, now, tables, owner=name)


COLUMNS = (
    "Video",
    "Made on",
    "Views",
    "Likes",
    "Comments",
    "Shares",
    "Gifts",
    "Earned ($)",
    "Engagement (%)",
    "RPM ($)",
)


def video_cells(video: Video) -> tuple[Cell, ...]:
    return (title(video), video.made_on, *cells(video.brought))


def cells(brought: Brought) -> tuple[Cell, ...]:
    return (
        brought.views,
        brought.likes,
        brought.comments,
        brought.shares,
        brought.gifts,
        Amount(brought.earned, "money"),
        Amount(brought.engagement, "percent"),
        Amount(brought.rpm, "money"),
    )
