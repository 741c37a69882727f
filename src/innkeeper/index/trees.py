"""Provider trees: who is whose parent, root, child; in the order of creation."""

from bisect import insort

import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.index.growing import FIRST_SIZE, NOTHING, grown


class Trees:
    """Parent and root of each row (-1: none, or no provider there).

    ``keys`` grow with the time of creation (a provider's id in the store does): by them the
    providers below a root are listed.
    """

    __slots__ = ("_below", "keys", "parent", "root")

    def __init__(self) -> None:
        self.parent = np.full(FIRST_SIZE, NOTHING, dtype=np.int32)
        self.root = np.full(FIRST_SIZE, NOTHING, dtype=np.int32)
        self.keys = np.full(FIRST_SIZE, NOTHING, dtype=np.int64)
        self._below: dict[int, list[tuple[int, RpRow]]] = {}

    @property
    def nested(self) -> bool:
        """Whether any provider has a parent."""
        return bool(self._below)

    def grow_rows(self, row_size: int) -> None:
        """Make room for ``row_size`` rows."""
        self.parent = grown(self.parent, row_size, NOTHING)
        self.root = grown(self.root, row_size, NOTHING)
        self.keys = grown(self.keys, row_size, NOTHING)

    def place(self, row: RpRow, *, parent: int, root: int, key: int) -> bool:
        """Put a provider into its tree; tell whether that changed anything.

        Those below it stay where they are until they are placed themselves.
        """
        if (self.parent[row], self.root[row], self.keys[row]) == (parent, root, key):
            return False
        self._leave(row)
        self.parent[row] = parent
        self.root[row] = root
        self.keys[row] = key
        if root != row:
            insort(self._below.setdefault(root, []), (key, row))
        return True

    def remove(self, row: RpRow) -> None:
        """Take a provider out. Any still below it become roots until they are placed anew."""
        self._leave(row)
        for orphan in [child for _, child in self._below.pop(row, [])]:
            self.parent[orphan] = NOTHING
            self.root[orphan] = orphan
        self.parent[row] = self.root[row] = self.keys[row] = NOTHING

    def tree(self, row: RpRow) -> list[RpRow]:
        """Give the rows of the whole tree that holds ``row``: the root, then by creation."""
        root = RpRow(int(self.root[row]))
        return [root, *(below for _, below in self._below.get(root, ()))]

    def children(self, row: RpRow) -> list[RpRow]:
        """Give the direct children of ``row`` by creation."""
        below = self._below.get(int(self.root[row]), ())
        return [child for _, child in below if self.parent[child] == row]

    def lineage(self, row: RpRow) -> list[RpRow]:
        """Give ``row``, its parent, and so on up to the root."""
        line = [row]
        while (parent := int(self.parent[line[-1]])) != NOTHING:
            line.append(RpRow(parent))
        return line

    def _leave(self, row: RpRow) -> None:
        root = int(self.root[row])
        below = self._below.get(root)
        if below is None or root == row:
            return
        below.remove((int(self.keys[row]), row))
        if not below:
            del self._below[root]
