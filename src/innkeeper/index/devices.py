"""Devices: the providers below a host's root, as a matrix of hosts by devices."""

import msgspec
import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.index.columns import Columns
from innkeeper.index.growing import NOTHING, Int32s, Int64s, Positions, frozen


class Devices(msgspec.Struct, frozen=True):
    """Providers of one class below the roots of the hosts: arrays [hosts, most devices]."""

    rows: Int32s
    """Row of each device, by creation; -1 where the host has no more."""
    free: Int64s
    """capacity - used - held; 0 where there is no device."""
    capacity: Int64s


class DeviceTable:
    """Keeps which devices each host has until a tree, or the list of hosts, changes."""

    __slots__ = ("_columns", "_layout", "_matrices", "_models")

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._layout = NOTHING
        self._matrices: dict[str, tuple[Int32s, Int32s]] = {}
        self._models: dict[tuple[str, str], tuple[Int32s, tuple[str, ...]]] = {}

    def forget(self) -> None:
        """Say that the hosts or their roots changed."""
        self._layout = NOTHING

    def devices(
        self, resource_class: str, host_roots: Int32s, positions: Positions | None = None
    ) -> Devices:
        """Give the devices of each host (or of those at ``positions``) by the root of its tree."""
        rows, slots = self._matrix(resource_class, host_roots)
        if positions is not None:
            rows, slots = rows[positions], slots[positions]
        column = self._columns.classes.get(resource_class)
        if column is None:
            nothing = np.zeros(rows.shape, dtype=np.int64)
            return Devices(rows=rows, free=nothing, capacity=nothing)
        # The slot -1 stands for "no device"; it takes the last element, which is masked out.
        there = slots != NOTHING
        return Devices(
            rows=rows,
            free=np.where(there, column.free[slots], 0),
            capacity=np.where(there, column.capacity[slots], 0),
        )

    def models(
        self, resource_class: str, prefix: str, host_roots: Int32s
    ) -> tuple[Int32s, tuple[str, ...]]:
        """Give the code of each host's first device's first trait with ``prefix``, and names."""
        self._expire()
        found = self._models.get((resource_class, prefix))
        if found is None:
            rows, _ = self._matrix(resource_class, host_roots)
            names: dict[str, int] = {}
            codes = np.full(len(rows), NOTHING, dtype=np.int32)
            for position, row in enumerate(rows[:, 0].tolist() if rows.shape[1] else ()):
                traits = () if row == NOTHING else self._columns.traits.of(row)
                model = next((name for name in traits if name.startswith(prefix)), None)
                if model is not None:
                    codes[position] = names.setdefault(model, len(names))
            found = (frozen(codes), tuple(names))
            self._models[resource_class, prefix] = found
        return found

    def _expire(self) -> None:
        if self._layout != self._columns.layout:
            self._layout = self._columns.layout
            self._matrices.clear()
            self._models.clear()

    def _matrix(self, resource_class: str, host_roots: Int32s) -> tuple[Int32s, Int32s]:
        """Give rows and slots of the devices: int32[hosts, most devices of any host]."""
        self._expire()
        found = self._matrices.get(resource_class)
        if found is None:
            listed = [self._below(RpRow(root), resource_class) for root in host_roots.tolist()]
            most = max(map(len, listed), default=0)
            rows = np.full((len(listed), most), NOTHING, dtype=np.int32)
            for position, devices in enumerate(listed):
                rows[position, : len(devices)] = devices
            column = self._columns.classes.get(resource_class)
            slots = rows if column is None else np.where(rows == NOTHING, rows, column.slot[rows])
            found = (frozen(rows), frozen(slots))
            self._matrices[resource_class] = found
        return found

    def _below(self, root: RpRow, resource_class: str) -> list[RpRow]:
        column = self._columns.classes.get(resource_class)
        if root == NOTHING or column is None:
            return []
        below = self._columns.trees.tree(root)[1:]
        return [row for row in below if column.slot[row] != NOTHING]
