"""Chunks: names cut to what one IN list may hold."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Select

MAX_IN_LIST: Final = 500
"""Well under every engine's limit on bound values."""

_Name = TypeVar("_Name")


def chunks(names: Iterable[_Name]) -> Iterator[list[_Name]]:
    """Give ``names`` in lists of at most MAX_IN_LIST."""
    ordered = list(names)
    for start in range(0, len(ordered), MAX_IN_LIST):
        yield ordered[start : start + MAX_IN_LIST]


def rows_named(
    conn: Connection,
    query: Select[Any],
    column: ColumnElement[Any],
    names: Collection[object] | None,
) -> Iterator[Any]:
    """Give the rows of ``query`` whose ``column`` is one of ``names`` (None: all rows)."""
    if names is None:
        yield from conn.execute(query)
        return
    for chunk in chunks(names):
        yield from conn.execute(query.where(column.in_(chunk)))
