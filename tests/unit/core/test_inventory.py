"""Inventories."""

import pytest

from innkeeper.core.inventory import MAX_CAPACITY, Inventory


@pytest.mark.parametrize(
    ("ratio", "capacity"),
    [(1.5, 9), (0.1, 0), (-0.1, 0), (-1.0, -6), (3e38, MAX_CAPACITY), (-1.7e308, -MAX_CAPACITY)],
)
def test_capacity_is_a_whole_number_whatever_the_ratio(ratio: float, capacity: int) -> None:
    assert Inventory("VCPU", total=8, reserved=2, allocation_ratio=ratio).capacity == capacity
