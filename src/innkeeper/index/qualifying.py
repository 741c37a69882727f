"""Qualifying: narrows the providers down to those that meet a need's standing conditions.

Standing are all but the free amounts: inventory, units, traits, aggregates, in_tree. Each
condition is applied to pairs (provider, root of a tree it may serve) and named, so that the
survey can tell how many trees it ruled out.
"""

from collections.abc import Iterator

import numpy as np

from innkeeper.core.inventory import MAX_INT
from innkeeper.core.request_group import RequestGroup
from innkeeper.index.columns import Columns
from innkeeper.index.growing import NOTHING, Bools, Int32s
from innkeeper.index.need import Resources
from innkeeper.index.resource_column import ResourceColumn
from innkeeper.index.sharing import shared_pairs


class Qualifying:
    """The pairs that are left: ``rows`` int32[pairs] and ``roots`` int32[pairs]."""

    __slots__ = ("_columns", "_group", "_resources", "_spans", "_together", "roots", "rows")

    def __init__(
        self, columns: Columns, group: RequestGroup, resources: Resources, *, spans: bool
    ) -> None:
        """Start for some resources of a group.

        ``spans``: the group is the unsuffixed one, so that an aggregate of the root counts for
        its whole tree, and several providers may serve it.
        """
        self._columns = columns
        self._group = group
        self._resources = resources
        self._spans = spans
        # Several providers of a group have its required traits together, not each.
        self._together = spans and len(group.resources) > 1
        self.rows: Int32s = np.empty(0, dtype=np.int32)
        self.roots: Int32s = self.rows

    def narrow(self) -> Iterator[tuple[str, str]]:
        """Apply each condition that the group has; yield its name and what others lacked."""
        group = self._group
        self._start()
        asked = ", ".join(f"{amount} {name}" for name, amount in self._resources)
        if group.in_tree is not None:
            yield "in_tree", f"not the tree of {group.in_tree}"
        if self._resources:
            yield "inventory", f"no inventory of {' and '.join(n for n, _ in self._resources)}"
            self._keep(self._units())
            yield "units", f"min_unit, max_unit or step_size forbids {asked}"
        if group.forbidden or (group.required and not self._together):
            self._keep(self._traits())
            yield "traits", wanted_traits(group)
        if group.member_of or group.forbidden_aggregates:
            self._keep(self._aggregates())
            yield "aggregates", "not in an aggregate asked for, or in a forbidden one"

    def having(self, traits: tuple[str, ...]) -> Int32s:
        """Give the roots of the pairs whose provider has at least one of some traits."""
        found = self._columns.traits.any_of(traits, self._columns.count)
        return self.roots[found[self.rows]]

    def _start(self) -> None:
        columns, group = self._columns, self._group
        classes = [columns.classes.get(name) for name, _ in self._resources]
        present = [column for column in classes if column is not None]
        if len(present) < len(classes):
            return
        if group.in_tree is not None:
            target = columns.row(group.in_tree)
            self.rows = np.array([] if target is None else columns.trees.tree(target), np.int32)
        elif present:
            least = min(present, key=lambda column: column.count)
            self.rows = least.rows[: least.count].copy()
        else:
            self.rows = columns.rows()
        for column in present:
            self.rows = self.rows[column.slot[self.rows] != NOTHING]
        self.roots = columns.trees.root[self.rows]
        if not self._spans or group.in_tree is None:
            rows, roots = shared_pairs(columns, self.rows)
            if len(rows):
                self.rows = np.concatenate((self.rows, rows))
                self.roots = np.concatenate((self.roots, roots))

    def _keep(self, mask: Bools) -> None:
        self.rows = self.rows[mask]
        self.roots = self.roots[mask]

    def _units(self) -> Bools:
        fits = np.ones(len(self.rows), dtype=np.bool_)
        for name, amount in self._resources:
            column = self._columns.classes.get(name)
            if column is not None:  # Else there are no rows.
                fits &= admits(column, column.slot[self.rows], amount)
        return fits

    def _traits(self) -> Bools:
        fits = np.ones(len(self.rows), dtype=np.bool_)
        traits, count = self._columns.traits, self._columns.count
        for any_of in () if self._together else self._group.required:
            fits &= traits.any_of(any_of, count)[self.rows]
        if self._group.forbidden:
            fits &= ~traits.any_of(tuple(self._group.forbidden), count)[self.rows]
        return fits

    def _aggregates(self) -> Bools:
        aggregates, count = self._columns.aggregates, self._columns.count
        member = np.ones(count, dtype=np.bool_)
        for any_of in self._group.member_of:
            member &= aggregates.any_of(any_of, count)
        banned = aggregates.any_of(self._group.forbidden_aggregates, count)
        fits = member[self.rows]
        if not self._spans:
            kept: Bools = fits & ~banned[self.rows]
            return kept
        # A root's aggregates count for its tree; a sharing provider is in them itself.
        own = self._columns.trees.root[self.rows] == self.roots
        fits |= own & member[self.roots]
        return fits & ~banned[self.rows] & ~banned[self.roots]


def admits(column: ResourceColumn, slots: Int32s, amount: int) -> Bools:
    """Tell of each slot whether its units allow ``amount`` at once."""
    if amount > MAX_INT:  # Beyond any max_unit, and perhaps beyond what the arrays can hold.
        return np.zeros(len(slots), dtype=np.bool_)
    fits = column.min_unit[slots] <= amount
    fits &= column.max_unit[slots] >= amount
    steps = column.step_size[slots]
    if (steps != 1).any():
        fits &= amount % steps == 0
    return fits


def wanted_traits(group: RequestGroup) -> str:
    """Say for people what traits a group asks for."""
    wanted = [" or ".join(any_of) for any_of in group.required]
    wanted += [f"not {name}" for name in sorted(group.forbidden)]
    return f"traits are not: {', '.join(wanted)}"
