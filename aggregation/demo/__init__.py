"""A made-up platform for `demo`: deterministic, believable, as large as asked for.

Who and what there is (users, creators, videos) is drawn first. Then day after day is played
through: who comes, to whom, what they watch, give, like and follow. A day is a fixed number of
numpy calls, whatever its size.
"""

from aggregation.demo.loading import featured_creator, holds_rows, is_loaded, is_made_up, load, unmark
from aggregation.demo.rows import generate
from aggregation.demo.scale import Scale, require_sensible

__all__ = [
    "Scale",
    "featured_creator",
    "generate",
    "holds_rows",
    "is_loaded",
    "is_made_up",
    "load",
    "require_sensible",
    "unmark",
]
