"""Providers one by one, as tests think of them, to and from the columns of a picture."""

from collections.abc import Iterable, Sequence

import msgspec

from innkeeper.core.ids import AggregateUuid, RpId, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.moment import from_us, to_us
from innkeeper.core.picture import InventoryPicture, NameTable, ProviderTable, StockTable
from innkeeper.core.provider import Provider


class ProviderPicture(msgspec.Struct, frozen=True):
    """One provider of a picture."""

    provider: Provider
    inventories: tuple[InventoryPicture, ...] = ()
    traits: tuple[str, ...] = ()
    aggregates: tuple[AggregateUuid, ...] = ()


def table(pictures: Iterable[ProviderPicture]) -> ProviderTable:
    """Give the columns of some providers."""
    each = sorted(pictures, key=lambda one: one.provider.id)
    providers = [one.provider for one in each]
    stock = [(one.provider.id, kept) for one in each for kept in one.inventories]
    inventories = [kept.inventory for _, kept in stock]
    names = sorted({inventory.resource_class for inventory in inventories})
    return ProviderTable(
        ids=[one.id for one in providers],
        uuids=[one.uuid for one in providers],
        names=[one.name for one in providers],
        generations=[one.generation for one in providers],
        root_ids=[one.root_id for one in providers],
        parent_ids=[one.parent_id or 0 for one in providers],
        updated_us=[to_us(one.updated_at) for one in providers],
        stock=StockTable(
            rp_ids=[rp_id for rp_id, _ in stock],
            classes=[names.index(one.resource_class) for one in inventories],
            total=[one.total for one in inventories],
            reserved=[one.reserved for one in inventories],
            min_unit=[one.min_unit for one in inventories],
            max_unit=[one.max_unit for one in inventories],
            step_size=[one.step_size for one in inventories],
            allocation_ratio=[one.allocation_ratio for one in inventories],
            capacity=[one.capacity for one in inventories],
            used=[kept.used for _, kept in stock],
            names=dict(enumerate(names)),
        ),
        traits=_names((one.provider.id, one.traits) for one in each),
        aggregates=_names((one.provider.id, one.aggregates) for one in each),
    )


def listed(of: ProviderTable) -> tuple[ProviderPicture, ...]:
    """Give the providers of a picture one by one."""
    return tuple(
        ProviderPicture(
            Provider(
                id=RpId(rp_id),
                uuid=RpUuid(of.uuids[at]),
                name=of.names[at],
                generation=of.generations[at],
                root_id=RpId(of.root_ids[at]),
                parent_id=RpId(of.parent_ids[at]) if of.parent_ids[at] else None,
                updated_at=from_us(of.updated_us[at]),
            ),
            tuple(_inventory(of.stock, n) for n, one in enumerate(of.stock.rp_ids) if one == rp_id),
            tuple(sorted(_of(of.traits, rp_id))),
            tuple(map(AggregateUuid, _of(of.aggregates, rp_id))),
        )
        for at, rp_id in enumerate(of.ids)
    )


def _inventory(stock: StockTable, at: int) -> InventoryPicture:
    return InventoryPicture(
        Inventory(
            resource_class=stock.names[stock.classes[at]],
            total=stock.total[at],
            reserved=stock.reserved[at],
            min_unit=stock.min_unit[at],
            max_unit=stock.max_unit[at],
            step_size=stock.step_size[at],
            allocation_ratio=stock.allocation_ratio[at],
        ),
        used=stock.used[at],
    )


def _names(of: Iterable[tuple[int, Sequence[str]]]) -> NameTable:
    pairs = [(rp_id, name) for rp_id, names in of for name in names]
    return NameTable([rp_id for rp_id, _ in pairs], [name for _, name in pairs])


def _of(names: NameTable, rp_id: int) -> list[str]:
    return [name for one, name in zip(names.rp_ids, names.names, strict=True) if one == rp_id]
