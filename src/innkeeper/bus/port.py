"""The port of the bus. Adapters: ``memory``."""

from collections.abc import Awaitable, Callable
from typing import Protocol

Handler = Callable[[bytes], Awaitable[bytes | None]]
"""Takes a payload, gives the answer; None: there is none, whether or not one was asked for."""


class Subscription(Protocol):
    """A handler that listens on a subject."""

    async def cancel(self) -> None:
        """Listen no more; what is being handled is finished. Harmless a second time."""


class Bus(Protocol):
    """Passes messages by subject; at most once, in no promised order."""

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send without waiting for anything. Whether anybody listens is not told."""

    async def request(self, subject: str, payload: bytes, *, timeout_s: float) -> bytes:
        """Send and give the answer.

        Raises NoResponders at once if nobody listens, RequestTimeout at the deadline; then the
        request may be carried out all the same.
        """

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str | None = None
    ) -> Subscription:
        """Call ``handler`` for each message on ``subject``.

        Of all that subscribe with one ``queue``, each message goes to one.
        """

    async def close(self) -> None:
        """Stop everything that this bus handles or waits for."""
