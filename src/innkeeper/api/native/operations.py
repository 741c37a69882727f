"""The table of everything that can be asked of the native API."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from innkeeper.api.native import (
    audit_view,
    audits,
    cells,
    host_view,
    hosts,
    instance_view,
    instances,
    provider_trees,
    provider_view,
    repair_view,
    repairs,
    selections,
    server_groups,
    versions,
)
from innkeeper.api.native.call import Answer, Call, Operation
from innkeeper.api.native.openapi import document
from innkeeper.api.native.service import Service
from innkeeper.api.placement.openapi import document as placement_document
from innkeeper.api.placement.openapi import known_version

_ACCEPTED: Final = HTTPStatus.ACCEPTED
_CREATED: Final = HTTPStatus.CREATED
_NOTHING: Final = HTTPStatus.NO_CONTENT
_MISSING: Final = int(HTTPStatus.NOT_FOUND)
_CONFLICT: Final = int(HTTPStatus.CONFLICT)


async def show_version(_service: Service, _call: Call) -> Answer:
    """Say what this API is."""
    return Answer(versions.VersionShown(versions.here()))


async def show_document(_service: Service, _call: Call) -> Answer:
    """Give the OpenAPI document."""
    return Answer(msgspec.Raw(document(OPERATIONS)))


class DocumentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the documents is wanted."""

    microversion: Annotated[str, Meta(pattern=r"^1\.[0-9]{1,2}$")] = "1.39"


async def show_placement_document(_service: Service, call: Call) -> Answer:
    """Give the OpenAPI document of the Placement API. Raises InvalidInput (no such version)."""
    asked = call.asked(DocumentQuery).microversion
    return Answer(msgspec.Raw(placement_document(known_version(asked))))


DISCOVERY: Final = (
    Operation(
        "GET",
        "",
        show_version,
        summary="What this API is",
        answer=versions.VersionShown,
        discovery=True,
    ),
    Operation("GET", "/openapi.json", show_document, summary="This document", discovery=True),
    Operation(
        "GET",
        "/placement/openapi.json",
        show_placement_document,
        summary="The OpenAPI document of the Placement API",
        query=DocumentQuery,
        discovery=True,
    ),
)

CELLS: Final = (
    Operation(
        "GET",
        "/cells",
        cells.list_cells,
        summary="All cells",
        answer=cells.CellList,
    ),
    Operation(
        "GET",
        "/cells/{name}",
        cells.show_cell,
        summary="One cell",
        answer=cells.CellShown,
        errors=(_MISSING,),
    ),
    Operation(
        "POST",
        "/cells/{name}/enable",
        cells.enable_cell,
        summary="Let a cell take new instances",
        answer=cells.CellShown,
        errors=(_MISSING,),
    ),
    Operation(
        "POST",
        "/cells/{name}/disable",
        cells.disable_cell,
        summary="Give a cell no new instances",
        answer=cells.CellShown,
        errors=(_MISSING,),
    ),
)

HOSTS: Final = (
    Operation(
        "GET",
        "/hosts",
        hosts.list_hosts,
        summary="Hosts, page by page",
        answer=host_view.HostList,
        query=hosts.HostQuery,
    ),
    Operation(
        "GET",
        "/hosts/{name}",
        hosts.show_host,
        summary="One host",
        answer=host_view.HostShown,
        errors=(_MISSING,),
    ),
    Operation(
        "POST",
        "/hosts/{name}/enable",
        hosts.enable_host,
        summary="Let a host take new instances",
        answer=host_view.HostShown,
        errors=(_MISSING,),
    ),
    Operation(
        "POST",
        "/hosts/{name}/disable",
        hosts.disable_host,
        summary="Give a host no new instances",
        answer=host_view.HostShown,
        body=hosts.Disable,
        errors=(_MISSING,),
    ),
)

TREES: Final = (
    Operation(
        "GET",
        "/provider-trees",
        provider_trees.list_trees,
        summary="Provider trees, page by page",
        answer=provider_view.TreeList,
        query=provider_trees.TreeQuery,
    ),
    Operation(
        "GET",
        "/provider-trees/{provider}",
        provider_trees.show_tree,
        summary="The tree that holds a provider",
        answer=provider_view.TreeShown,
        errors=(_MISSING,),
    ),
)

