"""Slot: one instance of a request, while a place is sought for it."""

from typing import Final

from innkeeper.core.errors import (
    CapacityExceeded,
    ConcurrentUpdate,
    Conflict,
    GroupPolicyViolation,
    NoInventory,
    NoValidHost,
    UnitViolation,
)
from innkeeper.core.ids import InstanceUuid
from innkeeper.core.selection import Selection
from innkeeper.scheduler.pick import Pick
from innkeeper.scheduler.record import Record

MAX_LOST_CLAIMS: Final = 10
"""Claims that one instance may lose. The index is behind the store by one commit at most, so
a second loss is rare already; more of them mean that something else is wrong."""

HOST_REFUSED: Final = (
    CapacityExceeded,
    ConcurrentUpdate,
    GroupPolicyViolation,
    NoInventory,
    UnitViolation,
)
"""Conflicts that another host may not have. Any other one is the answer to the request."""


class Slot:
    """One instance of a request, while a place is sought for it."""

    __slots__ = ("alternates", "excluded", "instance", "pick", "record")

    def __init__(self, instance: InstanceUuid, policy: str) -> None:
        self.instance = instance
        self.record = Record(policy)
        self.excluded: set[int] = set()
        """Positions of hosts that have already refused a claim."""
        self.pick: Pick | None = None
        self.alternates: tuple[Selection, ...] = ()

    def lose(self, pick: Pick, cause: Conflict) -> None:
        """Take note that the claim on the picked host was lost. Raises ``cause`` if that is all."""
        if not isinstance(cause, HOST_REFUSED):
            raise cause
        self.record.lost(pick.selection.host, cause.detail)
        self.excluded.add(pick.position)
        self.pick, self.alternates = None, ()
        if len(self.excluded) > MAX_LOST_CLAIMS:
            raise NoValidHost(self.record.decision())
