"""Inventories of providers. ``used`` is never written here: claims do that.

Each change raises the provider's generation first, and so locks the provider.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, select, update

from innkeeper.core.errors import ConcurrentUpdate, InventoryInUse, NotFound, UnknownName
from innkeeper.core.ids import RpId
from innkeeper.core.inventory import Inventory
from innkeeper.core.provider import Provider
from innkeeper.store.dialects.rows import Kind
from innkeeper.store.for_each import ForEach, Values, insert_of
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.providers import get_seen, raise_generation, raising
from innkeeper.store.tables import inventories, resource_classes
from innkeeper.store.txn import Txn

_i = inventories.c
_CLASSES: Final = Prepared(select(_i.rc_id).where(_i.rp_id == bindparam("rp")))
_NUMBERS: Final[dict[str, Kind]] = {
    "total": int,
    "reserved": int,
    "min_unit": int,
    "max_unit": int,
    "step_size": int,
    "allocation_ratio": float,
    "capacity": int,
}
_CHANGE: Final = ForEach(
    lambda row: (
        update(inventories)
        .where(_i.rp_id == row["rp_id"], _i.rc_id == row["rc_id"])
        .values({name: row[name] for name in _NUMBERS})
    ),
    rp_id=int,
    rc_id=int,
    **_NUMBERS,
)
_ADD: Final = ForEach(
    lambda row: insert_of(inventories, row), rp_id=int, rc_id=int, **_NUMBERS, used=int
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
    _put(txn, provider, by_class, present=present)
    return generation


def change_amounts(
    txn: Txn, rp_id: RpId, changed: Sequence[Inventory], *, seen_generation: int
) -> int:
    """Change inventories that the caller saw the provider to have; give its new generation.

    Whoever changes inventories raises the generation: as long as that is what was seen with them,
    they are what was seen. Raises ConcurrentUpdate: it is another, or the provider is gone.
    Raises UnknownName (a resource class).
    """
    by_class = {txn.class_id(each.resource_class): each for each in changed}
    raised = raising(txn, rp_id, seen_generation)
    rows = [_row(rp_id, class_id, each) for class_id, each in sorted(by_class.items())]
    changing = _CHANGE.send(txn.conn, rows, strict=txn.strict)
    txn.check(
        lambda: (raised.count(), changing.count()) == (1, len(rows)),
        lambda: ConcurrentUpdate("resource provider generation conflict"),
    )
    txn.stock_changed(rp_id, seen_generation + 1, changed)
    return seen_generation + 1


def put(txn: Txn, provider: Provider, wanted: Iterable[Inventory]) -> int:
    """Add or change these inventories and leave the others; give the provider's new generation.

    Raises ConcurrentUpdate, UnknownName (a resource class).
    """
    by_class = {txn.class_id(each.resource_class): each for each in wanted}
    generation = raise_generation(txn, provider)
    _put(txn, provider, by_class, present=_classes(txn, provider))
    return generation


def add(txn: Txn, rp_uuid: str, wanted: Inventory) -> int:
    """Add one inventory; give the provider's new generation.

    Raises NotFound, UnknownName (the resource class), ConcurrentUpdate (it is there already).
    """
    provider = get_seen(txn, rp_uuid, None)
    class_id = txn.class_id(wanted.resource_class)
    present = _classes(txn, provider)
    if class_id in present:
        raise ConcurrentUpdate(
            f"The resource provider {rp_uuid} has an inventory of {wanted.resource_class} already."
        )
    generation = raise_generation(txn, provider)
    _put(txn, provider, {class_id: wanted}, present=present)
    return generation


def change(txn: Txn, rp_uuid: str, wanted: Inventory, *, seen_generation: int) -> int:
    """Change one inventory; give the provider's new generation.

    Raises NotFound (the provider), UnknownName (the inventory), ConcurrentUpdate.
    """
    provider = get_seen(txn, rp_uuid, seen_generation)
    class_id = txn.class_id(wanted.resource_class)
    present = _classes(txn, provider)
    if class_id not in present:
        raise UnknownName(f"No inventory of class {wanted.resource_class} found.")
    generation = raise_generation(txn, provider)
    _put(txn, provider, {class_id: wanted}, present=present)
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
    _CLASSES.run(txn.cursor, txn.dialect, {"rp": provider.id})
    return {integer(class_id) for (class_id,) in txn.cursor.fetchall()}


def _put(
    txn: Txn, provider: Provider, wanted: Mapping[int, Inventory], *, present: Collection[int]
) -> None:
    """Write inventories by resource class id; those of ``present`` are there already."""
    old: list[Values] = []
    new: list[Values] = []
    for class_id, each in sorted(wanted.items()):
        row = _row(provider.id, class_id, each)
        if class_id in present:
            old.append(row)
        else:
            new.append((*row, 0))
    _CHANGE.send(txn.conn, old)
    _ADD.send(txn.conn, new)


def _row(rp_id: RpId, class_id: int, inventory: Inventory) -> Values:
    return (rp_id, class_id, *[getattr(inventory, name) for name in _NUMBERS])


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
