"""Pictures: the rows that a commit touched, read back whole for the index.

The same functions serve the writer after its own batch, a reader that catches up with the
change feed, and the first load; so all of them see the same thing. Only what an op of the batch
has said itself (`Txn.stocks`) is not read.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, func, select

from innkeeper.core.ids import HostName, RpId
from innkeeper.core.instance import LIVE
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import (
    NamePicture,
    Picture,
    ProviderTable,
    StockPicture,
    UsagePicture,
    WorkloadPicture,
)
from innkeeper.store.chunks import rows_named
from innkeeper.store.for_each import ForEach, Sent, Values
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

_HEAD: Final = (
    resource_providers.c.id,
    resource_providers.c.generation,
    resource_providers.c.updated_at,
)
"""Columns of a provider itself."""

_GENERATIONS: Final = ForEach(
    lambda row: select(*_HEAD).where(resource_providers.c.id == row["of"]), of=int
)


def _inventories(*columns: ColumnElement[Any]) -> ForEach:
    """Give the statement of some providers and, beside each, the columns of its inventories."""
    return ForEach(
        lambda row: (
            select(*_HEAD, resource_classes.c.name, *columns)
            .select_from(resource_providers)
            .outerjoin(inventories, inventories.c.rp_id == resource_providers.c.id)
            .outerjoin(resource_classes, resource_classes.c.id == inventories.c.rc_id)
            .where(resource_providers.c.id == row["of"])
        ),
        of=int,
    )


_USAGES: Final = _inventories(inventories.c.used)
_STOCKS: Final = _inventories(*(inventories.c[name] for name in Inventory.__struct_fields__[1:]))


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


def asked(
    conn: Connection, touched: Touched, known: Sequence[StockPicture] = ()
) -> Callable[[], Picture]:
    """Ask for the picture of what ``touched`` names, as it is in this transaction; give what waits.

    Of stocks and generations that are ``known`` nothing is asked. Where the connection has a
    pipeline, this waits for nothing that a claim touches, or an inventory of the same classes.
    """
    rest = _rest(conn, touched)
    read = touched.providers | touched.removed
    usages = touched.usages - read
    known = [each for each in known if each.rp_id not in read]
    read.update(each.rp_id for each in known)
    stocks = touched.stocks - read
    generations = touched.generations - touched.stocks - usages - read
    asked_stocks = _STOCKS.send(conn, _rows(stocks))
    asked_generations = _GENERATIONS.send(conn, _rows(generations))
    asked_usages = _USAGES.send(conn, _rows(usages))

    def take() -> Picture:
        return msgspec.structs.replace(
            rest,
            stocks=(*known, *_stocks(asked_stocks), *_stocks(asked_generations)),
            usages=_usages(asked_usages),
        )

    return take


def _rows(ids: Collection[int]) -> list[Values]:
    return [(of,) for of in sorted(ids)]


def _rest(conn: Connection, touched: Touched) -> Picture:
    """Give the picture of what is named but providers whose classes and places are the same."""
    ids = touched.providers - touched.removed
    providers = provider_table(conn, ids) if ids else ProviderTable()
    hosts = hosts_named(conn, touched.hosts) if touched.hosts else ()
    groups = group_pictures(conn, touched.groups) if touched.groups else ()
    gone = ids.difference(providers.ids)
    return Picture(
        resource_classes=_names(conn, resource_classes) if touched.resource_classes else None,
        traits=_names(conn, traits) if touched.traits else None,
        removed=tuple(RpId(rp_id) for rp_id in sorted(touched.removed | gone)),
        providers=providers,
        hosts=hosts,
        hosts_removed=tuple(sorted(touched.hosts.difference(host.name for host in hosts))),
        groups=groups,
        groups_removed=tuple(sorted(touched.groups.difference(group.uuid for group in groups))),
        workloads=_workloads(conn, touched.workloads) if touched.workloads else (),
        projects=frozenset(touched.projects),
    )


def _usages(asked: Sent) -> tuple[UsagePicture, ...]:
    return tuple(
        UsagePicture(*head, tuple([(str(name), integer(used)) for name, used in rows]))
        for head, rows in _by_provider(asked)
    )


def _stocks(asked: Sent) -> tuple[StockPicture, ...]:
    return tuple(
        StockPicture(
            *head,
            tuple([Inventory(*inventory) for inventory in rows]),  # type: ignore[arg-type]
        )
        for head, rows in _by_provider(asked)
    )


def _by_provider(asked: Sent) -> Iterator[tuple[tuple[RpId, int, int], list[Values]]]:
    """Give id, generation and time of each provider, and the columns of its inventories."""
    found: dict[Values, list[Values]] = {}
    for row in asked.rows():
        head, inventory = row[: len(_HEAD)], row[len(_HEAD) :]
        of = found.setdefault(head, [])
        if any(inventory):
            of.append(inventory)
    for (rp_id, generation, updated_us), rows in found.items():
        yield (RpId(integer(rp_id)), integer(generation), integer(updated_us)), rows


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
