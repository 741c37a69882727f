"""Flights: requests between their first pick and the outcome of their claim.

While one is under way its picks are held in the index; before its first pick it is not under way.
Whoever finds no place waits for these, since a claim that fails gives its place back.
"""

import asyncio
from typing import Protocol


class Releasable(Protocol):
    """A pick, as far as a flight knows it."""

    def release(self) -> None:
        """Give back what it holds. Safe to call again."""
        ...


class Flight:
    """One request under way."""

    def __init__(self, flights: "Flights") -> None:
        self._flights = flights
        self._picks: list[Releasable] = []
        self._ended: asyncio.Future[None] | None = None

    def carry(self, pick: Releasable) -> None:
        """Take a pick along: it is released when the flight settles."""
        self._flights.add(self)
        self._picks.append(pick)

    def settle(self) -> None:
        """Release all picks and wake those who wait. Safe to call again."""
        for pick in self._picks:
            pick.release()
        self._picks = []
        self._flights.end(self)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def ended(self) -> asyncio.Future[None]:
        """Give a future that is done once the flight has settled."""
        if self._ended is None:
            self._ended = asyncio.get_running_loop().create_future()
        return self._ended


class Flights:
    """All requests under way in this process."""

    def __init__(self) -> None:
        self._under_way: dict[Flight, None] = {}

    def add(self, flight: Flight) -> None:
        """Count a flight as under way; its ``settle`` must be called in the end."""
        self._under_way[flight] = None

    def end(self, flight: Flight) -> None:
        """Forget a flight."""
        self._under_way.pop(flight, None)

    async def settled(self, *, timeout_s: float) -> bool:
        """Wait until all that are under way now have settled; False at once if none is.

        At most ``timeout_s``, after which it gives True too: a part of them may have settled.
        """
        if not self._under_way:
            return False
        await asyncio.wait([flight.ended() for flight in self._under_way], timeout=timeout_s)
        return True
