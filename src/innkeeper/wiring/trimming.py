"""Upkeep of a store that is served: now and then its change feed is trimmed."""

import asyncio
from typing import Final

from innkeeper.obs.fence import fenced
from innkeeper.store.store import Store

EVERY_S: Final = 60.0
"""How often it is looked whether there is something to trim."""
PAUSE_S: Final = 0.05
"""Between two transactions while there is more to trim: others write meanwhile."""


class Trimming:
    """Trims for as long as it runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.create_task(self._trim_always())

    async def stop(self) -> None:
        """End."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _trim_always(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await fenced(self._trim(), failed="the change feed was not trimmed")

    async def _trim(self) -> None:
        more = await self._store.trim()
        while more:
            await asyncio.sleep(PAUSE_S)
            more = await self._store.trim()
