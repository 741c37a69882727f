"""Inventories of providers. ``used`` is never written here: claims do that.

Each change raises the provider's generation first, and so locks the provider.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import BigInteger, bindparam, delete, insert, select, update

from innkeeper.core.errors import ConcurrentUpdate, InventoryInUse, NotFound, UnknownName
from innkeeper.core.ids import RpId
from innkeeper.core.inventory import Inventory
from innkeeper.core.provider import Provider
from innkeeper.store.prepared import Prepared
from innkeeper.store.providers import get_seen, raise_generation
from innkeeper.store.tables import inventories, resource_classes, resource_providers
from innkeeper.store.txn import Txn

_i, _p = inventories.c, resource_providers.c
_RAISE_GENERATION: Final = Prepared(
    update(resource_providers)
    .where(_p.id == bindparam("rp"), _p.generation == bindparam("seen", type_=BigInteger))
    .values(generation=_p.generation + 1, updated_at=bindparam("now_us"))
)


def set_all(
    txn: Txn, rp_uuid: str, wanted: Sequence[Inventory], *, seen_generation: int | None
) -> int:
    """Give a provider exactly these inventories; give its new generation.

    Raises NotFound, ConcurrentUpdate, UnknownName (a resource class), InventoryInUse.
    """
    provider = get_seen(txn, rp_uuid, seen_generation)
    by_class = {txn.class_id(each.resource_class): each for each in wanted}
    generation = raise_generation(txn, provider)
    present = _classes(txn, provider)
    _delete(txn, provider, sorted(present - by_class.keys()))
    _put(txn, provider, by_class.items())
    return generation


def keep(txn: Txn, rp_id: RpId, *, seen_generation: int) -> int:
    """Leave a provider's inventories as the caller saw them; give its new generation.

    Whoever changes inventories raises the generation: as long as that is what was seen with them,
    they are what was seen. Raises ConcurrentUpdate: it is another, or the provider is gone.
    """
    values = {"rp": rp_id, "seen": seen_generation, "now_us": txn.now_us}
    _RAISE_GENERATION.run(txn.cursor, txn.dialect, values)
    if txn.cursor.rowcount != 1:
        raise ConcurrentUpdate("resource provider generation conflict")
    txn.usage_changed(rp_id)
    return seen_generation + 1


def put(txn: Txn, provider: Provider, wanted: Iterable[Inventory]) -> int:
    """Add or change these inventories and leave the others; give the provider's new generation.

    Raises ConcurrentUpdate, UnknownName (a resource class).
    """
    by_class = {txn.class_id(each.resource_class): each for each in wanted}
    generation = raise_generation(txn, provider)
    _put(txn, provider, by_class.items())
    return generation


def add(txn: Txn, rp_uuid: str, wanted: Inventory) -> int:
    """Add one inventory; give the provider's new generation.

    Raises NotFound, UnknownName (the resource class), ConcurrentUpdate (it is there already).
    """
    provider = get_seen(txn, rp_uuid, None)
    class_id = txn.class_id(wanted.resource_class)
    if class_id in _classes(txn, provider):
        raise ConcurrentUpdate(
            f"The resource provider {rp_uuid} has an inventory of {wanted.resource_class} already."
        )
    generation = raise_generation(txn, provider)
    _put(txn, provider, [(class_id, wanted)])
    return generation


def change(txn: Txn, rp_uuid: str, wanted: Inventory, *, seen_generation: int) -> int:
    """Change one inventory; give the provider's new generation.

    Raises NotFound (the provider), UnknownName (the inventory), ConcurrentUpdate.
    """
    provider = get_seen(txn, rp_uuid, seen_generation)
    class_id = txn.class_id(wanted.resource_class)
    if class_id not in _classes(txn, provider):
        raise UnknownName(f"No inventory of class {wanted.resource_class} found.")
    generation = raise_generation(txn, provider)
    _put(txn, provider, [(class_id, wanted)])
    return generation


def remove(txn: Txn, rp_uuid: str, resource_class: str) -> int:
    """Delete one inventory; give the provider's new generation.

    Raises NotFound, InventoryInUse, ConcurrentUpdate.
    """
    provider = get_seen(txn, rp_uuid, None)
    class_id = txn.names.resource_classes.find(txn.conn, resource_class)
    if class_id is None:
        raise NotFound(f"No such resource class {resource_class}.")
    if class_id not in _classes(txn, provider):
        raise NotFound(f"No inventory of class {resource_class} found for delete")
    generation = raise_generation(txn, provider)
    _delete(txn, provider, [class_id])
    return generation


def _classes(txn: Txn, provider: Provider) -> set[int]:
    """Give the ids of the resource classes that a provider has."""
    return set(txn.conn.scalars(select(_i.rc_id).where(_i.rp_id == provider.id)))


def _put(txn: Txn, provider: Provider, wanted: Iterable[tuple[int, Inventory]]) -> None:
    """Write inventories by resource class id, new or not."""
    present = _classes(txn, provider)
    for class_id, inventory in sorted(wanted, key=lambda each: each[0]):
        values = {
            "total": inventory.total,
            "reserved": inventory.reserved,
            "min_unit": inventory.min_unit,
            "max_unit": inventory.max_unit,
            "step_size": inventory.step_size,
            "allocation_ratio": inventory.allocation_ratio,
            "capacity": inventory.capacity,
        }
        if class_id in present:
            txn.conn.execute(
                update(inventories)
                .where(_i.rp_id == provider.id, _i.rc_id == class_id)
                .values(values)
            )
        else:
            txn.conn.execute(
                insert(inventories).values(rp_id=provider.id, rc_id=class_id, used=0, **values)
            )


def _delete(txn: Txn, provider: Provider, class_ids: Sequence[int]) -> None:
    """Delete inventories that nothing is allocated from; raise InventoryInUse for others."""
    in_use = []
    for class_id in class_ids:
        result = txn.conn.execute(
            delete(inventories).where(_i.rp_id == provider.id, _i.rc_id == class_id, _i.used == 0)
        )
        if result.rowcount != 1:
            in_use.append(class_id)
    if in_use:
        names = txn.conn.scalars(
            select(resource_classes.c.name)
            .where(resource_classes.c.id.in_(in_use))
            .order_by(resource_classes.c.id)
        )
        raise InventoryInUse(
            f"Inventory for '{', '.join(names)}' on resource provider '{provider.uuid}' in use."
        )
