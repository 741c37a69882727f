"""Exchange: one request of a connection, and its body as far as it has come."""

import asyncio
from typing import Final, Protocol

from innkeeper.api.http import Request
from innkeeper.api.limits import BodyTooLarge, Limits, TooSlow

HIGH_WATER_BYTES: Final = 65_536
"""Of a body that nobody has asked for yet so much is read: whoever may not send it is refused
before he fills the memory."""
LONGEST_LENGTH: Final = 19
"""Digits of a content-length that can be looked at; with more it is beyond any limit."""


class Wire(Protocol):
    """What an exchange needs of its connection."""

    def wait_for_body(self, exchange: "Exchange") -> None:
        """Let the rest of the body come, which is now needed."""

    def read_on(self) -> None:
        """Read, unless there is more than enough to do already."""


class Exchange:
    """A request, and what is still to come of it."""

    __slots__ = (
        "_chunks",
        "_error",
        "_is_wanted",
        "_is_whole",
        "_limits",
        "_size",
        "_waiter",
        "_wire",
        "drained_bytes",
        "expects",
        "is_answered",
        "keep_alive",
        "request",
    )

    request: Request

    def __init__(
        self, wire: Wire, limits: Limits, *, announced: str, keep_alive: bool, expects: bool
    ) -> None:
        """Begin with a body whose length was ``announced``, or "".

        ``expects``: the client sends it once it is told to go on.
        """
        self._wire = wire
        self._limits = limits
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_whole = self._is_wanted = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self.keep_alive = keep_alive
        """Whether the connection goes on after the answer."""
        self.expects = expects
        self.is_answered = False
        self.drained_bytes = 0
        """What came of the body and was thrown away."""
        if _number(announced) > limits.max_body_bytes:
            self._error = self._too_large()

    @property
    def is_full(self) -> bool:
        """Whether no more of the body should be read until somebody wants it."""
        return self._size > HIGH_WATER_BYTES and not self._is_wanted and not self.is_answered

    async def read(self) -> bytes:
        """Give the whole body. Raises BodyTooLarge, TooSlow, ClientGone."""
        self._is_wanted = True
        if not self._is_whole and self._error is None:
            self._waiter = asyncio.get_running_loop().create_future()
            self._wire.wait_for_body(self)
            await self._waiter
        if self._error is not None:
            raise self._error
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def take(self, chunk: bytes) -> None:
        """Take a part of the body."""
        if self.is_answered or self._error is not None:
            self.drained_bytes += len(chunk)
            return
        self._size += len(chunk)
        if self._size > self._limits.max_body_bytes:
            self.fail(self._too_large())
            return
        self._chunks.append(chunk)
        if self.is_full:
            self._wire.read_on()

    def end(self) -> None:
        """Say that the body is whole."""
        self._is_whole = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Say that the body will never be whole."""
        self._error = error
        self._chunks.clear()
        self._wake()

    def time_is_up(self) -> bool:
        """Fail if somebody waits for the body; tell whether anybody did."""
        if self._waiter is None or self._waiter.done():
            return False
        self.fail(
            TooSlow(f"The body did not arrive within {self._limits.receive_timeout_s:g} seconds.")
        )
        return True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The body is longer than {self._limits.max_body_bytes} bytes.")


def _number(text: str) -> int:
    """Give the number; of one with more digits than any body has bytes, the first digits."""
    return int(text.lstrip("0")[: LONGEST_LENGTH + 1] or "0") if text.isdecimal() else 0
