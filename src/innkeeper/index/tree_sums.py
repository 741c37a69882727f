"""What is free in each host's whole tree, kept until the host's version says that it changed."""

from typing import Final

import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.index.columns import Columns
from innkeeper.index.growing import NOTHING, Int32s, Int64s
from innkeeper.index.resource_column import ResourceColumn

MAX_SINGLE: Final = 32
"""Hosts that are summed up one by one; with more of them one pass over all is quicker."""


class _Kept:
    """Sums of one class, and the versions of which they are."""

    __slots__ = ("seen", "sums")

    def __init__(self, count: int) -> None:
        self.seen = np.full(count, NOTHING, dtype=np.int64)
        self.sums = np.zeros(count, dtype=np.int64)


class TreeSums:
    """Free amounts by resource class and host."""

    __slots__ = ("_columns", "_kept")

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._kept: dict[str, _Kept] = {}

    def free(self, resource_class: str, roots: Int32s, versions: Int64s) -> Int64s:
        """Give capacity - used - held of a class, summed over the tree below each of ``roots``."""
        column = self._columns.classes.get(resource_class)
        if column is None:
            self._kept.pop(resource_class, None)
            return np.zeros(len(roots), dtype=np.int64)
        kept = self._kept.get(resource_class)
        if kept is None or len(kept.seen) != len(roots):
            kept = self._kept[resource_class] = _Kept(len(roots))
        stale = np.flatnonzero(kept.seen != versions)
        if len(stale) > MAX_SINGLE:
            kept.sums = self.of_all(column, column.free, roots)
            kept.seen = versions.copy()
        elif len(stale):
            for position in stale.tolist():
                kept.sums[position] = self._of_one(column, int(roots[position]))
            kept.seen[stale] = versions[stale]
        # A copy, since what was given out must not change with the next claim.
        return kept.sums.copy()

    def of_all(
        self, column: ResourceColumn | None, amounts: Int64s | None, roots: Int32s
    ) -> Int64s:
        """Sum one array of a column over the tree below each of ``roots``."""
        if column is None or amounts is None:
            return np.zeros(len(roots), dtype=np.int64)
        trees = self._columns.trees
        by_root = np.zeros(self._columns.count + 1, dtype=np.int64)
        root_of = trees.root[column.rows[: column.count]]
        if trees.nested:
            np.add.at(by_root, root_of, amounts[: column.count])
        else:
            by_root[root_of] = amounts[: column.count]
        return by_root[roots]  # The root -1 takes the last element: a zero.

    def _of_one(self, column: ResourceColumn, root: int) -> int:
        if root == NOTHING:
            return 0
        slots = (int(column.slot[row]) for row in self._columns.trees.tree(RpRow(root)))
        return sum(int(column.free[slot]) for slot in slots if slot != NOTHING)
