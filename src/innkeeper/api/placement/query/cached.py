"""Queries that were parsed before: most requests repeat the words of an earlier one.

Only what follows from the text and the version alone may be kept; a refusal is not.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

from innkeeper.api.placement.versions import Version

T = TypeVar("T")

MAX_QUERIES: Final = 512
"""More than a cloud has flavors in use at one time."""
MAX_CACHED_CHARACTERS: Final = 1024
"""A longer query is parsed each time: with its values, 512 of these take some 4 MB."""


def cached_by_query(parse: Callable[[str, Version], T]) -> Callable[[str, Version], T]:
    """Give ``parse``, which remembers its latest results. They must be immutable."""
    remembered = lru_cache(maxsize=MAX_QUERIES)(parse)

    @wraps(parse)
    def parsed(query: str, version: Version) -> T:
        if len(query) > MAX_CACHED_CHARACTERS:
            return parse(query, version)
        return remembered(query, version)

    return parsed
