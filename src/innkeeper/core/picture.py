"""What the store tells the index: pictures of things as they are after a commit.

A picture is always whole for what it names (never a delta), so that applying one twice, or
an older reader skipping to a newer one, is harmless.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from innkeeper.core.host import Host
from innkeeper.core.ids import HostName, RpId
from innkeeper.core.inventory import Inventory
from innkeeper.core.server_group import ServerGroup


class InventoryPicture(msgspec.Struct, frozen=True):
    """An inventory and how much of it is used."""

    inventory: Inventory
    used: int


class StockTable(msgspec.Struct, frozen=True):
    """Inventories, in columns of one length: one element for each inventory."""

    rp_ids: Sequence[int] = ()
    """Ascending."""
    classes: Sequence[int] = ()
    """Number of the resource class, in ``names``."""
    total: Sequence[int] = ()
    reserved: Sequence[int] = ()
    min_unit: Sequence[int] = ()
    max_unit: Sequence[int] = ()
    step_size: Sequence[int] = ()
    allocation_ratio: Sequence[float] = ()
    capacity: Sequence[int] = ()
    used: Sequence[int] = ()
    names: Mapping[int, str] = {}


class NameTable(msgspec.Struct, frozen=True):
    """Names that providers have, traits or aggregates: one element of each column for each."""

    rp_ids: Sequence[int] = ()
    """Ascending."""
    names: Sequence[str] = ()


class ProviderTable(msgspec.Struct, frozen=True):
    """Providers with all that search needs of them, in columns of one length.

    Columns, since there may be a million of them: objects for each would take a minute to make.
    """

    ids: Sequence[int] = ()
    """Ascending, which is the order in which they were made."""
    uuids: Sequence[str] = ()
    names: Sequence[str] = ()
    generations: Sequence[int] = ()
    root_ids: Sequence[int] = ()
    parent_ids: Sequence[int] = ()
    """0: none."""
    updated_us: Sequence[int] = ()
    """Microseconds since the epoch."""
    stock: StockTable = StockTable()
    """All their inventories."""
    traits: NameTable = NameTable()
    aggregates: NameTable = NameTable()
    """Those of one provider in the order in which they are shown."""


class UsagePicture(msgspec.Struct, frozen=True, gc=False):
    """A provider of which only ``used`` and the generation changed: what a claim does."""

    rp_id: RpId
    generation: int
    updated_us: int
    used: tuple[tuple[str, int], ...]
    """(resource class, used) for each of its inventories."""


class StockPicture(msgspec.Struct, frozen=True, gc=False):
    """A provider of which only its generation changed, and amounts of inventories but ``used``."""

    rp_id: RpId
    generation: int
    updated_us: int
    inventories: tuple[Inventory, ...]
    """Those that may have changed: of resource classes that it has."""


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

    Apply in the order: names, removed, providers, stocks, usages, hosts, groups.
    """

    resource_classes: tuple[NamePicture, ...] | None = None
    """All resource classes, if any was added, removed or renamed."""
    traits: tuple[NamePicture, ...] | None = None
    """All traits, likewise."""
    removed: tuple[RpId, ...] = ()
    providers: ProviderTable = ProviderTable()
    stocks: tuple[StockPicture, ...] = ()
    usages: tuple[UsagePicture, ...] = ()
    hosts: tuple[Host, ...] = ()
    hosts_removed: tuple[str, ...] = ()
    groups: tuple[ServerGroup, ...] = ()
    groups_removed: tuple[str, ...] = ()
    workloads: tuple[WorkloadPicture, ...] = ()
    projects: frozenset[str] = frozenset()
    """Ids of projects whose consumers, or what these hold, changed."""
    whole: bool = False
    """Whether it is the picture of everything: what it does not name does not exist."""
