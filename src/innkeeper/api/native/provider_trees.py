"""Provider trees: a root provider and all below it, each with what it has.

The Placement API shows the same providers one by one; here a tree is one answer.
"""

from heapq import nsmallest
from typing import Final

import msgspec

from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.links import Link
from innkeeper.api.native.pages import Limit, Marker, next_links
from innkeeper.api.native.provider_view import InventoryView, ProviderView, TreeList, TreeShown
from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import ROOT
from innkeeper.core.errors import NotFound
from innkeeper.core.ids import RpRow, canonical_uuid
from innkeeper.index.index import Index

MAX_DEPTH: Final = 64
"""Levels of a tree that are shown. Real ones have five; JSON as deep as anybody can make a tree is
read by hardly any client."""


class TreeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What trees to list."""

    limit: Limit = 20
    marker: Marker = ""


async def list_trees(service: Service, call: Call) -> Answer:
    """Give a page of trees."""
    query = call.asked(TreeQuery)
    index = service.index
    names = (
        (name, row)
        for row in _rows(index)
        if (name := index.name(row)) > query.marker and index.root(row) == row
    )
    page = nsmallest(query.limit + 1, names)
    shown = page[: query.limit]
    marker = shown[-1][0] if len(page) > query.limit else None
    return Answer(
        TreeList(
            provider_trees=tuple(_view(row, index) for _, row in shown),
            links=next_links(call, marker=marker),
        )
    )


async def show_tree(service: Service, call: Call) -> Answer:
    """Give the whole tree that holds a provider, named by uuid or name. Raises NotFound."""
    index = service.index
    row = _find(call.path["provider"], index)
    if row is None:
        raise NotFound(f"There is no resource provider '{call.path['provider']}'.")
    root = index.tree(row)[0]
    tree = _view(root, index)
    return Answer(TreeShown(tree, links=(Link("self", f"{ROOT}/provider-trees/{tree.uuid}"),)))


def _find(named: str, index: Index) -> RpRow | None:
    uuid = canonical_uuid(named)
    if uuid is not None:
        return index.row(uuid)
    return index.row_named(named)


def _rows(index: Index) -> list[RpRow]:
    return [RpRow(row) for row in index.rows().tolist()]


def _view(row: RpRow, index: Index, *, level: int = 1) -> ProviderView:
    provider = index.provider(row)
    children = index.children(row)
    cut = level == MAX_DEPTH and bool(children)
    return ProviderView(
        uuid=provider.uuid,
        name=provider.name,
        generation=provider.generation,
        inventories={
            picture.inventory.resource_class: InventoryView(
                total=picture.inventory.total,
                reserved=picture.inventory.reserved,
                allocation_ratio=picture.inventory.allocation_ratio,
                capacity=picture.inventory.capacity,
                used=picture.used,
            )
            for picture in index.inventories(row)
        },
        traits=tuple(index.traits(row)),
        aggregates=tuple(index.aggregates(row)),
        children=() if cut else tuple(_view(child, index, level=level + 1) for child in children),
        cut=cut,
    )
