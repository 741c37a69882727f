"""Turns: what happens to one guest happens one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from innkeeper.core.ids import HostName, InstanceUuid


class Turns:
    """A lock for each guest; kept only while somebody has it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[tuple[HostName, InstanceUuid], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def turn(self, host: HostName, instance: InstanceUuid) -> AsyncIterator[None]:
        """Wait for the turn; it ends with the block."""
        key = (host, instance)
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = (lock, users - 1)
