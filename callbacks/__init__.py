"""One module a page, named like its layout: `register(page, store)` and pure functions beside it."""

from collections.abc import Callable

from aggregation.queries import Store
from callbacks import (
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
    "operations": operations.register,
    "my-dashboard": my_dashboard.register,
    "earnings": earnings.register,
    "supporters": supporters.register,
    "content": content.register,
    "my-audience": my_audience.register,
}
# What can be taken out, of which page.
EXPORTS: dict[str, Exporting] = {
    "overview": overview.export,
    "audience": audience.export,
    "retention": retention.export,
    "revenue": revenue.export,
    "gifts": gifts.export,
    "creators": creators.export,
    "forecast": forecast.export,
    "my-dashboard": my_dashboard.export,
    "earnings": earnings.export,
    "supporters": supporters.export,
    "content": content.export,
    "my-audience": my_audience.export,
}
