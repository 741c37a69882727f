"""Kept: what was worked out from a tree, for as long as nothing in the tree changes."""

from typing import Final

from innkeeper.core.ids import RpRow

MAX_KEPT_BYTES: Final = 64 * 1024 * 1024
"""Room for the summaries of 100,000 providers. Beyond it all is dropped: what is asked for
again will be kept again."""


class Kept:
    """A piece of an answer for each root."""

    __slots__ = ("_by_root", "_max_bytes", "_size")

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._by_root: dict[RpRow, bytes] = {}
        self._max_bytes = max_bytes
        self._size = 0

    def get(self, root: RpRow) -> bytes | None:
        """Give what is kept for a tree, if there is anything."""
        return self._by_root.get(root)

    def put(self, root: RpRow, piece: bytes) -> None:
        """Keep a piece until the tree changes, or there is no more room."""
        self.drop(root)
        if self._size + len(piece) > self._max_bytes:
            self._by_root.clear()
            self._size = 0
        self._by_root[root] = piece
        self._size += len(piece)

    def drop(self, root: RpRow) -> None:
        """Say that something in a tree changed."""
        self._size -= len(self._by_root.pop(root, b""))
