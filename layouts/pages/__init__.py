"""The pages, in menu order."""

from layouts.page import Page, PlainPage
from layouts.pages import (
    audience,
    content,
    earnings,
    forecast,
    my_audience,
    my_dashboard,
    overview,
    retention,
    supporters,
)

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    audience.PAGE,
    retention.PAGE,
    forecast.PAGE,
    my_dashboard.PAGE,
    earnings.PAGE,
    supporters.PAGE,
    content.PAGE,
    my_audience.PAGE,
)

ACCOUNTS = PlainPage("/accounts", "Accounts", frozenset({"admin"}))
PLAIN_PAGES = (ACCOUNTS,)
