"""One resource class: arrays over the providers that have it, and only those.

A provider's place in them is its slot. Slots are kept without gaps: the last one moves
into the place of one that goes, so a slot number must never be kept across a change.
"""

from typing import Final

import numpy as np

from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import InventoryPicture
from innkeeper.index.growing import FIRST_SIZE, NOTHING, grown, larger

MAX_AMOUNT: Final = 2**62
"""Capacities are cut to this: an allocation_ratio may be huge, an int64 may not overflow."""

_FILLS: Final = {
    "rows": NOTHING,
    "total": 0,
    "reserved": 0,
    "capacity": 0,
    "min_unit": 1,
    "max_unit": 1,
    "step_size": 1,
    "ratio": 1.0,
    "used": 0,
    "held": 0,
    "taken": 0,
    "free": 0,
}
"""Each array by name, and what a place in it that is not in use holds."""


class ResourceColumn:
    """Inventories and usage of one resource class; arrays are valid up to ``count``.

    ``taken`` is used + held (holds of claims in flight), ``free`` is capacity - taken and
    may be negative. ``slot`` maps a row to its slot, or to -1.
    """

    __slots__ = (
        "capacity",
        "count",
        "free",
        "held",
        "max_unit",
        "min_unit",
        "name",
        "ratio",
        "reserved",
        "rows",
        "slot",
        "step_size",
        "taken",
        "total",
        "used",
    )

    def __init__(self, name: str, row_size: int) -> None:
        self.name = name
        self.count = 0
        self.slot = np.full(row_size, NOTHING, dtype=np.int32)
        self.rows = np.full(FIRST_SIZE, NOTHING, dtype=np.int32)
        self.total = np.zeros(FIRST_SIZE, dtype=np.int32)
        self.reserved = np.zeros(FIRST_SIZE, dtype=np.int32)
        self.min_unit = np.ones(FIRST_SIZE, dtype=np.int32)
        self.max_unit = np.ones(FIRST_SIZE, dtype=np.int32)
        self.step_size = np.ones(FIRST_SIZE, dtype=np.int32)
        self.ratio = np.ones(FIRST_SIZE, dtype=np.float64)
        self.capacity = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.used = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.held = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.taken = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.free = np.zeros(FIRST_SIZE, dtype=np.int64)

    def grow_rows(self, row_size: int) -> None:
        """Make room for ``row_size`` rows."""
        self.slot = grown(self.slot, row_size, NOTHING)

    def put(self, row: int, inventory: Inventory, *, used: int, held: int) -> bool:
        """Set a provider's inventory; tell whether what is asked of requests changed by it.

        That is: the provider had none of this class, or its units are others. A change of
        the amounts alone gives False.
        """
        slot = int(self.slot[row])
        is_new = slot == NOTHING
        if is_new:
            slot = self._new_slot(row)
        units = (inventory.min_unit, inventory.max_unit, inventory.step_size)
        units_before = (self.min_unit[slot], self.max_unit[slot], self.step_size[slot])
        self.total[slot] = inventory.total
        self.reserved[slot] = inventory.reserved
        self.min_unit[slot], self.max_unit[slot], self.step_size[slot] = units
        self.ratio[slot] = inventory.allocation_ratio
        self.capacity[slot] = min(inventory.capacity, MAX_AMOUNT)
        self.used[slot] = used
        self.held[slot] = held
        self._refresh(slot)
        return is_new or units != units_before

    def set_used(self, row: int, used: int) -> None:
        """Set what is used of a provider's inventory, if it has one."""
        slot = int(self.slot[row])
        if slot != NOTHING:
            self.used[slot] = used
            self._refresh(slot)

    def set_held(self, row: int, held: int) -> None:
        """Set what claims in flight hold of a provider's inventory, if it has one."""
        slot = int(self.slot[row])
        if slot != NOTHING:
            self.held[slot] = held
            self._refresh(slot)

    def drop(self, row: int) -> bool:
        """Forget a provider's inventory; tell whether it had one."""
        slot = int(self.slot[row])
        if slot == NOTHING:
            return False
        last = self.count - 1
        if slot != last:
            for name in _FILLS:
                array = getattr(self, name)
                array[slot] = array[last]
            self.slot[self.rows[slot]] = slot
        for name, fill in _FILLS.items():
            getattr(self, name)[last] = fill
        self.slot[row] = NOTHING
        self.count = last
        return True

    def picture(self, row: int) -> InventoryPicture | None:
        """Give a provider's inventory and usage (without holds), or None if it has none."""
        slot = int(self.slot[row])
        if slot == NOTHING:
            return None
        inventory = Inventory(
            resource_class=self.name,
            total=int(self.total[slot]),
            reserved=int(self.reserved[slot]),
            min_unit=int(self.min_unit[slot]),
            max_unit=int(self.max_unit[slot]),
            step_size=int(self.step_size[slot]),
            allocation_ratio=float(self.ratio[slot]),
        )
        return InventoryPicture(inventory=inventory, used=int(self.used[slot]))

    def _refresh(self, slot: int) -> None:
        taken = self.used[slot] + self.held[slot]
        self.taken[slot] = taken
        self.free[slot] = self.capacity[slot] - taken

    def _new_slot(self, row: int) -> int:
        slot = self.count
        if slot == len(self.rows):
            size = larger(len(self.rows), slot + 1)
            for name, fill in _FILLS.items():
                setattr(self, name, grown(getattr(self, name), size, fill))
        self.count = slot + 1
        self.rows[slot] = row
        self.slot[row] = slot
        return slot
