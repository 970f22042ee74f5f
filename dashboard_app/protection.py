"""How the application is guarded, as far as that can be set."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregation.days import utc_now
from dashboard_app.proxies import Network


@dataclass(frozen=True)
class Protection:
    """The defaults are those of the settings. `clock` is that of sessions and throttles: aware, in UTC."""

    idle: timedelta = timedelta(hours=8)
    absolute: timedelta = timedelta(hours=24)
    proxies: tuple[Network, ...] = ()
    # Who may ask for metrics; None: programs on this machine.
    metrics_token: str | None = None
    clock: Callable[[], datetime] = utc_now
