"""Host report: what an agent says that its host has. It becomes a provider tree."""

import msgspec

from innkeeper.core.ids import HostName, RpUuid
from innkeeper.core.inventory import Inventory


class ProviderReport(msgspec.Struct, frozen=True):
    """One provider of a host's tree: the machine itself, or a device, a NUMA node, ..."""

    uuid: RpUuid
    """Chosen by the agent, and the same each time."""
    name: str
    """Unique in the whole cloud."""
    inventories: tuple[Inventory, ...] = ()
    traits: tuple[str, ...] = ()
    parent: RpUuid | None = None
    """None for the root, and for nobody else."""


class HostReport(msgspec.Struct, frozen=True):
    """One host and its provider tree, the root first and parents before children."""

    host: HostName
    providers: tuple[ProviderReport, ...]
    zone: str = "default"

    @property
    def root(self) -> ProviderReport:
        """The provider that stands for the machine."""
        return self.providers[0]
