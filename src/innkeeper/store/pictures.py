"""Pictures: the rows that a commit touched, read back whole for the index.

The same functions serve the writer after its own batch, a reader that catches up with the
change feed, and the first load; so all of them see the same thing.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Connection, Select, Table, bindparam, func, select

from innkeeper.core.ids import AggregateUuid, HostName, RpId
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import (
    InventoryPicture,
    NamePicture,
    Picture,
    ProviderPicture,
    UsagePicture,
    WorkloadPicture,
)
from innkeeper.core.provider import Provider
from innkeeper.store.chunks import chunks
from innkeeper.store.groups import group_pictures
from innkeeper.store.hosts import hosts_named
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import (
    instances,
    inventories,
    provider_aggregates,
    provider_traits,
    resource_classes,
    resource_providers,
    traits,
)
from innkeeper.store.timestamp import from_us
from innkeeper.store.touched import Touched
from innkeeper.store.txn import Txn

_LIVE: Final = ("BUILD", "ACTIVE")

_Name = TypeVar("_Name")
_Query = TypeVar("_Query", bound=Select[Any])

# One provider at a time: what claims touch is few, and this is run after each of them.
_USAGE: Final = Prepared(
    select(
        resource_providers.c.generation,
        resource_providers.c.updated_at,
        resource_classes.c.name,
        inventories.c.used,
    )
    .select_from(resource_providers)
    .outerjoin(inventories, inventories.c.rp_id == resource_providers.c.id)
    .outerjoin(resource_classes, resource_classes.c.id == inventories.c.rc_id)
    .where(resource_providers.c.id == bindparam("of"))
)


def whole(conn: Connection) -> Picture:
    """Give the picture of everything."""
    return Picture(
        resource_classes=_names(conn, resource_classes),
        traits=_names(conn, traits),
        providers=provider_pictures(conn, None),
        hosts=hosts_named(conn, None),
        groups=group_pictures(conn, None),
        workloads=_workloads(conn, None),
        whole=True,
    )


def of(txn: Txn, touched: Touched) -> Picture:
    """Give the picture of what ``touched`` names, as it is in this transaction."""
    return _of(txn.conn, touched, lambda ids: _usages(txn, ids))


def of_snapshot(conn: Connection, touched: Touched) -> Picture:
    """Give the picture of what ``touched`` names, by as few statements as there are tables."""
    return _of(conn, touched, lambda ids: _usages_together(conn, ids))


def _of(
    conn: Connection,
    touched: Touched,
    usages_of: Callable[[Collection[int]], tuple[UsagePicture, ...]],
) -> Picture:
    ids = touched.providers - touched.removed
    providers = provider_pictures(conn, ids) if ids else ()
    usages = touched.usages - touched.providers - touched.removed
    hosts = hosts_named(conn, touched.hosts) if touched.hosts else ()
    groups = group_pictures(conn, touched.groups) if touched.groups else ()
    gone = ids.difference(picture.provider.id for picture in providers)
    return Picture(
        resource_classes=_names(conn, resource_classes) if touched.resource_classes else None,
        traits=_names(conn, traits) if touched.traits else None,
        removed=tuple(RpId(rp_id) for rp_id in sorted(touched.removed | gone)),
        providers=providers,
        usages=usages_of(usages) if usages else (),
        hosts=hosts,
        hosts_removed=tuple(sorted(touched.hosts.difference(host.name for host in hosts))),
        groups=groups,
        groups_removed=tuple(sorted(touched.groups.difference(group.uuid for group in groups))),
        workloads=_workloads(conn, touched.workloads) if touched.workloads else (),
    )


def provider_pictures(conn: Connection, ids: Collection[int] | None) -> tuple[ProviderPicture, ...]:
    """Give the providers with these ids (None: all), parents before children."""
    found: list[Provider] = []
    inventory_of: defaultdict[int, list[InventoryPicture]] = defaultdict(list)
    traits_of: defaultdict[int, list[str]] = defaultdict(list)
    aggregates_of: defaultdict[int, list[AggregateUuid]] = defaultdict(list)
    for chunk in _chunks(ids):
        # In the order in which they were made: ties between hosts are broken by it.
        query = select(resource_providers).order_by(resource_providers.c.id)
        providers = _within(query, resource_providers.c.id, chunk)
        found.extend(Provider(**row._mapping) for row in conn.execute(providers))
        for rp_id, inventory, used in _inventories(conn, chunk):
            inventory_of[rp_id].append(InventoryPicture(inventory, used))
        named = select(provider_traits.c.rp_id, traits.c.name).join(traits).order_by(traits.c.name)
        for rp_id, name in conn.execute(_within(named, provider_traits.c.rp_id, chunk)):
            traits_of[rp_id].append(name)
        grouped = select(provider_aggregates).order_by(provider_aggregates.c.aggregate_uuid)
        for rp_id, uuid in conn.execute(_within(grouped, provider_aggregates.c.rp_id, chunk)):
            aggregates_of[rp_id].append(uuid)
    return tuple(
        ProviderPicture(
            provider,
            tuple(inventory_of[provider.id]),
            tuple(traits_of[provider.id]),
            tuple(aggregates_of[provider.id]),
        )
        for provider in _parents_first(found)
    )


def _inventories(
    conn: Connection, chunk: Sequence[int] | None
) -> Iterator[tuple[int, Inventory, int]]:
    i = inventories.c
    query = (
        select(
            i.rp_id,
            resource_classes.c.name,
            i.total,
            i.reserved,
            i.min_unit,
            i.max_unit,
            i.step_size,
            i.allocation_ratio,
            i.used,
        )
        .join(resource_classes)
        .order_by(i.rp_id, i.rc_id)
    )
    for rp_id, *fields, used in conn.execute(_within(query, i.rp_id, chunk)):
        yield rp_id, Inventory(*fields), used


def _usages_together(conn: Connection, ids: Collection[int]) -> tuple[UsagePicture, ...]:
    p, i = resource_providers.c, inventories.c
    query = (
        select(p.id, p.generation, p.updated_at, resource_classes.c.name, i.used)
        .select_from(resource_providers)
        .outerjoin(inventories, i.rp_id == p.id)
        .outerjoin(resource_classes, resource_classes.c.id == i.rc_id)
        .order_by(p.id)
    )
    found: dict[int, tuple[int, datetime]] = {}
    used: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for chunk in chunks(sorted(ids)):
        for rp_id, generation, at, name, amount in conn.execute(query.where(p.id.in_(chunk))):
            found[rp_id] = (generation, at)
            if name is not None:
                used[rp_id].append((name, amount))
    return tuple(
        UsagePicture(RpId(rp_id), generation, at, tuple(used[rp_id]))
        for rp_id, (generation, at) in found.items()
    )


def _usages(txn: Txn, ids: Collection[int]) -> tuple[UsagePicture, ...]:
    return tuple(picture for rp_id in sorted(ids) if (picture := _usage(txn, rp_id)) is not None)


def _usage(txn: Txn, rp_id: int) -> UsagePicture | None:
    _USAGE.run(txn.cursor, txn.dialect, {"of": rp_id})
    rows = txn.cursor.fetchall()
    if not rows:
        return None
    used = tuple((str(name), integer(used)) for _, _, name, used in rows if name is not None)
    generation, updated_us = integer(rows[0][0]), integer(rows[0][1])
    return UsagePicture(RpId(rp_id), generation, from_us(updated_us), used)


def _workloads(conn: Connection, hosts: Collection[str] | None) -> tuple[WorkloadPicture, ...]:
    """Count labelled instances that hold a claim, by host; a host named with none is empty."""
    c = instances.c
    query = (
        select(c.host, c.workload, func.count())
        .where(c.workload.is_not(None), c.host.is_not(None), c.status.in_(_LIVE))
        .group_by(c.host, c.workload)
        .order_by(c.host, c.workload)
    )
    counts: dict[str, list[tuple[str, int]]] = {host: [] for host in hosts or ()}
    for chunk in _chunks(hosts):
        for host, label, count in conn.execute(_within(query, c.host, chunk)):
            counts.setdefault(host, []).append((label, count))
    return tuple(WorkloadPicture(HostName(host), tuple(of)) for host, of in counts.items())


def _names(conn: Connection, table: Table) -> tuple[NamePicture, ...]:
    rows = conn.execute(select(table.c.name, table.c.updated_at).order_by(table.c.id))
    return tuple(NamePicture(name, updated_at) for name, updated_at in rows)


def _parents_first(providers: Sequence[Provider]) -> Iterator[Provider]:
    known = {provider.id for provider in providers}
    children: defaultdict[int | None, list[Provider]] = defaultdict(list)
    for provider in providers:
        children[provider.parent_id if provider.parent_id in known else None].append(provider)
    waiting = children[None][::-1]
    while waiting:
        provider = waiting.pop()
        yield provider
        waiting.extend(children[provider.id][::-1])


def _chunks(names: Collection[_Name] | None) -> Iterator[Sequence[_Name] | None]:
    """Cut ``names`` for IN lists; None stands for everything, in one piece."""
    return iter([None]) if names is None else chunks(names)


def _within(query: _Query, column: Column[Any], chunk: Sequence[object] | None) -> _Query:
    return query if chunk is None else query.where(column.in_(chunk))
