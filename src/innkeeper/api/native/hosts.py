"""Hosts: where they are, whether they take instances, and what they have left.

Amounts are sums over a host's provider tree; `provider_trees.py` shows the tree itself.
"""

from heapq import nsmallest
from typing import Annotated

import msgspec
from msgspec import Meta

from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.host_view import Amounts, HostList, HostShown, HostView
from innkeeper.api.native.links import Link
from innkeeper.api.native.pages import Limit, Marker, next_links
from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import ROOT
from innkeeper.conductor.hosts import set_host_enabled
from innkeeper.core.errors import NotFound
from innkeeper.core.host import Host
from innkeeper.core.ids import HostName
from innkeeper.core.names import MAX_NAME_LENGTH
from innkeeper.index.index import Index
from innkeeper.store.hosts import hosts_named


class HostQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What hosts to list."""

    limit: Limit = 100
    marker: Marker = ""
    cell: str | None = None
    zone: str | None = None


class Disable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a host is to take no more instances."""

    reason: Annotated[str, Meta(max_length=MAX_NAME_LENGTH)] = ""


async def list_hosts(service: Service, call: Call) -> Answer:
    """Give a page of hosts."""
    query = call.asked(HostQuery)
    hosts = await service.store.read(lambda conn: hosts_named(conn, None))
    page = nsmallest(
        query.limit + 1,
        (host for host in hosts if host.name > query.marker and _wanted(host, query)),
        key=lambda host: host.name,
    )
    shown = page[: query.limit]
    marker = shown[-1].name if len(page) > query.limit else None
    return Answer(
        HostList(
            hosts=tuple(_view(host, service) for host in shown),
            links=next_links(call, marker=marker),
        )
    )


async def show_host(service: Service, call: Call) -> Answer:
    """Give one host. Raises NotFound."""
    name = HostName(call.path["name"])
    found = await service.store.read(lambda conn: hosts_named(conn, [name]))
    if not found:
        raise NotFound(f"There is no host '{name}'.")
    return Answer(HostShown(_view(found[0], service)))


async def enable_host(service: Service, call: Call) -> Answer:
    """Let a host take instances. Raises NotFound."""
    return await _set(service, call, enabled=True, reason="")


async def disable_host(service: Service, call: Call) -> Answer:
    """Give a host no more instances; those that it has stay. Raises NotFound."""
    return await _set(service, call, enabled=False, reason=call.body(Disable).reason)


async def _set(service: Service, call: Call, *, enabled: bool, reason: str) -> Answer:
    name = HostName(call.path["name"])
    host = await set_host_enabled(service.store, name, enabled=enabled, reason=reason)
    return Answer(HostShown(_view(host, service)))


def _wanted(host: Host, query: HostQuery) -> bool:
    return query.cell in {None, host.cell} and query.zone in {None, host.zone}


def _view(host: Host, service: Service) -> HostView:
    return HostView(
        name=host.name,
        cell=host.cell,
        zone=host.zone,
        enabled=host.enabled,
        # Nobody hears of the agents of a cell that is down.
        up=host.up and host.cell not in service.watch.down,
        disabled_reason=host.disabled_reason,
        provider=host.rp_uuid,
        resources=_resources(host, service.index),
        links=(
            Link("self", f"{ROOT}/hosts/{host.name}"),
            Link("provider-tree", f"{ROOT}/provider-trees/{host.rp_uuid}"),
        ),
    )


def _resources(host: Host, index: Index) -> dict[str, Amounts]:
    root = index.row(host.rp_uuid)
    sums: dict[str, Amounts] = {}
    for row in () if root is None else index.tree(root):
        for picture in index.inventories(row):
            inventory = picture.inventory
            before = sums.get(inventory.resource_class, Amounts(0, 0))
            sums[inventory.resource_class] = Amounts(
                before.capacity + inventory.capacity, before.used + picture.used
            )
    return sums
