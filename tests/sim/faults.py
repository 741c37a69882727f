"""What goes wrong in a simulation: a bus that loses and repeats, a store that lags."""

import asyncio
from random import Random

import msgspec

from innkeeper.bus.memory import MemoryBus
from innkeeper.bus.port import Handler, Subscription
from innkeeper.core.errors import BusError, RequestTimeout


class Faults(msgspec.Struct, frozen=True):
    """How often things go wrong, and by how much."""

    lost: float = 0.0
    """Share of messages and of answers that vanish."""
    repeated: float = 0.0
    """Share of messages that come again, up to ``late_s`` later."""
    late_s: float = 0.0
    stalled: float = 0.0
    """Share of store calls that take up to ``stall_s``: longer than leases last."""
    stall_s: float = 0.0

    def latency(self, random: Random) -> float:
        if random.random() < self.stalled:
            return random.uniform(0.0, self.stall_s)
        return random.uniform(0.0, 0.01)


NO_FAULTS = Faults()


class FaultyBus:
    """A bus between one process and the others."""

    def __init__(self, bus: MemoryBus, random: Random) -> None:
        self._bus = bus
        self._random = random
        self._strays: set[asyncio.Task[None]] = set()
        self.faults = NO_FAULTS

    async def publish(self, subject: str, payload: bytes) -> None:
        self._maybe_repeat(subject, payload)
        if not self._happens(self.faults.lost):
            await self._bus.publish(subject, payload)

    async def request(self, subject: str, payload: bytes, *, timeout_s: float) -> bytes:
        self._maybe_repeat(subject, payload)
        if self._happens(self.faults.lost):
            await asyncio.sleep(timeout_s)
            raise RequestTimeout(f"lost on the way to {subject}")
        answer = await self._bus.request(subject, payload, timeout_s=timeout_s)
        if self._happens(self.faults.lost):
            await asyncio.sleep(timeout_s)
            raise RequestTimeout(f"answer lost on the way from {subject}")
        return answer

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str | None = None
    ) -> Subscription:
        return await self._bus.subscribe(subject, handler, queue=queue)

    async def close(self) -> None:
        await asyncio.gather(*self._strays)
        await self._bus.close()

    def _happens(self, share: float) -> bool:
        return self._random.random() < share

    def _maybe_repeat(self, subject: str, payload: bytes) -> None:
        if self._happens(self.faults.repeated):
            delay_s = self._random.uniform(0.0, self.faults.late_s)
            stray = asyncio.ensure_future(self._stray(subject, payload, delay_s))
            self._strays.add(stray)
            stray.add_done_callback(self._strays.discard)

    async def _stray(self, subject: str, payload: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            await self._bus.request(subject, payload, timeout_s=1.0)
        except BusError:
            return
