"""What is free in each host's whole tree, kept up to date change by change."""

from typing import Final

import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.index.change_log import ChangeLog
from innkeeper.index.columns import Columns
from innkeeper.index.growing import NOTHING, Float64s, Int32s, Int64s, Positions
from innkeeper.index.resource_column import ResourceColumn

MAX_SINGLE: Final = 32
"""Hosts that are repaired one by one; more of them by arrays, or, where any tree has several
providers, by one pass over all."""


class _Kept:
    """The sums of one class, as whole numbers and as floats."""

    __slots__ = ("floats", "sums")

    def __init__(self, sums: Int64s) -> None:
        self.sums = sums
        self.floats: Float64s = sums.astype(np.float64)

    def put(self, positions: int | Positions, amounts: int | Int64s) -> None:
        self.sums[positions] = self.floats[positions] = amounts


class TreeSums:
    """Free amounts by resource class and host; ``log`` tells it what to look at again."""

    __slots__ = ("_columns", "_kept", "_log", "_seen", "_size")

    def __init__(self, columns: Columns, log: ChangeLog) -> None:
        self._columns, self._log = columns, log
        self._kept: dict[str, _Kept] = {}
        self._seen = 0
        self._size = 0

    def free(self, resource_class: str, roots: Int32s) -> Int64s:
        """Give capacity - used - held of a class, summed over the tree below each of ``roots``."""
        kept = self._now(resource_class, roots)
        # A copy, since what was given out must not change with the next claim.
        return np.zeros(len(roots), dtype=np.int64) if kept is None else kept.sums.copy()

    def free_floats(self, resource_class: str, roots: Int32s) -> Float64s:
        """Give the same as float64[n], good until the next change and not to be written to."""
        kept = self._now(resource_class, roots)
        return np.zeros(len(roots)) if kept is None else kept.floats

    def _now(self, resource_class: str, roots: Int32s) -> _Kept | None:
        """Give the sums of a class as they are now, or None if nobody has it."""
        if self._seen != self._log.count:
            self._repair(roots)
        kept = self._kept.get(resource_class)
        column = self._columns.classes.get(resource_class)
        if column is None:
            return None
        if kept is None:
            kept = self._kept[resource_class] = _Kept(self.of_all(column, column.free, roots))
        return kept

    def _repair(self, roots: Int32s) -> None:
        """Sum up again what changed, of all classes that are kept; drop what is of no use."""
        changed = self._log.since(self._seen)
        before, self._size = self._size, len(roots)
        self._seen = self._log.count
        trees, classes = self._columns.trees, self._columns.classes
        nested = trees.nested
        if changed is None or before != self._size or (nested and len(changed) > MAX_SINGLE):
            self._kept.clear()
            return
        for name in [name for name in self._kept if name not in classes]:
            del self._kept[name]
        kept = [(classes[name], each) for name, each in self._kept.items()]
        if len(changed) > MAX_SINGLE:
            at = np.array([position for position in changed if position != NOTHING], dtype=np.intp)
            for column, each in kept:
                each.put(at, column.free_of(roots[at]))
            return
        for position in changed:
            if position != NOTHING:
                root = RpRow(roots.item(position))
                rows = trees.tree(root) if nested and root != NOTHING else (root,)
                for column, each in kept:
                    each.put(position, sum([column.free_by(row) for row in rows]))

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
