"""One module a page, named like its layout: `register(page, store)` and pure functions beside it."""

from collections.abc import Callable

from aggregation.queries import Store
from callbacks import audience, creators, forecast, gifts, my_dashboard, overview, retention, revenue
from callbacks.exports import Exporting
from callbacks.guard import PageGuard

REGISTER: dict[str, Callable[[PageGuard, Store], None]] = {
    "overview": overview.register,
    "audience": audience.register,
    "retention": retention.register,
    "revenue": revenue.register,
    "gifts": gifts.register,
    "creators": creators.register,
    "forecast": forecast.register,
    "my-dashboard": my_dashboard.register,
}
# What can be taken out, of which page.
EXPORTS: dict[str, Exporting] = {
    "overview": overview.export,
    "audience": audience.export,
    "retention": retention.export,
    "revenue": revenue.export,
    "gifts": gifts.export,
    "creators": creators.export,
    "my-dashboard": my_dashboard.export,
}
