"""SingleFlight: those who ask the same at the same time share one answer."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class SingleFlight(Generic[Value]):
    """Work by key; what is under way already is waited for, not begun again."""

    def __init__(self) -> None:
        self._flights: dict[bytes, asyncio.Task[Value]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def run(self, key: bytes, work: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """Give what ``work`` gives or raise what it raises.

        Somebody who stops waiting leaves the work going on for the others.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(work())
            flight.add_done_callback(lambda done: self._land(key, done))
        waiting: Awaitable[Value] = asyncio.shield(flight)
        return await waiting

    def _land(self, key: bytes, flight: asyncio.Task[Value]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            # Looked at even if nobody waits any more: else asyncio complains of it.
            flight.exception()
