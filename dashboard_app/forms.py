"""What forms share: errors of the work behind them are said at the field they are about."""

from collections.abc import Callable
from typing import Any

from wtforms import ValidationError

from aggregation.errors import UserError

# The status of a form that can't be carried out as it is.
INVALID = 422
# In addresses: the largest that PostgreSQL has.
NUMBER = f"<int(max={2**63 - 1}):number>"


def require(check: Callable[[], object]) -> None:
    """For a form's validator: what `check` says against it is the field's error."""
    try:
        check()
    except UserError as error:
        raise ValidationError(str(error)) from None


def done(field: Any, change: Callable[[], object]) -> bool:
    """Whether `change` could be made; else `field` says why not."""
    try:
        change()
    except UserError as error:
        field.errors = [*field.errors, str(error)]
        return False
    return True
