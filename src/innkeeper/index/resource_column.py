"""One resource class: arrays over the providers that have it, and only those.

A provider's place in them is its slot. Slots are kept without gaps: the last one moves
into the place of one that goes, so a slot number must never be kept across a change.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import InventoryPicture
from innkeeper.index.growing import FIRST_SIZE, NOTHING, Float64s, Int32s, Int64s, grown, larger

Stock = Mapping[str, Int64s | Float64s]
"""Arrays of one length, by the name of the column's array that they go to."""

_FILLS: Final = {
    "rows": NOTHING,
    "total": 0,
    "reserved": 0,
    "capacity": 0,
    "min_unit": 1,
    "max_unit": 1,
    "step_size": 1,
    "allocation_ratio": 1.0,
    "used": 0,
    "held": 0,
    "free": 0,
}
"""Each array by name, and what a place in it that is not in use holds."""

GIVEN: Final = (
    "total",
    "reserved",
    "min_unit",
    "max_unit",
    "step_size",
    "allocation_ratio",
    "capacity",
)
"""Those that are set as an inventory has them."""

_UNITS: Final = ("min_unit", "max_unit", "step_size")


class ResourceColumn:
    """Inventories and usage of one resource class; arrays are valid up to ``count``.

    ``held`` is what claims in flight hold, ``free`` is capacity - used - held and may be
    negative. ``slot`` maps a row to its slot, or to -1.
    """

    __slots__ = (
        "allocation_ratio",
        "capacity",
        "count",
        "free",
        "held",
        "max_unit",
        "min_unit",
        "name",
        "reserved",
        "rows",
        "slot",
        "step_size",
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
        self.allocation_ratio = np.ones(FIRST_SIZE, dtype=np.float64)
        self.capacity = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.used = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.held = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.free = np.zeros(FIRST_SIZE, dtype=np.int64)

    def grow_rows(self, row_size: int) -> None:
        """Make room for ``row_size`` rows."""
        self.slot = grown(self.slot, row_size, NOTHING)

    def put(self, rows: Int32s, stock: Stock) -> bool:
        """Set inventories of providers; tell whether what is asked of requests changed by it.

        That is: one had none of this class, or its units are others. A change of the amounts
        alone gives False.
        """
        slots = self.slot[rows]
        new = slots == NOTHING
        changed = bool(new.any())
        if changed:
            slots[new] = self._new_slots(rows[new])
        else:
            changed = any((getattr(self, name)[slots] != stock[name]).any() for name in _UNITS)
        for name, amounts in stock.items():
            getattr(self, name)[slots] = amounts
        self.free[slots] = self.capacity[slots] - self.used[slots] - self.held[slots]
        return changed

    def set(self, row: int, inventory: Inventory) -> bool:
        """Set a provider's inventory, if it has one; tell whether its units are others now."""
        slot = self.slot.item(row)
        if slot == NOTHING:
            return False
        changed = any(getattr(self, name).item(slot) != getattr(inventory, name) for name in _UNITS)
        for name in GIVEN:
            getattr(self, name)[slot] = getattr(inventory, name)
        self.free[slot] = inventory.capacity - self.used.item(slot) - self.held.item(slot)
        return changed

    def set_used(self, row: int, used: int) -> None:
        """Set what is used of a provider's inventory, if it has one."""
        slot = self.slot.item(row)
        if slot != NOTHING:
            self.used[slot] = used
            self.free[slot] = self.capacity.item(slot) - used - self.held.item(slot)

    def set_held(self, row: int, held: int) -> None:
        """Set what claims in flight hold of a provider's inventory, if it has one."""
        slot = self.slot.item(row)
        if slot != NOTHING:
            self.held[slot] = held
            self.free[slot] = self.capacity.item(slot) - self.used.item(slot) - held

    def free_by(self, row: int) -> int:
        """Give what one provider has free; 0 without inventory, or if the row is -1."""
        slot = self.slot.item(row) if row != NOTHING else NOTHING
        return self.free.item(slot) if slot != NOTHING else 0

    def free_of(self, rows: Int32s) -> Int64s:
        """Give what providers have free; 0 of those without inventory, and where there is none."""
        slots = self.slot[rows]
        return np.where((rows != NOTHING) & (slots != NOTHING), self.free[slots], 0)

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

    def lost(self, rows: Int32s, wanted: Int32s) -> list[int]:
        """Give those of some rows that have an inventory here and are not in ``wanted``."""
        having = rows[self.slot[rows] != NOTHING]
        return [] if len(having) == len(wanted) else np.setdiff1d(having, wanted).tolist()

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
            allocation_ratio=float(self.allocation_ratio[slot]),
        )
        return InventoryPicture(inventory=inventory, used=int(self.used[slot]))

    def _new_slots(self, rows: Int32s) -> Int32s:
        first, end = self.count, self.count + len(rows)
        if end > len(self.rows):
            size = larger(len(self.rows), end)
            for name, fill in _FILLS.items():
                setattr(self, name, grown(getattr(self, name), size, fill))
        self.count = end
        slots = np.arange(first, end, dtype=np.int32)
        self.rows[slots] = rows
        self.slot[rows] = slots
        return slots
