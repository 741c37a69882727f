"""`innkeeper instance`: instances, in whatever cell they are."""

from innkeeper.api.native.instance_view import (
    DecisionShown,
    DecisionView,
    InstanceList,
    InstanceShown,
    InstanceView,
)
from innkeeper.cli import exits, output
from innkeeper.cli.options import Json, Settings
from innkeeper.cli.pages import Limit, walk
from innkeeper.cli.source import Source, Where, opened
from innkeeper.cli.tables import instance_details, instance_table
from innkeeper.core.instance import Status


async def list_instances(
    *,
    status: Status | None = None,
    host: str | None = None,
    cell: str | None = None,
    project: str | None = None,
    name: str | None = None,
    limit: Limit = 50,
    json: Json = False,
    where: Where | None = None,
    settings: Settings | None = None,
) -> int:
    """List instances of all cells, in the order of their creation.

    For example:

        innkeeper instance list
        innkeeper instance list --status ERROR
        innkeeper instance list --host openb-node-0001 --json

    Parameters
    ----------
    status
        Only instances in this status. Deleted ones are listed only if asked for.
    host
        Only instances on this host.
    cell
        Only instances in this cell.
    project
        Only instances of this project.
    name
        Only instances with this in their name, in this case.
    """
    async with opened(where, settings) as source:
        instances, more = await walk(
            source,
            "/v1/instances",
            InstanceList,
            read=lambda page: (page.instances, page.links),
            limit=limit,
            status=status,
            host=host,
            cell=cell,
            project_id=project,
            name=name,
        )
    if json:
        output.show_json({"instances": instances})
        return exits.FINE
    output.show(instance_table(instances))
    if more:
        output.note("There are more: raise --limit.")
    return exits.FINE


async def show_instance(
    uuid: str,
    /,
    *,
    json: Json = False,
    where: Where | None = None,
    settings: Settings | None = None,
) -> int:
    """Show one instance: what it holds, what was tried, and why it is where it is.

    For example:

        innkeeper instance show 7c6f2b9e-2f5a-4b67-9d0f-3f0f2a4f9b11
        innkeeper instance show $(innkeeper instance list --json | jq -r '.instances[0].uuid')

    Parameters
    ----------
    uuid
        Uuid of the instance.
    """
    async with opened(where, settings) as source:
        shown = await source.get(f"/v1/instances/{uuid}", InstanceShown)
        decision = await _decision(source, shown.instance)
    if json:
        output.show_json({"instance": shown.instance, "decision": decision})
    else:
        output.show(instance_details(shown.instance, decision))
    return exits.FINE


async def _decision(source: Source, instance: InstanceView) -> DecisionView | None:
    for link in instance.links:
        if link.rel == "decision":
            return (await source.get(link.href, DecisionShown)).decision
    return None
