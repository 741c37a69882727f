"""A provider tree as it is shown.

A command that asks a server imports this and no more of the API: it must stay light.
"""

import msgspec

from innkeeper.api.native.links import Link


class InventoryView(msgspec.Struct, frozen=True):
    """One resource class of one provider."""

    total: int
    reserved: int
    allocation_ratio: float
    capacity: int
    used: int


class ProviderView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A provider of a tree. ``children`` are in the order of their creation."""

    uuid: str
    name: str
    generation: int
    inventories: dict[str, InventoryView]
    traits: tuple[str, ...]
    aggregates: tuple[str, ...]
    children: tuple["ProviderView", ...]
    cut: bool = False
    """Whether it has children that are not shown, as it stands too deep in its tree."""


class TreeShown(msgspec.Struct, frozen=True):
    """One tree, from its root."""

    provider_tree: ProviderView
    links: tuple[Link, ...]


class TreeList(msgspec.Struct, frozen=True):
    """A page of trees, by the name of their roots."""

    provider_trees: tuple[ProviderView, ...]
    links: tuple[Link, ...] = ()
