"""A selection as it is shown: a host, and what is claimed or would be claimed there."""

import msgspec

from innkeeper.core.selection import Selection


class AllocationView(msgspec.Struct, frozen=True):
    """What is held of one class of one provider."""

    provider: str
    resource_class: str
    amount: int


class SelectionView(msgspec.Struct, frozen=True):
    """A selection."""

    host: str
    cell: str
    provider: str
    """Uuid of the root of the host's provider tree."""
    allocations: tuple[AllocationView, ...]
    mappings: dict[str, tuple[str, ...]]
    """For each request group's suffix, the providers that serve it."""


def selection_view(selection: Selection) -> SelectionView:
    """Give what is shown of a selection."""
    return SelectionView(
        host=selection.host,
        cell=selection.cell,
        provider=selection.rp_uuid,
        allocations=tuple(
            AllocationView(each.rp_uuid, each.resource_class, each.amount)
            for each in selection.allocations
        ),
        mappings={suffix: tuple(providers) for suffix, providers in selection.mappings},
    )
