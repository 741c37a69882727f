"""Claim: what one instance asks the store to hold for it, in one conditional write."""

import msgspec

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.ids import HostName


class Claim(msgspec.Struct, frozen=True, gc=False):
    """Allocations for a new consumer on one host, and its place in a server group."""

    consumer: Consumer
    host: HostName
    allocations: tuple[Allocation, ...]
    group: str | None = None
    """Uuid of the server group whose policy the claim must keep."""
