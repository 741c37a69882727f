"""The part of the bus that a cell may reach: its own subjects, and nothing else.

A cell never calls up. Conductors and agents get a CellBus and no other; on NATS the server's
accounts refuse the rest too.
"""

from innkeeper.bus.port import Bus, Handler, Subscription
from innkeeper.core.errors import OutsideCell
from innkeeper.core.ids import CellName, HostName


def conductor_subject(cell: CellName) -> str:
    """Give where the conductors of ``cell`` listen."""
    return f"cell.{cell}.conductor"


def host_subject(cell: CellName, host: HostName) -> str:
    """Give where the agent of ``host`` listens."""
    return f"cell.{cell}.host.{host}"


class CellBus:
    """A Bus that raises OutsideCell for every subject outside of one cell."""

    def __init__(self, bus: Bus, cell: CellName) -> None:
        self._bus = bus
        self.cell = cell
        self._prefix = f"cell.{cell}."

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send without waiting for anything."""
        self._check(subject)
        await self._bus.publish(subject, payload)

    async def request(self, subject: str, payload: bytes, *, timeout_s: float) -> bytes:
        """Send and give the answer; raises as Bus.request does."""
        self._check(subject)
        return await self._bus.request(subject, payload, timeout_s=timeout_s)

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str | None = None
    ) -> Subscription:
        """Call ``handler`` for each message on ``subject``."""
        self._check(subject)
        return await self._bus.subscribe(subject, handler, queue=queue)

    def _check(self, subject: str) -> None:
        if not subject.startswith(self._prefix):
            raise OutsideCell(f"A part of cell {self.cell} may not reach {subject}.")
