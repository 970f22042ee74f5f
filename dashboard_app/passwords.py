"""Passwords: which ones are good enough, and how they are kept."""

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from aggregation.errors import UserError

MIN_LENGTH = 8
MAX_LENGTH = 1024
PRODUCT = "sparkboard"
# zxcvbn's scale: 0 and 1 are guessed within a million tries.
MIN_SCORE = 2
# Some hostile passwords take it seconds, growing with their length. What begins well is good.
JUDGED = 16

# OWASP's parameters for Argon2id: 19 MiB, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked against where the name is unknown, so that both cases take the same time.
_DECOY = _hasher.hash(secrets.token_urlsafe(16))

# Without letters and digits that are taken for each other.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def require_good(password: str, name: str) -> None:
    """Raises UserError for one that is too short, too long or easily guessed. `name` is the account's."""
    if len(password) > MAX_LENGTH or not MIN_LENGTH <= len(_normal(password)) <= MAX_LENGTH:
        raise UserError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    if any(unicodedata.category(character) == "Cs" for character in password):
        raise UserError("a password is made of whole characters")
    # It holds lists of common passwords and takes a moment to load; few commands need it.
    from zxcvbn import zxcvbn

    # The names of the account and of the product make nothing harder to guess.
    own = _normal(password).casefold()
    for known in (_normal(name.strip()).casefold(), PRODUCT):
        own = own.replace(known, "") if known else own
    if not own or zxcvbn(own[:JUDGED])["score"] < MIN_SCORE:
        raise UserError("this password is too easy to guess: it is common, follows a pattern, or is a name")


def hashed(password: str) -> str:
    """The Argon2id hash."""
    return _hasher.hash(_normal(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether `stored` is the hash of `password`; takes the same time where there is none."""
    possible = stored is not None and len(password) <= MAX_LENGTH
    try:
        # Never a part of what was typed: a longer one is compared with what it cannot be.
        _hasher.verify(stored if stored and possible else _DECOY, _normal(password[: MAX_LENGTH + 1]))
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    return possible


def is_outdated(stored: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def generated() -> str:
    """Four groups of four, some 79 bits: to be handed over and replaced."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def _normal(password: str) -> str:
    """The same for the same characters, however a keyboard composes them (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)
