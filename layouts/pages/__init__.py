"""The pages, in menu order."""

from layouts.page import Page, PlainPage
from layouts.pages import forecast, gifts, my_dashboard, overview, revenue

PAGES: tuple[Page, ...] = (overview.PAGE, revenue.PAGE, gifts.PAGE, forecast.PAGE, my_dashboard.PAGE)

ACCOUNTS = PlainPage("/accounts", "Accounts", frozenset({"admin"}))
PLAIN_PAGES = (ACCOUNTS,)
