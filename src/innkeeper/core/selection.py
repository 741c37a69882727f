"""Selection: a host and what is, or would be, claimed there for one instance."""

import msgspec

from innkeeper.core.allocation import Allocation
from innkeeper.core.ids import CellName, HostName, RpUuid


class Selection(msgspec.Struct, frozen=True, gc=False):
    """The scheduler's answer for one instance: claimed already if first, else an alternate."""

    host: HostName
    cell: CellName
    rp_uuid: RpUuid
    """Root of the host's provider tree."""
    allocations: tuple[Allocation, ...]
    mappings: tuple[tuple[str, tuple[RpUuid, ...]], ...] = ()
    """(suffix, providers that serve that group)."""
