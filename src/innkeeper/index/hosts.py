"""The hosts, in columns: what filters and weighers work on."""

import numpy as np

from innkeeper.core.host import Host
from innkeeper.core.ids import RpRow, RpUuid
from innkeeper.core.picture import WorkloadPicture
from innkeeper.index.change_log import ChangeLog
from innkeeper.index.columns import Columns
from innkeeper.index.devices import Devices, DeviceTable
from innkeeper.index.growing import (
    FIRST_SIZE,
    NOTHING,
    Bools,
    Float64s,
    Int32s,
    Int64s,
    Positions,
    grown,
    larger,
)
from innkeeper.index.tree_sums import TreeSums
from innkeeper.index.workloads import Workloads


class HostTable:
    """Hosts by position: the order of their registration, which stays.

    A host that is removed leaves its position dead (``alive`` False) until one of the same
    name comes back. Arrays have one element per position; callers must not write to them.

    ``log`` names the hosts whose tree or workloads changed, and -1 where the tree is no host's.
    ``layout`` rises when there are other hosts, in other trees or cells, or when they are enabled,
    disabled, up or down.
    """

    __slots__ = (
        "_alive",
        "_by_root",
        "_cell",
        "_columns",
        "_devices",
        "_enabled",
        "_of_provider",
        "_positions",
        "_root",
        "_rp_uuids",
        "_sums",
        "_up",
        "_version",
        "_workloads",
        "_zone",
        "cells",
        "layout",
        "log",
        "names",
        "zones",
    )

    def __init__(self, columns: Columns) -> None:
        self.names: list[str] = []
        self.cells: list[str] = []
        self.zones: list[str] = []
        self._columns = columns
        self._positions: dict[str, int] = {}
        self._rp_uuids: list[RpUuid] = []
        self._of_provider: dict[RpUuid, set[int]] = {}
        self._by_root: dict[int, set[int]] = {}
        self._root = np.full(FIRST_SIZE, NOTHING, dtype=np.int32)
        self._cell = np.full(FIRST_SIZE, NOTHING, dtype=np.int32)
        self._zone = np.full(FIRST_SIZE, NOTHING, dtype=np.int32)
        self._alive = np.zeros(FIRST_SIZE, dtype=np.bool_)
        self._enabled = np.zeros(FIRST_SIZE, dtype=np.bool_)
        self._up = np.zeros(FIRST_SIZE, dtype=np.bool_)
        self._version = np.zeros(FIRST_SIZE, dtype=np.int64)
        self._workloads = Workloads()
        self._devices = DeviceTable(columns)
        self.log = ChangeLog()
        self.layout = 0
        self._sums = TreeSums(columns, self.log)

    def __len__(self) -> int:
        """Give the number of positions, dead ones included."""
        return len(self.names)

    @property
    def alive(self) -> Bools:
        """Whether a position has a host."""
        return self._alive[: len(self.names)]

    @property
    def root(self) -> Int32s:
        """Row of the root of each host's provider tree; -1 while its provider is unknown."""
        return self._root[: len(self.names)]

    @property
    def cell(self) -> Int32s:
        """Number of each host's cell, in ``cells``."""
        return self._cell[: len(self.names)]

    @property
    def zone(self) -> Int32s:
        """Number of each host's availability zone, in ``zones``."""
        return self._zone[: len(self.names)]

    @property
    def enabled(self) -> Bools:
        """Whether the operator wants instances on it."""
        return self._enabled[: len(self.names)]

    @property
    def up(self) -> Bools:
        """Whether its agent was heard of lately."""
        return self._up[: len(self.names)]

    @property
    def version(self) -> Int64s:
        """A number per host that rises whenever anything of its tree or workloads changes."""
        return self._version[: len(self.names)]

    def position(self, name: str) -> int | None:
        """Give the position of a host, or None if there is none of that name."""
        position = self._positions.get(name)
        return position if position is not None and self._alive[position] else None

    def cell_number(self, name: str) -> int:
        """Give the number of a cell, or -1 if no host was ever in it."""
        return self.cells.index(name) if name in self.cells else NOTHING

    def zone_number(self, name: str) -> int:
        """Give the number of a zone, or -1 if no host was ever in it."""
        return self.zones.index(name) if name in self.zones else NOTHING

    def free(self, resource_class: str) -> Int64s:
        """Give capacity - used - held, summed over each host's tree; 0 where there is none."""
        return self._sums.free(resource_class, self.root)

    def free_floats(self, resource_class: str) -> Float64s:
        """Give ``free`` as float64[n], good until the next change: what scores are made of."""
        return self._sums.free_floats(resource_class, self.root)

    def capacity(self, resource_class: str) -> Int64s:
        """Give the capacity, summed over each host's tree."""
        column = self._columns.classes.get(resource_class)
        return self._sums.of_all(column, None if column is None else column.capacity, self.root)

    def used(self, resource_class: str) -> Int64s:
        """Give what is used (without holds), summed over each host's tree."""
        column = self._columns.classes.get(resource_class)
        return self._sums.of_all(column, None if column is None else column.used, self.root)

    def devices(self, resource_class: str, positions: Positions | None = None) -> Devices:
        """Give the providers below each host's root that have a class, by creation.

        With ``positions``, of these hosts alone, in that order.
        """
        return self._devices.devices(resource_class, self.root, positions)

    def device_trait(self, resource_class: str, prefix: str) -> tuple[Int32s, tuple[str, ...]]:
        """Give the model of each host's devices: codes int32[hosts] and the names they index.

        The model is the first trait, by name, that starts with ``prefix`` on the host's first
        device of the class; -1 where there is none.
        """
        return self._devices.models(resource_class, prefix, self.root)

    def workloads(self, label: str) -> Int32s:
        """Give how many instances of a workload label each host holds claims for."""
        return self._workloads.counts(label, len(self.names))

    def labels(self) -> list[str]:
        """Give all workload labels that any host has instances of, sorted."""
        return self._workloads.labels()

    def put(self, host: Host) -> None:
        """Register a host, or take over what changed of it."""
        position = self._positions.get(host.name)
        if position is None:
            position = self._new_position(host)
        self._of_provider[self._rp_uuids[position]].discard(position)
        self._rp_uuids[position] = host.rp_uuid
        self._of_provider.setdefault(host.rp_uuid, set()).add(position)
        self._cell[position] = _number(self.cells, host.cell)
        self._zone[position] = _number(self.zones, host.zone)
        self._alive[position] = True
        self._enabled[position] = host.enabled
        self._up[position] = host.up
        row = self._columns.row(host.rp_uuid)
        self._set_root(position, NOTHING if row is None else int(self._columns.trees.root[row]))
        self._changed(position)
        self.layout += 1

    def remove(self, name: str) -> None:
        """Forget a host; its position stays, dead."""
        position = self._positions.get(name)
        if position is None or not self._alive[position]:
            return
        self._set_root(position, NOTHING)
        self._of_provider[self._rp_uuids[position]].discard(position)
        self._workloads.put(position, ())
        self._alive[position] = self._enabled[position] = self._up[position] = False
        self._changed(position)
        self.layout += 1

    def put_workloads(self, picture: WorkloadPicture) -> None:
        """Take over how many instances of each label a host has."""
        position = self.position(picture.host)
        if position is not None and self._workloads.put(position, picture.counts):
            self._changed(position)

    def touch(self, root: RpRow) -> None:
        """Say that something of the tree below ``root`` changed."""
        positions = self._by_root.get(root)
        if positions is None:
            self.log.note(NOTHING)
        else:
            for position in positions:
                self._changed(position)

    def provider_placed(self, rp_uuid: RpUuid, root: RpRow) -> None:
        """Say that a provider appeared, or is in a tree of another root now."""
        for position in self._of_provider.get(rp_uuid, ()):
            if self._root[position] != root:
                self._set_root(position, root)

    def provider_gone(self, rp_uuid: RpUuid) -> None:
        """Say that a provider was removed."""
        for position in self._of_provider.get(rp_uuid, ()):
            self._set_root(position, NOTHING)

    def _set_root(self, position: int, root: int) -> None:
        before = int(self._root[position])
        if before == root:
            return
        if before != NOTHING:
            self._by_root[before].discard(position)
            if not self._by_root[before]:
                del self._by_root[before]
        if root != NOTHING:
            self._by_root.setdefault(root, set()).add(position)
        self._root[position] = root
        self._changed(position)
        self.layout += 1
        self._devices.forget()

    def _changed(self, position: int) -> None:
        self._version[position] += 1
        self.log.note(position)

    def _new_position(self, host: Host) -> int:
        position = len(self.names)
        size = len(self._root)
        if position == size:
            size = larger(size, position + 1)
            self._root = grown(self._root, size, NOTHING)
            self._cell = grown(self._cell, size, NOTHING)
            self._zone = grown(self._zone, size, NOTHING)
            self._alive = grown(self._alive, size, False)
            self._enabled = grown(self._enabled, size, False)
            self._up = grown(self._up, size, False)
            self._version = grown(self._version, size, 0)
        self.names.append(host.name)
        self._rp_uuids.append(host.rp_uuid)
        self._of_provider.setdefault(host.rp_uuid, set()).add(position)
        self._positions[host.name] = position
        self._devices.forget()
        return position


def _number(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)
