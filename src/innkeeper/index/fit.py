"""Fit: who could serve one need, by everything but the amounts that are free right now."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.index.growing import Bools, Int32s, Int64s, Positions
from innkeeper.index.resource_column import ResourceColumn

FIRST_BLOCK: Final = 500
"""Elements up to which NumPy does not let go of the interpreter, which another thread would keep
for longer than to look at them takes."""
GROWTH: Final = 8
"""How many times as large each block is as the one before: few, if most do not fit."""

Slots = Int32s | slice
"""Where a column has some rows; a slice if that is its first so many slots, in order."""


class Demand:
    """An amount of one class, and where the class has the providers of a fit."""

    __slots__ = ("amount", "column", "slots")

    def __init__(self, column: ResourceColumn, amount: int, rows: Int32s) -> None:
        self.column = column
        self.amount = amount
        slots = column.slot[rows]
        # Hosts alike, registered one by one, have the same slots in each class. Then a slice
        # saves the gather, which is most of the time that a search takes.
        in_order = len(slots) and np.array_equal(slots, np.arange(len(slots), dtype=np.int32))
        self.slots: Slots = slice(0, len(slots)) if in_order else slots

    def free(self) -> Int64s:
        """Give what each provider of the fit has free: int64[pairs]."""
        free: Int64s = self.column.free[self.slots]
        return free

    def met(self, first: int = 0, end: int | None = None) -> Bools:
        """Tell of the pairs from ``first`` to ``end`` whether they have it free: bool[pairs]."""
        slots = self.slots
        if isinstance(slots, slice):
            where: Slots = slice(first, slots.stop if end is None else end)
        else:
            where = slots[first:end]
        met: Bools = self.column.free[where] >= self.amount
        return met

    def met_by(self, pair: int) -> bool:
        """Tell whether the provider of one pair has the amount free."""
        slot = pair if isinstance(self.slots, slice) else self.slots.item(pair)
        return self.column.free.item(slot) >= self.amount

    def met_at(self, pairs: Positions) -> Bools:
        """Tell of some pairs whether they have it free: bool[pairs]."""
        slots = pairs if isinstance(self.slots, slice) else self.slots[pairs]
        met: Bools = self.column.free[slots] >= self.amount
        return met

    def times(self) -> Int64s:
        """Give how many times each provider of the fit could serve it: int64[pairs]."""
        most = np.minimum(self.free(), self.column.max_unit[self.slots])
        times: Int64s = np.maximum(most // self.amount, 0)
        return times


class Fit:
    """Pairs of a provider and the root of a tree that it may serve, in the order of the roots.

    ``rows`` are the providers: int32[pairs]; those of the plan's i-th root are the pairs
    ``starts[i]`` to ``starts[i + 1]``, never none. A sharing provider serves several trees.
    """

    __slots__ = ("demands", "one_each", "rows", "starts")

    def __init__(
        self, rows: Int32s, starts: Int32s, demands: Sequence[tuple[ResourceColumn, int]]
    ) -> None:
        self.rows = rows
        self.starts = starts
        self.one_each = len(rows) == len(starts) - 1
        self.demands = tuple(Demand(column, amount, rows) for column, amount in demands)

    def fitting(self, most: int | None = None) -> Positions:
        """Give the first pairs, up to ``most``, that have the amounts free now; there are demands.

        It looks at a few, then at more and more, since seldom all are needed.
        """
        count = len(self.rows)
        left, size = (count, count) if most is None else (most, FIRST_BLOCK)
        found: list[Positions] = []
        first = 0
        while left > 0 and first < count:
            end = min(first + size, count)
            fits, *others = [demand.met(first, end) for demand in self.demands]
            for other in others:
                fits &= other
            here = np.flatnonzero(fits)[:left]
            found.append(here + first)
            left -= len(here)
            first, size = end, GROWTH * size
        return np.concatenate(found) if found else np.empty(0, dtype=np.intp)

    def serving(self, position: int) -> list[RpRow]:
        """Give the rows that could serve the plan's root at ``position`` now."""
        found = []
        for pair in range(self.starts.item(position), self.starts.item(position + 1)):
            for demand in self.demands:
                if not demand.met_by(pair):
                    break
            else:
                found.append(RpRow(self.rows.item(pair)))
        return found

    def any_of_root(self, pairs: Bools) -> Bools:
        """Fold a mask over pairs to the plan's roots: bool[roots]."""
        if self.one_each:
            return pairs
        folded: Bools = np.logical_or.reduceat(pairs, self.starts[:-1])
        return folded

    def sum_of_root(self, amounts: Int64s) -> Int64s:
        """Sum an array over pairs for each of the plan's roots: int64[roots]."""
        if self.one_each:
            return amounts
        return np.add.reduceat(amounts, self.starts[:-1], dtype=np.int64)
