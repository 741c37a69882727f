"""Listing: the providers that meet conditions each by itself, whatever tree it is in.

Unlike a search it looks at what is used now and at no claims in flight, and nothing is shared.
"""

from innkeeper.core.request_group import RequestGroup
from innkeeper.index.columns import Columns
from innkeeper.index.growing import NOTHING, Int32s
from innkeeper.index.qualifying import admits


def that_meet(columns: Columns, rows: Int32s, group: RequestGroup) -> Int32s:
    """Give those of ``rows``, in their order, that have the room and all else asked for.

    ``in_tree`` is not looked at.
    """
    for name, amount in group.resources:
        column = columns.classes.get(name)
        if column is None:
            return rows[:0]
        rows = rows[column.slot[rows] != NOTHING]
        slots = column.slot[rows]
        # Units come first: an amount that none admits may be more than the arrays can hold.
        fits = admits(column, slots, amount)
        slots, rows = slots[fits], rows[fits]
        rows = rows[column.capacity[slots] - column.used[slots] >= amount]
    count = columns.count
    for any_of in group.required:
        rows = rows[columns.traits.any_of(any_of, count)[rows]]
    if group.forbidden:
        rows = rows[~columns.traits.any_of(tuple(group.forbidden), count)[rows]]
    for any_aggregate in group.member_of:
        rows = rows[columns.aggregates.any_of(any_aggregate, count)[rows]]
    if group.forbidden_aggregates:
        rows = rows[~columns.aggregates.any_of(group.forbidden_aggregates, count)[rows]]
    return rows
