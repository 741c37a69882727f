"""A statement as libpq takes it: places by number, values as text."""

import re
from collections.abc import Mapping
from typing import Final

import psycopg

from innkeeper.store.prepared import Scalar

_PLACE: Final = re.compile(r"%\((\w+)\)s|%%")
_TEXT: Final = 0
_BINARY: Final = 1


class LibpqStatement:
    """A statement that is prepared under a name, before it is first run."""

    __slots__ = ("_order", "is_prepared", "name", "text")

    def __init__(self, sql: str, name: bytes) -> None:
        """Take ``sql`` as psycopg's cursors do, with places by name."""
        self.name = name
        self.is_prepared = False
        self._order: list[str] = []
        """The names of its values, each once."""
        self.text = _PLACE.sub(self._place, sql).encode()

    def sent(self, values: Mapping[str, Scalar]) -> tuple[list[bytes | None], list[int]]:
        """Give the values in the order of their places, and the formats that they are in.

        Raises DataError: a text has a NUL, which PostgreSQL does not keep.
        """
        order = self._order
        return (
            [_as_sent(values[name]) for name in order],
            [_BINARY if isinstance(values[name], bytes) else _TEXT for name in order],
        )

    def _place(self, found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%"
        if name not in self._order:
            self._order.append(name)
        return f"${self._order.index(name) + 1}"


def _as_sent(value: Scalar) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    text = str(value)
    if "\0" in text:
        # It would end the text there.
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text.encode()
