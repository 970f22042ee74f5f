"""Problems that the person at the terminal can mend."""


class UserError(Exception):
    """Shown as one line on stderr, without a traceback; the command then exits with 1.

    The message names what was wrong and what is allowed.
    """

    # Whether the same may well succeed a little later.
    passing: bool = False


class Busy(UserError):  # noqa: N818
    """Somebody else is at it; try again later."""

    passing = True


class UsageError(UserError):
    """The command or a setting was used wrongly; the command exits with 2."""


class Unavailable(UserError):  # noqa: N818
    """Something outside doesn't answer or has broken off; the same may well succeed later."""

    passing = True


class Interrupted(Exception):  # noqa: N818
    """Somebody asked for an end before the work was done. What was under way is rolled back."""
