"""How large a made-up platform is asked for."""

from dataclasses import dataclass

from aggregation.errors import UserError


@dataclass(frozen=True)
class Scale:
    """What is asked for on the command line."""

    days: int = 365
    creators: int = 320
    users: int = 22_000
    seed: int = 2026


def require_sensible(scale: Scale) -> None:
    for name, value, least, most in (
        ("days", scale.days, 1, 3660),
        ("creators", scale.creators, 1, 100_000),
        ("users", scale.users, 1, 2_000_000),
        ("seed", scale.seed, 0, 2**32 - 1),
    ):
        if not least <= value <= most:
            raise UserError(f"the demo's {name} must be from {least} to {most}, not {value}")
    if scale.users < scale.creators:
        raise UserError(
            f"creators are users, too: the demo's users must be at least {scale.creators}, not {scale.users}"
        )
