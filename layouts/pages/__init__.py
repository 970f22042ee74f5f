"""The pages, in menu order."""

from layouts.page import Page, PlainPage
from layouts.pages import audience, forecast, my_dashboard, overview, retention

PAGES: tuple[Page, ...] = (overview.PAGE, audience.PAGE, retention.PAGE, forecast.PAGE, my_dashboard.PAGE)

ACCOUNTS = PlainPage("/accounts", "Accounts", frozenset({"admin"}))
PLAIN_PAGES = (ACCOUNTS,)
