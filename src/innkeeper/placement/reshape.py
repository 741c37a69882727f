"""Use case: reshape, which moves inventories between providers along with their allocations."""

from collections.abc import Sequence

from innkeeper.placement.allocations import Wanted, consumer_writes
from innkeeper.placement.names import check_classes, check_once
from innkeeper.placement.service import Placement
from innkeeper.store import reshape as stored
from innkeeper.store.reshape import InventoryWrite


async def reshape(
    placement: Placement, inventories: Sequence[InventoryWrite], wanted: Sequence[Wanted]
) -> None:
    """Give providers and consumers exactly what is written, all or nothing.

    Raises NotFound (a provider), InvalidInput (one in two spellings), ConcurrentUpdate,
    UnknownName, InventoryInUse, and the conflicts of allocations that do not fit.
    """
    check_once([each.rp_uuid for each in inventories], what="resource provider")
    writes = await consumer_writes(placement, wanted)
    check_classes(placement.index, (i.resource_class for w in inventories for i in w.inventories))
    await placement.store.write(lambda txn: stored.reshape(txn, inventories, writes))
