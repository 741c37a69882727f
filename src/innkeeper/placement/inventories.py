"""Use cases of inventories."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from innkeeper.core.errors import InvalidInput, NotFound, UnknownName
from innkeeper.core.ids import RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import InventoryPicture
from innkeeper.core.provider import Provider
from innkeeper.index.index import Index
from innkeeper.placement.providers import row_of, uuid_of
from innkeeper.placement.service import Placement
from innkeeper.store import inventories as stored
from innkeeper.store.txn import Txn


class ProviderInventories(msgspec.Struct, frozen=True):
    """A provider and what it has."""

    provider: Provider
    inventories: tuple[InventoryPicture, ...]


def list_inventories(placement: Placement, uuid: str) -> ProviderInventories:
    """Give all inventories of a provider; raise NotFound."""
    row = row_of(placement.index, uuid)
    return ProviderInventories(placement.index.provider(row), placement.index.inventories(row))


def show_inventory(
    placement: Placement, uuid: str, resource_class: str
) -> tuple[Provider, Inventory]:
    """Give one inventory and its provider; raise NotFound."""
    found = list_inventories(placement, uuid)
    for picture in found.inventories:
        if picture.inventory.resource_class == resource_class:
            return found.provider, picture.inventory
    raise NotFound(f"No inventory of class {resource_class} for {uuid}")


async def set_inventories(
    placement: Placement,
    uuid: str,
    inventories: Sequence[Inventory],
    *,
    seen_generation: int | None,
) -> int:
    """Give a provider exactly these inventories; give its new generation.

    Raises NotFound, UnknownName (a class), ConcurrentUpdate, InventoryInUse.
    """
    rp_uuid = uuid_of(placement.index, uuid)
    change = _of_amounts(placement.index, rp_uuid, inventories, seen_generation, whole=True)
    try:
        if change is not None:
            return await placement.store.write(change)
        return await placement.store.write(
            lambda txn: stored.set_all(txn, rp_uuid, inventories, seen_generation=seen_generation)
        )
    except UnknownName as error:
        raise UnknownName(
            f"Unknown resource class in inventory for resource provider {uuid}: {error.detail}"
        ) from error


async def add_inventory(placement: Placement, uuid: str, inventory: Inventory) -> int:
    """Add one inventory; give the provider's new generation.

    Raises NotFound, UnknownName (the class), ConcurrentUpdate (it is there already).
    """
    rp_uuid = uuid_of(placement.index, uuid)
    try:
        return await placement.store.write(lambda txn: stored.add(txn, rp_uuid, inventory))
    except UnknownName as error:
        raise UnknownName(
            f"Unable to create inventory for resource provider {uuid}: {error.detail}"
        ) from error


async def update_inventory(
    placement: Placement, uuid: str, inventory: Inventory, *, seen_generation: int
) -> int:
    """Change one inventory; give the provider's new generation.

    Raises NotFound, UnknownName (no such inventory), ConcurrentUpdate.
    """
    rp_uuid = uuid_of(placement.index, uuid)
    change = _of_amounts(placement.index, rp_uuid, (inventory,), seen_generation, whole=False)
    try:
        if change is not None:
            return await placement.store.write(change)
        return await placement.store.write(
            lambda txn: stored.change(txn, rp_uuid, inventory, seen_generation=seen_generation)
        )
    except UnknownName as error:
        raise UnknownName(
            f"No inventory record with resource class for resource provider {uuid}: {error.detail}"
        ) from error


async def delete_inventory(placement: Placement, uuid: str, resource_class: str) -> None:
    """Delete one inventory. Raises NotFound, InventoryInUse."""
    rp_uuid = uuid_of(placement.index, uuid)
    await placement.store.write(lambda txn: stored.remove(txn, rp_uuid, resource_class))


def _of_amounts(
    index: Index,
    rp_uuid: RpUuid,
    wanted: Sequence[Inventory],
    seen_generation: int | None,
    *,
    whole: bool,
) -> Callable[[Txn], int] | None:
    """Give the op for a provider that has inventories of these classes; None: of others.

    Each compute host sends each minute what it has, and hardly ever anything else; if so, then
    other amounts. ``whole``: it may have no others.
    """
    row = row_of(index, rp_uuid)
    provider = index.provider(row)
    if seen_generation != provider.generation:
        return None
    present = {each.inventory.resource_class: each.inventory for each in index.inventories(row)}
    classes = {each.resource_class for each in wanted}
    if classes != present.keys() if whole else not classes <= present.keys():
        return None
    return partial(
        stored.change_amounts,
        rp_id=provider.id,
        changed=[each for each in wanted if each != present[each.resource_class]],
        seen_generation=provider.generation,
    )


def check_capacity(rp_uuid: RpUuid | str, inventory: Inventory, *, may_be_none: bool) -> None:
    """Raise InvalidInput if what is reserved leaves too little.

    Up to microversion 1.25 something must remain (``may_be_none`` False).
    """
    capacity = inventory.capacity
    if capacity > 0 or (capacity == 0 and may_be_none):
        return
    relation = "greater than total" if may_be_none else "greater than or equal to total"
    raise InvalidInput(
        f"Invalid inventory for '{inventory.resource_class}' on resource provider '{rp_uuid}'."
        f" The reserved value is {relation}."
    )
