"""`innkeeper provider`: resource providers and their trees."""

from urllib.parse import quote

from innkeeper.api.native.provider_view import ProviderView, TreeList, TreeShown
from innkeeper.cli import exits, output
from innkeeper.cli.options import Json, Settings
from innkeeper.cli.pages import Limit, walk
from innkeeper.cli.source import Source, Where, opened
from innkeeper.cli.tables import provider_tree


async def show_trees(
    provider: str | None = None,
    /,
    *,
    limit: Limit = 5,
    json: Json = False,
    where: Where | None = None,
    settings: Settings | None = None,
) -> int:
    """Show provider trees: hosts and their devices, with used / capacity and traits.

    For example:

        innkeeper provider tree openb-node-0001
        innkeeper provider tree --limit 2 --json

    Parameters
    ----------
    provider
        Name or uuid of a provider: show the whole tree that holds it. Left out: the first
        trees, by name.
    """
    async with opened(where, settings) as source:
        trees, more = await _trees(source, provider, limit=limit)
    if json:
        output.show_json({"provider_trees": trees})
        return exits.FINE
    for tree in trees:
        output.show(provider_tree(tree))
    if more:
        output.note("There are more: name one, or raise --limit.")
    return exits.FINE


async def _trees(
    source: Source, provider: str | None, *, limit: int
) -> tuple[list[ProviderView], bool]:
    if provider is not None:
        shown = await source.get(f"/v1/provider-trees/{quote(provider, safe='')}", TreeShown)
        return [shown.provider_tree], False
    return await walk(
        source,
        "/v1/provider-trees",
        TreeList,
        read=lambda page: (page.provider_trees, page.links),
        limit=limit,
    )
