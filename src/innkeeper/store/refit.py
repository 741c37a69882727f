"""Refitting: an alternate whose device was taken meanwhile gets another one just like it.

A selection names devices, and between scheduling and a retry the very next request will often
have taken the one that an alternate named, while its twins on the same host are free. Devices
are alike if nothing that a request can ask about tells them apart: same parent, no children,
same inventories, traits and aggregates.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from innkeeper.core.allocation import Allocation
from innkeeper.core.ids import RpId, RpUuid
from innkeeper.core.selection import Selection
from innkeeper.store.tables import (
    inventories,
    provider_aggregates,
    provider_traits,
    resource_classes,
    resource_providers,
)

_p, _i = resource_providers.c, inventories.c
_RULES = (_i.total, _i.reserved, _i.min_unit, _i.max_unit, _i.step_size, _i.allocation_ratio)


class _Device(msgspec.Struct):
    """A provider that is some other's child, with what tells it from its siblings."""

    id: RpId
    uuid: RpUuid
    parent: int
    rules: dict[str, tuple[object, ...]]
    free: dict[str, int]
    names: set[tuple[str, object]]
    """Its traits and aggregates."""
    is_parent: bool = False

    def has_room(self, wanted: Mapping[str, int]) -> bool:
        return all(self.free.get(name, 0) >= amount for name, amount in wanted.items())

    def is_like(self, other: "_Device") -> bool:
        mine = (self.parent, self.rules, self.names, self.is_parent)
        return mine == (other.parent, other.rules, other.names, False)


def refit(conn: Connection, selection: Selection) -> Selection:
    """Give ``selection`` with devices that are full replaced by like ones that have room.

    The one that is left with the least is taken. What has no substitute stays as it is: the
    claim itself will say why it can't be.
    """
    wanted: defaultdict[RpId, dict[str, int]] = defaultdict(dict)
    for each in selection.allocations:
        wanted[each.rp_id][each.resource_class] = each.amount
    devices = _devices(conn, wanted.keys())
    instead: dict[RpId, _Device] = {}
    for rp_id, amounts in wanted.items():
        full = devices.get(rp_id)
        if full is None or full.has_room(amounts):
            continue
        taken = wanted.keys() | {device.id for device in instead.values()}
        fitting = [
            device
            for device in devices.values()
            if device.id not in taken and device.is_like(full) and device.has_room(amounts)
        ]
        if fitting:
            instead[rp_id] = min(fitting, key=lambda device: (sum(device.free.values()), device.id))
    return _swapped(selection, instead) if instead else selection


def _swapped(selection: Selection, instead: Mapping[RpId, _Device]) -> Selection:
    uuids = {
        each.rp_uuid: instead[each.rp_id].uuid
        for each in selection.allocations
        if each.rp_id in instead
    }
    return msgspec.structs.replace(
        selection,
        allocations=tuple(_moved(each, instead.get(each.rp_id)) for each in selection.allocations),
        mappings=tuple(
            (suffix, tuple(uuids.get(uuid, uuid) for uuid in served))
            for suffix, served in selection.mappings
        ),
    )


def _moved(allocation: Allocation, device: _Device | None) -> Allocation:
    if device is None:
        return allocation
    return msgspec.structs.replace(allocation, rp_id=device.id, rp_uuid=device.uuid)


def _devices(conn: Connection, ids: Collection[RpId]) -> dict[RpId, _Device]:
    """Give those of ``ids`` that have a parent, and all their siblings, by id."""
    parents = select(_p.parent_id).where(_p.id.in_(sorted(ids)), _p.parent_id.is_not(None))
    rows = conn.execute(
        select(_p.id, _p.uuid, _p.parent_id).where(_p.parent_id.in_(parents)).order_by(_p.id)
    )
    devices = {
        row.id: _Device(row.id, row.uuid, row.parent_id, rules={}, free={}, names=set())
        for row in rows
    }
    if devices:
        _describe(conn, devices, sorted(devices))
    return devices


def _describe(conn: Connection, devices: Mapping[RpId, _Device], ids: Sequence[RpId]) -> None:
    query = (
        select(_i.rp_id, resource_classes.c.name, _i.capacity - _i.used, *_RULES)
        .join(resource_classes)
        .where(_i.rp_id.in_(ids))
    )
    for rp_id, name, free, *rules in conn.execute(query):
        devices[rp_id].rules[name] = tuple(rules)
        devices[rp_id].free[name] = free
    t, a = provider_traits.c, provider_aggregates.c
    for rp_id, trait_id in conn.execute(select(t.rp_id, t.trait_id).where(t.rp_id.in_(ids))):
        devices[rp_id].names.add(("trait", trait_id))
    for rp_id, uuid in conn.execute(select(a.rp_id, a.aggregate_uuid).where(a.rp_id.in_(ids))):
        devices[rp_id].names.add(("aggregate", uuid))
    for parent in conn.scalars(select(_p.parent_id).where(_p.parent_id.in_(ids))):
        devices[parent].is_parent = True
