"""Host reports in the store: whole provider trees, added or brought up to date in bulk.

A restarted agent reports again; what is as it was is not written. Traits are only ever added
here, and providers never removed: others may have put theirs into the tree.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Select, delete, insert, select, update

from innkeeper.core.errors import Conflict, InvalidInput
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, RpId, RpUuid
from innkeeper.core.inventory import MAX_INT, Inventory
from innkeeper.core.names import is_valid_custom
from innkeeper.core.report import HostReport, ProviderReport
from innkeeper.store.chunks import chunks
from innkeeper.store.hosts import hosts_named, put_host
from innkeeper.store.names import NameCache
from innkeeper.store.providers import raise_any
from innkeeper.store.tables import (
    hosts,
    inventories,
    provider_traits,
    resource_classes,
    resource_providers,
    traits,
)
from innkeeper.store.txn import Txn

MAX_DEPTH: Final = 10
"""Levels of a provider tree: a machine, its NUMA nodes, devices, their functions; and room."""

_p, _i = resource_providers.c, inventories.c
_FIELDS: Final = Inventory.__struct_fields__[1:]


def put_reports(txn: Txn, cell: CellName, reports: Sequence[HostReport]) -> None:
    """Make the store have what ``reports`` say of hosts of ``cell``.

    A provider that is known keeps its name and its place in the tree.
    Raises InvalidInput if a report is no tree, UnknownName for a name that is neither standard
    nor custom, Conflict if a host is in another cell or a provider's name is taken.
    """
    for report in reports:
        check(report)
    _add_names(txn, reports)
    ids = _ids(txn, [provider.uuid for report in reports for provider in report.providers])
    fresh = [p for report in reports for p in report.providers if p.uuid not in ids]
    _add_providers(txn, reports, ids)
    _add_contents(txn, fresh, ids)
    new = {provider.uuid for provider in fresh}
    known = [p for report in reports for p in report.providers if p.uuid not in new]
    _refresh(txn, {RpId(ids[provider.uuid]): provider for provider in known})
    _put_hosts(txn, cell, reports)


def check(report: HostReport) -> None:
    """Raise InvalidInput unless the root is first and each other provider follows its parent.

    And unless the store and the index can hold all amounts.
    """
    seen: set[RpUuid] = set()
    for provider in report.providers:
        if (provider.parent in seen) if seen else (provider.parent is None):
            seen.add(provider.uuid)
        else:
            raise InvalidInput(f"The report of host {report.host} is no tree, parents first.")
        for inventory in provider.inventories:
            if not _fits(inventory):
                raise InvalidInput(
                    f"The report of host {report.host}: inventory of {inventory.resource_class} of"
                    f" {provider.name} has an amount that is negative, or above {MAX_INT}, or a"
                    " portion of 0."
                )
    if not seen:
        raise InvalidInput(f"The report of host {report.host} has no provider.")


def _fits(inventory: Inventory) -> bool:
    portions = (inventory.min_unit, inventory.max_unit, inventory.step_size)
    return (
        all(0 <= amount <= MAX_INT for amount in (inventory.total, inventory.reserved))
        and all(1 <= portion <= MAX_INT for portion in portions)
        and math.isfinite(inventory.allocation_ratio)
    )


def _add_names(txn: Txn, reports: Iterable[HostReport]) -> None:
    """Add the custom traits and resource classes that are new."""
    providers = [provider for report in reports for provider in report.providers]
    if _add_missing(txn, txn.names.traits, {name for p in providers for name in p.traits}):
        txn.traits_changed()
    classes = {inventory.resource_class for p in providers for inventory in p.inventories}
    if _add_missing(txn, txn.names.resource_classes, classes):
        txn.resource_classes_changed()


def _add_missing(txn: Txn, cache: NameCache, names: Iterable[str]) -> bool:
    table = traits if cache is txn.names.traits else resource_classes
    missing = [
        name
        for name in sorted(names)
        if is_valid_custom(name) and cache.find(txn.conn, name) is None
    ]
    stamps = {"created_at": txn.now, "updated_at": txn.now}
    if missing:
        txn.conn.execute(insert(table), [{"name": name, **stamps} for name in missing])
    return bool(missing)


def _ids(txn: Txn, uuids: Sequence[RpUuid]) -> dict[RpUuid, int]:
    return {
        uuid: rp_id
        for chunk in chunks(uuids)
        for uuid, rp_id in txn.conn.execute(select(_p.uuid, _p.id).where(_p.uuid.in_(chunk)))
    }


def _add_providers(txn: Txn, reports: Iterable[HostReport], ids: dict[RpUuid, int]) -> None:
    """Add the providers that ``ids`` lacks, level by level, and their ids to it."""
    level = [(report, report.root) for report in reports]
    for _ in range(MAX_DEPTH):
        missing = [(report, provider) for report, provider in level if provider.uuid not in ids]
        if missing:
            _add_level(txn, missing, ids)
        level = [
            (report, provider)
            for report, parents in _by_report(level)
            for provider in report.providers
            if provider.parent in parents
        ]
        if not level:
            return
    raise InvalidInput(f"A provider tree has more than {MAX_DEPTH} levels.")


def _by_report(
    level: Iterable[tuple[HostReport, ProviderReport]],
) -> Iterator[tuple[HostReport, set[RpUuid]]]:
    """Yield each report of a level with the uuids of its providers there."""
    uuids: defaultdict[str, set[RpUuid]] = defaultdict(set)
    of_host: dict[str, HostReport] = {}
    for report, provider in level:
        uuids[report.host].add(provider.uuid)
        of_host[report.host] = report
    for host, report in of_host.items():
        yield report, uuids[host]


def _add_level(
    txn: Txn, missing: Sequence[tuple[HostReport, ProviderReport]], ids: dict[RpUuid, int]
) -> None:
    rows = [
        {
            "uuid": provider.uuid,
            "name": provider.name,
            "generation": 0,
            "root_id": 0 if provider.parent is None else ids[report.root.uuid],
            "parent_id": None if provider.parent is None else ids[provider.parent],
            "created_at": txn.now,
            "updated_at": txn.now,
        }
        for report, provider in missing
    ]
    txn.conn.execute(insert(resource_providers), rows)
    ids.update(_ids(txn, [provider.uuid for _, provider in missing]))
    roots = [ids[provider.uuid] for _, provider in missing if provider.parent is None]
    for chunk in chunks(roots):
        txn.conn.execute(update(resource_providers).where(_p.id.in_(chunk)).values(root_id=_p.id))


def _add_contents(txn: Txn, providers: Sequence[ProviderReport], ids: Mapping[RpUuid, int]) -> None:
    """Add inventories and traits of providers that are new."""
    inventory_rows = []
    trait_rows = []
    for provider in providers:
        rp_id = ids[provider.uuid]
        inventory_rows += [_inventory_row(txn, rp_id, each) for each in provider.inventories]
        trait_rows += [{"rp_id": rp_id, "trait_id": txn.trait_id(t)} for t in provider.traits]
        txn.provider_changed(RpId(rp_id))
    if inventory_rows:
        txn.conn.execute(insert(inventories), inventory_rows)
    if trait_rows:
        txn.conn.execute(insert(provider_traits), trait_rows)


def _inventory_row(txn: Txn, rp_id: int, inventory: Inventory) -> dict[str, Any]:
    return {
        "rp_id": rp_id,
        "rc_id": txn.class_id(inventory.resource_class),
        **{name: getattr(inventory, name) for name in _FIELDS},
        "capacity": inventory.capacity,
        "used": 0,
    }


def _refresh(txn: Txn, known: Mapping[RpId, ProviderReport]) -> None:
    """Bring providers that were there already up to date, where they differ."""
    held: defaultdict[int, dict[str, tuple[Inventory, int]]] = defaultdict(dict)
    query = select(
        _i.rp_id, resource_classes.c.name, *(_i[name] for name in _FIELDS), _i.used
    ).join(resource_classes)
    for rp_id, *fields, used in _each(txn, query, _i.rp_id, known):
        inventory = Inventory(*fields)
        held[rp_id][inventory.resource_class] = (inventory, used)
    having: defaultdict[int, set[str]] = defaultdict(set)
    named = select(provider_traits.c.rp_id, traits.c.name).join(traits)
    for rp_id, name in _each(txn, named, provider_traits.c.rp_id, known):
        having[rp_id].add(name)
    for rp_id, provider in known.items():
        changed = _refresh_inventories(txn, rp_id, provider, held[rp_id])
        missing = sorted(set(provider.traits) - having[rp_id])
        if missing:
            rows = [{"rp_id": rp_id, "trait_id": txn.trait_id(name)} for name in missing]
            txn.conn.execute(insert(provider_traits), rows)
        if changed or missing:
            raise_any(txn, rp_id)


def _refresh_inventories(
    txn: Txn,
    rp_id: RpId,
    provider: ProviderReport,
    held: Mapping[str, tuple[Inventory, int]],
) -> bool:
    """Write the inventories that differ; what is in use is never removed. Tell if any did."""
    changed = False
    for inventory in provider.inventories:
        before = held.get(inventory.resource_class)
        if before is not None and before[0] == inventory:
            continue
        row = _inventory_row(txn, rp_id, inventory)
        if before is None:
            txn.conn.execute(insert(inventories).values(row))
        else:
            del row["used"]
            txn.conn.execute(
                update(inventories).where(_i.rp_id == rp_id, _i.rc_id == row["rc_id"]).values(row)
            )
        changed = True
    for name in held.keys() - {inventory.resource_class for inventory in provider.inventories}:
        gone = txn.conn.execute(
            delete(inventories).where(
                _i.rp_id == rp_id, _i.rc_id == txn.class_id(name), _i.used == 0
            )
        )
        changed = changed or gone.rowcount > 0
    return changed


def _put_hosts(txn: Txn, cell: CellName, reports: Sequence[HostReport]) -> None:
    """Add hosts that are new; note that the others are up, and their zone."""
    names = [report.host for report in reports]
    known = {h.name: h for h in hosts_named(txn.conn, names)}
    fresh = []
    for report in reports:
        before = known.get(report.host)
        if before is None:
            fresh.append(_host_row(txn, cell, report))
            txn.host_changed(report.host)
        elif (before.cell, before.rp_uuid) != (cell, report.root.uuid):
            raise Conflict(
                f"Host {before.name} is provider {before.rp_uuid} of cell {before.cell}, and"
                f" cannot become {report.root.uuid} of {cell}."
            )
        elif not before.up or before.zone != report.zone:
            put_host(txn, msgspec.structs.replace(before, up=True, zone=report.zone))
    if fresh:
        txn.conn.execute(insert(hosts), fresh)


def _host_row(txn: Txn, cell: CellName, report: HostReport) -> dict[str, Any]:
    host = Host(report.host, cell=cell, rp_uuid=report.root.uuid, zone=report.zone)
    stamps = {"created_at": txn.now, "updated_at": txn.now}
    return {**msgspec.structs.asdict(host), **stamps}


def _each(
    txn: Txn,
    query: Select[Any],
    column: Column[Any],
    ids: Collection[int],
) -> Iterator[Any]:
    for chunk in chunks(ids):
        yield from txn.conn.execute(query.where(column.in_(chunk)))
