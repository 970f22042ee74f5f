"""What requests bring: read strictly, and refused with a message that names what is wrong."""

import re
from datetime import date
from typing import Any, NoReturn

import marshmallow as ma
import orjson
from flask import Request, abort
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter, ValidationError

from aggregation.periods import MAX_DAYS

DEFAULT_DAYS = 30
# Rows of one answer: all of a month's hours of some seventy sparks. Some 8 MB, and under a second of work.
MAX_ROWS = 50_000
LARGEST = 2**31 - 1
LARGEST_ID = 2**63 - 1
# Of a name that a request made up, so much is repeated.
SHOWN = 60


class Id(BaseConverter):
    """An id in a path: digits as a program writes them, no sign, no zeros in front."""

    regex = "0|[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        if int(value) > LARGEST_ID:
            raise ValidationError
        return int(value)

    @staticmethod
    def described(_: Any) -> dict[str, Any]:
        return {"type": "integer", "format": "int64", "minimum": 0, "maximum": LARGEST_ID}


# ---- fields ----


class WholeNumber(ma.fields.Integer):
    """A number of a JSON body: neither true nor "30" nor 30.0."""

    def __init__(self, name: str, low: int, high: int, description: str, **options: Any) -> None:
        self.refusal = f"{name} must be a whole number from {low} to {high}"
        within = ma.validate.Range(low, high, error=self.refusal)
        options |= {"error_messages": {"null": self.refusal}, "metadata": {"description": description}}
        super().__init__(validate=within, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int:
            raise ma.ValidationError(self.refusal)
        return value


class WrittenNumber(WholeNumber):
    """A number of a query string: ASCII digits only, neither 1.0 nor 1_0 nor other scripts' digits."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if not (isinstance(value, str) and re.fullmatch("[0-9]{1,10}", value)):
            raise ma.ValidationError(self.refusal)
        return int(value)


class Day(ma.fields.Date):
    """A day as 2026-11-20, and in no other way."""

    def __init__(self, name: str, **options: Any) -> None:
        self.refusal = f"{name} must be a day such as 2026-11-20"
        super().__init__(error_messages={"null": self.refusal, "required": self.refusal}, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> date:
        if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        raise ma.ValidationError(self.refusal)


# ---- what a request may bring ----


class Question(ma.Schema):
    """A query string. What isn't known in it is nobody's business."""

    class Meta:
        unknown = ma.EXCLUDE


def _days(default: int = DEFAULT_DAYS) -> WrittenNumber:
    return WrittenNumber("days", 1, MAX_DAYS, "The last N complete days", load_default=default)


class Window(Question):
    days = _days()


class KnownWindow(Window):
    known = Day(
        "known",
        load_default=None,
        metadata={
            "description": "The numbers as they were known at the end of this day (UTC), without what was"
            " restated since; null where that can't be told",
            "example": "2026-11-20",
        },
    )


class Part(Question):
    """Of a long list."""

    limit = WrittenNumber("limit", 1, MAX_ROWS, "At most so many rows", load_default=MAX_ROWS)
    offset = WrittenNumber("offset", 0, LARGEST, "Leave out so many rows", load_default=0)


class WindowPart(Part):
    days = _days()


class CohortsPart(Part):
    days = _days(90)


class Body(ma.Schema):
    """A JSON body: an object with these members and no others."""

    error_messages = {  # noqa: RUF012 - as marshmallow has it
        "type": "the body must be a JSON object",
        "unknown": "is not known here",
    }


class OneDay(Body):
    date = Day(
        "date", required=True, metadata={"description": "A complete day (UTC)", "example": "2026-11-20"}
    )


class Ahead(Body):
    days = WholeNumber("days", 1, MAX_DAYS, "So many days ahead", load_default=DEFAULT_DAYS)


class Parser(FlaskParser):
    """Reads requests for the schemas above."""

    def load_querystring(self, req: Request, schema: ma.Schema) -> dict[str, Any]:
        """What is given twice comes as a list, which no field takes."""
        return {name: values[0] if len(values) == 1 else values for name, values in req.args.lists()}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        if not req.is_json:
            abort(400, "The body must be JSON, sent as application/json.")
        try:
            return orjson.loads(req.get_data())
        except orjson.JSONDecodeError:
            abort(400, "The body is not valid JSON.")

    def handle_error(self, error: ma.ValidationError, *_: Any, **__: Any) -> NoReturn:
        """Say the first of what is wrong; each message names what it is about."""
        (faults,) = error.messages_dict.values()
        name, messages = next(iter(faults.items()))
        message = messages[0]
        abort(422, f"{name[:SHOWN]} {message}" if message == Body.error_messages["unknown"] else message)
