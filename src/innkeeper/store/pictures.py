"""Pictures: the rows that a commit touched, read back whole for the index.

The same functions serve the writer after its own batch, a reader that catches up with the
change feed, and the first load; so all of them see the same thing.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Final

from sqlalchemy import BigInteger, Connection, Table, bindparam, func, select, type_coerce

from innkeeper.core.ids import HostName, RpId
from innkeeper.core.picture import (
    NamePicture,
    Picture,
    ProviderTable,
    UsagePicture,
    WorkloadPicture,
)
from innkeeper.store.chunks import chunks, rows_named
from innkeeper.store.groups import group_pictures
from innkeeper.store.hosts import hosts_named
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.provider_table import provider_table
from innkeeper.store.tables import (
    instances,
    inventories,
    resource_classes,
    resource_providers,
    traits,
)
from innkeeper.store.touched import Touched
from innkeeper.store.txn import Txn

_LIVE: Final = ("BUILD", "ACTIVE")

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
        providers=provider_table(conn, None),
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
    providers = provider_table(conn, ids) if ids else ProviderTable()
    usages = touched.usages - touched.providers - touched.removed
    hosts = hosts_named(conn, touched.hosts) if touched.hosts else ()
    groups = group_pictures(conn, touched.groups) if touched.groups else ()
    gone = ids.difference(providers.ids)
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


def _usages_together(conn: Connection, ids: Collection[int]) -> tuple[UsagePicture, ...]:
    p, i = resource_providers.c, inventories.c
    query = (
        select(
            p.id,
            p.generation,
            type_coerce(p.updated_at, BigInteger),
            resource_classes.c.name,
            i.used,
        )
        .select_from(resource_providers)
        .outerjoin(inventories, i.rp_id == p.id)
        .outerjoin(resource_classes, resource_classes.c.id == i.rc_id)
        .order_by(p.id)
    )
    found: dict[int, tuple[int, int]] = {}
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
    return UsagePicture(RpId(rp_id), generation, updated_us, used)


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
    for host, label, count in rows_named(conn, query, c.host, hosts):
        counts.setdefault(host, []).append((label, count))
    return tuple(WorkloadPicture(HostName(host), tuple(of)) for host, of in counts.items())


def _names(conn: Connection, table: Table) -> tuple[NamePicture, ...]:
    rows = conn.execute(select(table.c.name, table.c.updated_at).order_by(table.c.id))
    return tuple(NamePicture(name, updated_at) for name, updated_at in rows)
