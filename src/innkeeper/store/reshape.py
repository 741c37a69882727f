"""Reshape: inventories move between providers, and what is allocated of them goes along."""

from collections.abc import Sequence

import msgspec

from innkeeper.core.ids import RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.store import inventories, providers
from innkeeper.store.claims import ConsumerWrite, replace_all
from innkeeper.store.txn import Txn


class InventoryWrite(msgspec.Struct, frozen=True):
    """The inventories that one provider shall have in the end."""

    rp_uuid: RpUuid
    seen_generation: int
    inventories: tuple[Inventory, ...]


def reshape(txn: Txn, writes: Sequence[InventoryWrite], consumers: Sequence[ConsumerWrite]) -> None:
    """Give providers and consumers exactly what is written here, all or nothing.

    First everything new is added, then allocations move, then what nothing is allocated from
    any more goes; so no step in between breaks a rule. Raises NotFound (a provider) and
    whatever ``inventories.set_all`` and ``claims.replace_all`` raise.
    """
    for write in writes:
        provider = providers.get_seen(txn, write.rp_uuid, write.seen_generation)
        if write.inventories:
            inventories.put(txn, provider, write.inventories)
    replace_all(txn, consumers)
    for write in writes:
        inventories.set_all(txn, write.rp_uuid, write.inventories, seen_generation=None)
