"""Inventory: how much of one resource class one provider has, and in what portions."""

import math
from typing import Final

import msgspec

MAX_INT: Final = 0x7FFFFFFF
"""Largest amount that the Placement API can express: 2**31 - 1."""

MAX_CAPACITY: Final = 2**53 - 1
"""Largest capacity: a huge ratio gives no more. Sums of many of them still fit into 64 bits."""


class Inventory(msgspec.Struct, frozen=True):
    """One resource class of one provider.

    Amounts are in the unit of the class (VCPU: threads, MEMORY_MB: MiB, DISK_GB: GiB).
    """

    resource_class: str
    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = MAX_INT
    step_size: int = 1
    allocation_ratio: float = 1.0

    @property
    def capacity(self) -> int:
        """What all allocations together may hold: (total - reserved) * ratio, rounded towards 0.

        So a little more may be reserved than there is if the ratio is small, as Placement has it.
        """
        given = (self.total - self.reserved) * self.allocation_ratio
        # A ratio that is negative beyond measure makes it minus infinity, which is no integer.
        return math.trunc(max(min(given, MAX_CAPACITY), -MAX_CAPACITY))

    def admits_unit(self, amount: int) -> bool:
        """Tell whether one allocation of ``amount`` respects min_unit, max_unit and step_size."""
        return self.min_unit <= amount <= self.max_unit and amount % self.step_size == 0
