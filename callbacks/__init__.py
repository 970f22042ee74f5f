"""One module a page, named like its layout: `register(page, queries)` and pure functions beside it."""

from collections.abc import Callable

from aggregation.queries import Queries
from callbacks import my_dashboard, overview
from layouts.page import Guard

REGISTER: dict[str, Callable[[Guard, Queries], None]] = {
    "overview": overview.register,
    "my-dashboard": my_dashboard.register,
}
