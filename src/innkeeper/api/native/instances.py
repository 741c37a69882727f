"""Instances: asked for, listed over all cells, shown with why they are where they are.

To create one is to schedule and claim it, which is done when the answer comes; the build
goes on after that, and a GET shows how far it is.
"""

from datetime import datetime
from http import HTTPStatus

import msgspec

from innkeeper.api.native.asked import Asked, Text, request_spec
from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.instance_view import (
    DecisionShown,
    DecisionView,
    InstanceList,
    InstanceShown,
    InstanceView,
)
from innkeeper.api.native.links import Link
from innkeeper.api.native.pages import Limit, Marker, next_links
from innkeeper.api.native.selection_view import selection_view
from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import ROOT
from innkeeper.core import instance_filter
from innkeeper.core.errors import InvalidInput, NotFound
from innkeeper.core.ids import CellName, HostName, InstanceUuid, canonical_uuid
from innkeeper.core.instance import Instance, Status


class InstanceAsked(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An instance to be made."""

    name: Text


class CreateInstance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a creation."""

    instance: InstanceAsked


class InstanceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What instances to list. Deleted ones are listed only if ``status`` asks for them."""

    limit: Limit = 100
    marker: Marker = ""
    status: Status | None = None
    host: str | None = None
    cell: str | None = None
    project_id: str | None = None
    name: str | None = None
    """A part of the name, in its case."""


async def create_instance(service: Service, call: Call) -> Answer:
    """Schedule, claim and record an instance, and have it built.

    One that fits nowhere is recorded as well, in ERROR, with the reason. Raises CellDown,
    InvalidInput, UnknownName.
    """
    asked = call.body(CreateInstance).instance
    spec = request_spec(asked, service.index, cells=service.watch.cells)
    (instance,) = await service.conductor.create_instances(
        spec, [asked.name], alternates=service.alternates
    )
    return Answer(
        InstanceShown(_view(instance, service.watch.down)),
        status=HTTPStatus.ACCEPTED,
        location=_href(instance.uuid),
    )


async def list_instances(service: Service, call: Call) -> Answer:
    """Give a page of instances."""
    query = call.asked(InstanceQuery)
    wanted = instance_filter.InstanceFilter(
        status=query.status,
        host=None if query.host is None else HostName(query.host),
        cell=None if query.cell is None else CellName(query.cell),
        project_id=query.project_id,
        name=query.name,
    )
    after = _read_marker(query.marker) if query.marker else None
    page = await service.conductor.list_instances(wanted, after=after, limit=query.limit)
    return Answer(
        InstanceList(
            instances=tuple(_view(instance, page.down) for instance in page.instances),
            links=next_links(call, marker=None if page.next is None else _write_marker(page.next)),
        )
    )


async def show_instance(service: Service, call: Call) -> Answer:
    """Give one instance, be it deleted or not. Raises NotFound."""
    return Answer(InstanceShown(_view(await _get(service, call), service.watch.down)))


async def delete_instance(service: Service, call: Call) -> Answer:
    """Have an instance removed; what it holds is free once its guest is gone.

    Raises NotFound, and CellDown if its guest cannot be reached.
    """
    uuid = _uuid(call)
    instance = await service.conductor.delete_instance(uuid)
    return Answer(
        InstanceShown(_view(instance, service.watch.down)),
        status=HTTPStatus.ACCEPTED,
        location=_href(uuid),
    )


async def show_decision(service: Service, call: Call) -> Answer:
    """Say how an instance came to be where it is. Raises NotFound."""
    instance = await _get(service, call)
    if instance.decision is None:
        raise NotFound(f"Instance {instance.uuid} was not scheduled here: there is no record.")
    return Answer(
        DecisionShown(
            DecisionView(
                instance=instance.uuid,
                why=instance.decision.why(),
                record=instance.decision,
                links=(Link("instance", _href(instance.uuid)),),
            )
        )
    )


async def _get(service: Service, call: Call) -> Instance:
    return await service.conductor.show_instance(_uuid(call))


def _uuid(call: Call) -> InstanceUuid:
    uuid = canonical_uuid(call.path["uuid"])
    if uuid is None:
        raise NotFound(f"There is no instance {call.path['uuid']}.")
    return InstanceUuid(uuid)


def _href(uuid: str) -> str:
    return f"{ROOT}/instances/{uuid}"


def _view(instance: Instance, down: frozenset[CellName]) -> InstanceView:
    links = [Link("self", _href(instance.uuid))]
    if instance.decision is not None:
        links.append(Link("decision", f"{_href(instance.uuid)}/decision"))
    if instance.host is not None:
        links.append(Link("host", f"{ROOT}/hosts/{instance.host}"))
    return InstanceView(
        uuid=instance.uuid,
        name=instance.name,
        project_id=instance.project_id,
        user_id=instance.user_id,
        status=instance.status,
        task_state=instance.task_state,
        cell=instance.cell,
        cell_up=instance.cell not in down,
        host=instance.host,
        attempt=instance.attempt,
        attempts=instance.attempts,
        fault=instance.fault,
        selection=None if instance.selection is None else selection_view(instance.selection),
        alternates=len(instance.alternates),
        created_at=instance.created_at,
        updated_at=instance.updated_at,
        deleted_at=instance.deleted_at,
        links=tuple(links),
    )


def _write_marker(marker: instance_filter.Marker) -> str:
    return f"{marker.created_at.isoformat()}_{marker.uuid}"


def _read_marker(text: str) -> instance_filter.Marker:
    moment, _, uuid = text.partition("_")
    try:
        created_at = datetime.fromisoformat(moment)
    except ValueError as error:
        raise InvalidInput(f"marker: '{text}' is from no page.") from error
    if created_at.tzinfo is None:
        raise InvalidInput(f"marker: '{text}' is from no page.")
    return instance_filter.Marker(created_at, InstanceUuid(uuid))
