"""`innkeeper host`: hosts and what they have left."""

from innkeeper.api.native.host_view import HostList
from innkeeper.cli import exits, output
from innkeeper.cli.options import Json, Settings
from innkeeper.cli.pages import Limit, walk
from innkeeper.cli.source import Where, opened
from innkeeper.cli.tables import host_table


async def list_hosts(
    *,
    cell: str | None = None,
    zone: str | None = None,
    limit: Limit = 50,
    json: Json = False,
    where: Where | None = None,
    settings: Settings | None = None,
) -> int:
    """List hosts with what they have left, by name.

    For example:

        innkeeper host list
        innkeeper host list --cell cell-a --limit 5
        innkeeper host list --json | jq '.hosts[].name'

    Parameters
    ----------
    cell
        Only hosts of this cell.
    zone
        Only hosts of this availability zone.
    """
    async with opened(where, settings) as source:
        hosts, more = await walk(
            source,
            "/v1/hosts",
            HostList,
            read=lambda page: (page.hosts, page.links),
            limit=limit,
            cell=cell,
            zone=zone,
        )
    if json:
        output.show_json({"hosts": hosts})
        return exits.FINE
    output.show(host_table(hosts))
    if more:
        output.note("There are more: raise --limit.")
    return exits.FINE
