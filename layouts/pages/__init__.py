"""The pages, in menu order."""

from layouts.page import Page
from layouts.pages import my_dashboard, overview

PAGES: tuple[Page, ...] = (overview.PAGE, my_dashboard.PAGE)
