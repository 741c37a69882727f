"""Sharing providers: which trees may use what they have.

A provider with the trait MISC_SHARES_VIA_AGGREGATE serves, besides its own tree, each tree
of which any provider is in an aggregate with it.
"""

import numpy as np

from innkeeper.core.names import SHARES_VIA_AGGREGATE
from innkeeper.index.columns import Columns
from innkeeper.index.growing import Bools, Int32s


def sharing(columns: Columns) -> Bools | None:
    """Give which rows are sharing providers, or None if none is."""
    return columns.traits.mask(SHARES_VIA_AGGREGATE)


def other_roots(columns: Columns, row: int) -> Int32s:
    """Give the roots of the trees, other than its own, that a sharing provider serves."""
    reached = [columns.aggregates.rows(uuid) for uuid in columns.aggregates.of(row)]
    if not reached:
        return np.empty(0, dtype=np.int32)
    roots = np.unique(columns.trees.root[np.concatenate(reached)])
    others: Int32s = roots[roots != columns.trees.root[row]]
    return others


def shared_pairs(columns: Columns, rows: Int32s) -> tuple[Int32s, Int32s]:
    """Give the pairs (sharing provider among ``rows``, root of another tree it serves)."""
    shares = sharing(columns)
    sharers = rows[:0] if shares is None else rows[shares[rows]]
    served = [other_roots(columns, row) for row in sharers.tolist()]
    if not served:
        return rows[:0], rows[:0]
    repeats = [len(roots) for roots in served]
    return np.repeat(sharers, repeats), np.concatenate(served)
