"""The pages, in menu order."""

from layouts.page import Page, PlainPage
from layouts.pages import (
    audience,
    content,
    creators,
    earnings,
    forecast,
    gifts,
    my_audience,
    my_dashboard,
    operations,
    overview,
    retention,
    revenue,
    supporters,
)

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    revenue.PAGE,
    gifts.PAGE,
    audience.PAGE,
    retention.PAGE,
    creators.PAGE,
    forecast.PAGE,
    operations.PAGE,
    my_dashboard.PAGE,
    earnings.PAGE,
    supporters.PAGE,
    content.PAGE,
    my_audience.PAGE,
)

ACCOUNTS = PlainPage("/accounts", "Accounts", frozenset({"admin"}))
PLAIN_PAGES = (ACCOUNTS,)
