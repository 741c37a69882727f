"""Server groups: instances that must share a host, or must not."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from innkeeper.api.native.asked import OptionalText, Text
from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.links import Link
from innkeeper.api.native.pages import Limit, Marker, next_links
from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import ROOT
from innkeeper.core.errors import NotFound
from innkeeper.core.ids import canonical_uuid
from innkeeper.core.server_group import GroupPolicy, ServerGroup
from innkeeper.store.groups import add_group, remove_group


class ServerGroupAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group to be made."""

    name: Text
    policy: GroupPolicy
    project_id: OptionalText = ""
    max_server_per_host: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    """For anti-affinity: how many members one host may have."""


class CreateServerGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a creation."""

    server_group: ServerGroupAsked


class Placed(msgspec.Struct, frozen=True):
    """How many members hold a claim on one host."""

    host: str
    members: int


class ServerGroupView(msgspec.Struct, frozen=True):
    """A group as it is shown."""

    uuid: str
    name: str
    policy: GroupPolicy
    project_id: str
    max_server_per_host: int
    hosts: tuple[Placed, ...]
    links: tuple[Link, ...]


class ServerGroupShown(msgspec.Struct, frozen=True):
    """One group."""

    server_group: ServerGroupView


class ServerGroupList(msgspec.Struct, frozen=True):
    """A page of groups, by uuid."""

    server_groups: tuple[ServerGroupView, ...]
    links: tuple[Link, ...] = ()


class ServerGroupQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What groups to list."""

    limit: Limit = 100
    marker: Marker = ""
    project_id: str | None = None


async def create_group(service: Service, call: Call) -> Answer:
    """Make a group."""
    asked = call.body(CreateServerGroup).server_group
    group = ServerGroup(
        uuid=service.new_uuid(),
        name=asked.name,
        policy=asked.policy,
        project_id=asked.project_id,
        max_server_per_host=asked.max_server_per_host,
    )
    await service.store.write(lambda txn: add_group(txn, group))
    return Answer(ServerGroupShown(_view(group)), status=HTTPStatus.CREATED, location=_href(group))


async def list_groups(service: Service, call: Call) -> Answer:
    """Give a page of groups."""
    query = call.asked(ServerGroupQuery)
    wanted = sorted(
        (
            group
            for group in service.index.groups.values()
            if group.uuid > query.marker and query.project_id in {None, group.project_id}
        ),
        key=lambda group: group.uuid,
    )
    shown = wanted[: query.limit]
    marker = shown[-1].uuid if len(wanted) > query.limit else None
    return Answer(ServerGroupList(tuple(map(_view, shown)), links=next_links(call, marker=marker)))


async def show_group(service: Service, call: Call) -> Answer:
    """Give one group. Raises NotFound."""
    uuid = _uuid(call)
    group = service.index.groups.get(uuid)
    if group is None:
        raise NotFound(f"There is no server group {uuid}.")
    return Answer(ServerGroupShown(_view(group)))


async def delete_group(service: Service, call: Call) -> Answer:
    """Remove a group; its members live on, free of its policy. Raises NotFound."""
    uuid = _uuid(call)
    await service.store.write(lambda txn: remove_group(txn, uuid))
    return Answer(status=HTTPStatus.NO_CONTENT)


def _uuid(call: Call) -> str:
    uuid = canonical_uuid(call.path["uuid"])
    if uuid is None:
        raise NotFound(f"There is no server group {call.path['uuid']}.")
    return uuid


def _href(group: ServerGroup) -> str:
    return f"{ROOT}/server-groups/{group.uuid}"


def _view(group: ServerGroup) -> ServerGroupView:
    return ServerGroupView(
        uuid=group.uuid,
        name=group.name,
        policy=group.policy,
        project_id=group.project_id,
        max_server_per_host=group.max_server_per_host,
        hosts=tuple(Placed(host, count) for host, count in group.members),
        links=(Link("self", _href(group)),),
    )
