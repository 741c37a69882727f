"""Provider trees: who is whose parent, root, child; in the order of creation."""

from bisect import insort

import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.index.growing import FIRST_SIZE, NOTHING, Int32s, Int64s, grown


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

    def place(self, rows: Int32s, *, parents: Int32s, roots: Int32s, keys: Int64s) -> bool:
        """Put providers into their trees; tell whether that changed anything.

        Those below them stay where they are until they are placed themselves.
        """
        moved = self.parent[rows] != parents
        moved |= self.root[rows] != roots
        moved |= self.keys[rows] != keys
        if not moved.any():
            return False
        rows, parents, roots, keys = rows[moved], parents[moved], roots[moved], keys[moved]
        before = self.root[rows]
        for row in rows[(before != rows) & (before != NOTHING)].tolist():
            self._leave(row)
        self.parent[rows] = parents
        self.root[rows] = roots
        self.keys[rows] = keys
        below = roots != rows
        for row, root, key in zip(
            rows[below].tolist(), roots[below].tolist(), keys[below].tolist(), strict=True
        ):
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
