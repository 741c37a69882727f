"""Pictures: the rows that a commit touched, read back whole for the index.

The same functions serve the writer after its own batch, a reader that catches up with the
change feed, and the first load; so all of them see the same thing.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, Table, func, select

from innkeeper.core.ids import HostName, RpId
from innkeeper.core.instance import LIVE
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import (
    InventoryPicture,
    NamePicture,
    Picture,
    ProviderTable,
    StockPicture,
    UsagePicture,
    WorkloadPicture,
)
from innkeeper.store.chunks import rows_named
from innkeeper.store.for_each import ForEach
from innkeeper.store.groups import group_pictures
from innkeeper.store.hosts import hosts_named
from innkeeper.store.prepared import integer
from innkeeper.store.provider_table import provider_table
from innkeeper.store.tables import (
    instances,
    inventories,
    resource_classes,
    resource_providers,
    traits,
)
from innkeeper.store.touched import Touched

_USAGES: Final = ForEach(
    lambda row: (
        select(
            resource_providers.c.id,
            resource_providers.c.generation,
            resource_providers.c.updated_at,
            resource_classes.c.name,
            inventories.c.used,
        )
        .select_from(resource_providers)
        .outerjoin(inventories, inventories.c.rp_id == resource_providers.c.id)
        .outerjoin(resource_classes, resource_classes.c.id == inventories.c.rc_id)
        .where(resource_providers.c.id == row["of"])
    ),
    of=int,
)


_STOCKS: Final = ForEach(
    lambda row: (
        select(
            resource_providers.c.id,
            resource_providers.c.generation,
            resource_providers.c.updated_at,
            resource_classes.c.name,
            inventories.c.total,
            inventories.c.reserved,
            inventories.c.min_unit,
            inventories.c.max_unit,
            inventories.c.step_size,
            inventories.c.allocation_ratio,
            inventories.c.used,
        )
        .select_from(resource_providers)
        .join(inventories, inventories.c.rp_id == resource_providers.c.id)
        .join(resource_classes, resource_classes.c.id == inventories.c.rc_id)
        .where(resource_providers.c.id == row["of"])
    ),
    of=int,
)


def whole(conn: Connection) -> Picture:
    """Give the picture of everything."""
    return Picture(
        resource_classes=_names(conn, resource_classes),
        traits=_names(conn, traits),
        providers=provider_table(conn, None),
        hosts=hosts_named(conn, None),
        groups=group_pictures(conn, None),
        workloads=_workloads(conn, None),
        whole=True,
    )


def of(conn: Connection, touched: Touched) -> Picture:
    """Give the picture of what ``touched`` names, as it is in this transaction."""
    ids = touched.providers - touched.removed
    providers = provider_table(conn, ids) if ids else ProviderTable()
    stocks = touched.stocks - touched.providers - touched.removed
    usages = touched.usages - touched.stocks - touched.providers - touched.removed
    hosts = hosts_named(conn, touched.hosts) if touched.hosts else ()
    groups = group_pictures(conn, touched.groups) if touched.groups else ()
    gone = ids.difference(providers.ids)
    return Picture(
        resource_classes=_names(conn, resource_classes) if touched.resource_classes else None,
        traits=_names(conn, traits) if touched.traits else None,
        removed=tuple(RpId(rp_id) for rp_id in sorted(touched.removed | gone)),
        providers=providers,
        stocks=_stocks(conn, stocks) if stocks else (),
        usages=_usages(conn, usages) if usages else (),
        hosts=hosts,
        hosts_removed=tuple(sorted(touched.hosts.difference(host.name for host in hosts))),
        groups=groups,
        groups_removed=tuple(sorted(touched.groups.difference(group.uuid for group in groups))),
        workloads=_workloads(conn, touched.workloads) if touched.workloads else (),
    )


def _usages(conn: Connection, ids: Collection[int]) -> tuple[UsagePicture, ...]:
    found: dict[int, tuple[int, int]] = {}
    used: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    rows = _USAGES.send(conn, [(of,) for of in sorted(ids)]).rows()
    for rp_id, generation, updated_us, name, amount in rows:
        of = integer(rp_id)
        if of not in found:
            found[of] = (integer(generation), integer(updated_us))
        if name is not None:
            used[of].append((str(name), integer(amount)))
    return tuple(
        UsagePicture(RpId(of), generation, at, tuple(used[of]))
        for of, (generation, at) in found.items()
    )


def _stocks(conn: Connection, ids: Collection[int]) -> tuple[StockPicture, ...]:
    found: dict[int, tuple[int, int]] = {}
    stock: defaultdict[int, list[InventoryPicture]] = defaultdict(list)
    rows = _STOCKS.send(conn, [(of,) for of in sorted(ids)]).rows()
    for rp_id, generation, updated_us, *amounts, used in rows:
        of = integer(rp_id)
        found[of] = (integer(generation), integer(updated_us))
        inventory = Inventory(*amounts)  # type: ignore[arg-type]
        stock[of].append(InventoryPicture(inventory, integer(used)))
    return tuple(
        StockPicture(RpId(of), generation, at, tuple(stock[of]))
        for of, (generation, at) in found.items()
    )


def _workloads(conn: Connection, hosts: Collection[str] | None) -> tuple[WorkloadPicture, ...]:
    """Count labelled instances that hold a claim, by host; a host named with none is empty."""
    c = instances.c
    query = (
        select(c.host, c.workload, func.count())
        .where(c.workload.is_not(None), c.host.is_not(None), c.status.in_(LIVE))
        .group_by(c.host, c.workload)
        .order_by(c.host, c.workload)
    )
    counts: dict[str, list[tuple[str, int]]] = {host: [] for host in hosts or ()}
    for host, label, count in rows_named(conn, query, c.host, hosts):
        counts.setdefault(host, []).append((label, count))
    return tuple(WorkloadPicture(HostName(host), tuple(of)) for host, of in counts.items())


def _names(conn: Connection, table: Table) -> tuple[NamePicture, ...]:
    rows = conn.execute(select(table.c.name, table.c.updated_at).order_by(table.c.id))
    return tuple(NamePicture(name, updated_at) for name, updated_at in rows)
