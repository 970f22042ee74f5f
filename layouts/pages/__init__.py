"""The pages, in menu order."""

from layouts.page import Page, PlainPage
from layouts.pages import audience, creators, forecast, gifts, my_dashboard, overview, retention, revenue

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    revenue.PAGE,
    gifts.PAGE,
    audience.PAGE,
    retention.PAGE,
    creators.PAGE,
    forecast.PAGE,
    my_dashboard.PAGE,
)

ACCOUNTS = PlainPage("/accounts", "Accounts", frozenset({"admin"}))
PLAIN_PAGES = (ACCOUNTS,)