INSTANCES: Final = (
    Operation(
        "GET",
        "/instances",
        instances.list_instances,
        summary="Instances of all cells, page by page",
        answer=instance_view.InstanceList,
        query=instances.InstanceQuery,
    ),
    Operation(
        "POST",
        "/instances",
        instances.create_instance,
        summary="Place an instance and have it built",
        answer=instance_view.InstanceShown,
        status=_ACCEPTED,
        body=instances.CreateInstance,
    ),
    Operation(
        "GET",
        "/instances/{uuid}",
        instances.show_instance,
        summary="One instance",
        answer=instance_view.InstanceShown,
        errors=(_MISSING,),
    ),
    Operation(
        "DELETE",
        "/instances/{uuid}",
        instances.delete_instance,
        summary="Have an instance removed",
        answer=instance_view.InstanceShown,
        status=_ACCEPTED,
        errors=(_MISSING, _CONFLICT),
    ),
    Operation(
        "GET",
        "/instances/{uuid}/decision",
        instances.show_decision,
        summary="Why an instance is where it is",
        answer=instance_view.DecisionShown,
        errors=(_MISSING,),
    ),
)

SELECTIONS: Final = (
    Operation(
        "POST",
        "/selections",
        selections.create_selections,
        summary="Schedule and claim for consumers of your own",
        answer=selections.SelectionsShown,
        body=selections.CreateSelections,
        errors=(_CONFLICT,),
    ),
)

AUDITS: Final = (
    Operation(
        "POST",
        "/audits",
        audits.create_audit,
        summary="Check that all books add up",
        answer=audit_view.AuditShown,
        status=_ACCEPTED,
    ),
    Operation(
        "GET",
        "/audits",
        audits.list_audits,
        summary="The latest audits",
        answer=audit_view.AuditList,
    ),
    Operation(
        "GET",
        "/audits/{id}",
        audits.show_audit,
        summary="How far an audit is, and what it found",
        answer=audit_view.AuditShown,
        errors=(_MISSING,),
    ),
)

SERVER_GROUPS: Final = (
    Operation(
        "GET",
        "/server-groups",
        server_groups.list_groups,
        summary="Server groups, page by page",
        answer=server_groups.ServerGroupList,
        query=server_groups.ServerGroupQuery,
    ),
    Operation(
        "POST",
        "/server-groups",
        server_groups.create_group,
        summary="Make a server group",
        answer=server_groups.ServerGroupShown,
        status=_CREATED,
        body=server_groups.CreateServerGroup,
    ),
    Operation(
        "GET",
        "/server-groups/{uuid}",
        server_groups.show_group,
        summary="One server group",
        answer=server_groups.ServerGroupShown,
        errors=(_MISSING,),
    ),
    Operation(
        "DELETE",
        "/server-groups/{uuid}",
        server_groups.delete_group,
        summary="Remove a server group",
        status=_NOTHING,
        errors=(_MISSING,),
    ),
)

REPAIRS: Final = (
    Operation(
        "POST",
        "/repairs",
        repairs.plan_repair,
        since=versions.REPAIRS_SINCE,
        summary="Plan what would be done about what an audit finds; changes nothing",
        answer=repair_view.RepairShown,
        status=_CREATED,
        body=repairs.NewRepair,
    ),
    Operation(
        "GET",
        "/repairs/{id}",
        repairs.show_repair,
        since=versions.REPAIRS_SINCE,
        summary="One repair",
        answer=repair_view.RepairShown,
        errors=(_MISSING,),
    ),
    Operation(
        "POST",
        "/repairs/{id}/apply",
        repairs.apply_repair,
        since=versions.REPAIRS_SINCE,
        summary="Do exactly what a repair shows, or nothing if that is no longer so",
        answer=repair_view.RepairShown,
        status=_ACCEPTED,
        errors=(_MISSING, _CONFLICT),
    ),
)

OPERATIONS: Final = (
    DISCOVERY + CELLS + HOSTS + TREES + INSTANCES + SELECTIONS + AUDITS + REPAIRS + SERVER_GROUPS
)
