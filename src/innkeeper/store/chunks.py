"""Chunks: names cut to what one IN list may hold."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

MAX_IN_LIST: Final = 500
"""Well under every engine's limit on bound values."""

_Name = TypeVar("_Name")


def chunks(names: Iterable[_Name]) -> Iterator[list[_Name]]:
    """Give ``names`` in lists of at most MAX_IN_LIST."""
    ordered = list(names)
    for start in range(0, len(ordered), MAX_IN_LIST):
        yield ordered[start : start + MAX_IN_LIST]
