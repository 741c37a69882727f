"""Host: a machine of a cell on which an agent builds instances."""

import msgspec

from innkeeper.core.ids import CellName, HostName, RpUuid


class Host(msgspec.Struct, frozen=True):
    """A host as the scheduler sees it; its resources are those of its provider tree."""

    name: HostName
    cell: CellName
    rp_uuid: RpUuid
    """Root of the host's provider tree."""
    zone: str = "default"
    """Availability zone."""
    enabled: bool = True
    """What the operator wants."""
    up: bool = True
    """What the cell's conductor last heard of the agent."""
    disabled_reason: str = ""
