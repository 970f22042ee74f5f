"""A made-up platform for `demo`: deterministic, believable, as large as asked for.

Who and what there is (users, creators, videos) is drawn first. Then day after day is played
through: who comes, to whom, what they watch, give, like and follow. A day is a fixed number of
numpy calls, whatever its size.
"""

from aggregation.demo.loading import featured_creator, is_loaded, load
from aggregation.demo.rows import generate
from aggregation.demo.scale import Scale

__all__ = ["Scale", "featured_creator", "generate", "is_loaded", "load"]
