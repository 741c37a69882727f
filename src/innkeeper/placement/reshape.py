"""Use case: reshape, which moves inventories between providers along with their allocations."""

from collections.abc import Sequence

from innkeeper.placement.allocations import Wanted, consumer_write
from innkeeper.placement.service import Placement
from innkeeper.store import reshape as stored
from innkeeper.store.reshape import InventoryWrite


async def reshape(
    placement: Placement, inventories: Sequence[InventoryWrite], wanted: Sequence[Wanted]
) -> None:
    """Give providers and consumers exactly what is written, all or nothing.

    Raises NotFound (a provider), ConcurrentUpdate, UnknownName, InventoryInUse, and the
    conflicts of allocations that do not fit.
    """
    writes = [consumer_write(placement.index, each) for each in wanted]
    await placement.store.write(lambda txn: stored.reshape(txn, inventories, writes))
