"""What the store tells the index: pictures of things as they are after a commit.

A picture is always whole for what it names (never a delta), so that applying one twice, or
an older reader skipping to a newer one, is harmless.
"""

from datetime import datetime

import msgspec

from innkeeper.core.host import Host
from innkeeper.core.ids import AggregateUuid, HostName, RpId
from innkeeper.core.inventory import Inventory
from innkeeper.core.provider import Provider
from innkeeper.core.server_group import ServerGroup


class InventoryPicture(msgspec.Struct, frozen=True):
    """An inventory and how much of it is used."""

    inventory: Inventory
    used: int


class ProviderPicture(msgspec.Struct, frozen=True):
    """A provider with all that search needs of it."""

    provider: Provider
    inventories: tuple[InventoryPicture, ...] = ()
    traits: tuple[str, ...] = ()
    aggregates: tuple[AggregateUuid, ...] = ()


class UsagePicture(msgspec.Struct, frozen=True):
    """A provider of which only ``used`` and the generation changed: what a claim does."""

    rp_id: RpId
    generation: int
    updated_at: datetime
    used: tuple[tuple[str, int], ...]
    """(resource class, used) for each of its inventories."""


class NamePicture(msgspec.Struct, frozen=True):
    """A trait or a resource class."""

    name: str
    updated_at: datetime


class WorkloadPicture(msgspec.Struct, frozen=True):
    """How many instances of each workload label a host holds claims for."""

    host: HostName
    counts: tuple[tuple[str, int], ...]
    """(label, count); unlabelled instances are not counted."""


class Picture(msgspec.Struct, frozen=True):
    """All that one batch of commits changed; ``None`` for a table means unchanged.

    Apply in the order: names, removed, providers (parents before children), usages, hosts,
    groups.
    """

    resource_classes: tuple[NamePicture, ...] | None = None
    """All resource classes, if any was added, removed or renamed."""
    traits: tuple[NamePicture, ...] | None = None
    """All traits, likewise."""
    removed: tuple[RpId, ...] = ()
    providers: tuple[ProviderPicture, ...] = ()
    usages: tuple[UsagePicture, ...] = ()
    hosts: tuple[Host, ...] = ()
    hosts_removed: tuple[str, ...] = ()
    groups: tuple[ServerGroup, ...] = ()
    groups_removed: tuple[str, ...] = ()
    workloads: tuple[WorkloadPicture, ...] = ()
    whole: bool = False
    """Whether it is the picture of everything: what it does not name does not exist."""
