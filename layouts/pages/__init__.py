"""The pages, in menu order."""

from layouts.page import Page, PlainPage
from layouts.pages import creators, forecast, my_dashboard, overview

PAGES: tuple[Page, ...] = (overview.PAGE, creators.PAGE, forecast.PAGE, my_dashboard.PAGE)

ACCOUNTS = PlainPage("/accounts", "Accounts", frozenset({"admin"}))
PLAIN_PAGES = (ACCOUNTS,)
