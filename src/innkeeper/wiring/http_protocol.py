"""One connection: uvicorn's protocol with limits on what a client may send, and how slowly.

uvicorn bounds neither the head of a request nor the time in which it arrives. Here both are; what
is too long is cut, so that the application can refuse it in its own format, and what goes far
beyond is refused with a few plain words. A request that was answered before its body had arrived
is read on, within the same limits, so that the client sees the answer and the connection can go on.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from innkeeper.api.asgi import HEADER_OVERHEAD_BYTES
from innkeeper.api.limits import Limits

HEAD_FACTOR: Final = 8
"""A head is read on past its limits, to be refused well, until it is this many times as long."""
DRAIN_FACTOR: Final = 4
"""A body that was refused is thrown away up to this many times its limit, so that a client which
sends all before it reads sees the answer; whoever sends more finds the connection closed."""


class Connection(HttpToolsProtocol):
    """A connection of one client."""

    def __init__(self, limits: Limits, **given: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(**given)
        self._limits = limits
        self._most_drained_bytes = DRAIN_FACTOR * limits.max_body_bytes
        self._most_head_bytes = HEAD_FACTOR * (limits.max_query_bytes + limits.max_header_bytes)
        self._in_head = True
        """Whether what comes next belongs to the head of a request."""
        self._is_begun = False
        """Whether a part of that head is here."""
        self._head_bytes = 0
        self._header_bytes = 0
        self._drained_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        """Whether nothing more is to be read from this connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        if self._is_over:
            return
        self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        except httptools.HttpParserUpgrade:
            self._ignore_upgrade()
            return
        if self._in_head and self._head_bytes > self._most_head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_begun = True
        self._head_bytes = self._header_bytes = self._drained_bytes = 0
        self._start_timer()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Keep the target up to its limit and one byte more, which tells that it is too long."""
        super().on_url(url[: self._limits.max_query_bytes + 1 - len(self.url)])

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep headers up to their limit, and the one that goes past it."""
        most = self._limits.max_header_bytes
        if self._header_bytes <= most:
            self._header_bytes += len(name) + len(value) + HEADER_OVERHEAD_BYTES
            super().on_header(name, value[: most + 1])

    def on_headers_complete(self) -> None:
        """Hand the request to the application."""
        self._stop_timer()
        self._in_head = self._is_begun = False
        super().on_headers_complete()
        if self.expect_100_continue:
            # Refused, the client may send the body or leave it out: only closing is safe.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on; if it is answered already, throw the part away."""
        if self.cycle.response_complete:
            self._drained_bytes += len(body)
            if self._drained_bytes > self._most_drained_bytes:
                self._close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._stop_timer()
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request; one that was answered early has some time to arrive."""
        if not self._in_head and self.cycle.response_complete:
            self._start_timer()
        super().on_response_complete()

    def _ignore_upgrade(self) -> None:
        """Answer as if no upgrade had been asked for, and close: the parser has lost its place."""
        self._is_over = True
        if self.cycle.response_complete:
            self._close()
        self.cycle.keep_alive = False

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why in plain words, and close; if an answer is due to an earlier request, wait."""
        self._is_over = True
        self._stop_timer()
        latest: RequestResponseCycle | None = self.cycle
        if self._in_head and latest is not None and not latest.response_complete:
            latest.keep_alive = False
            return
        words = f"{status} {status.phrase}\n".encode()
        self.transport.write(
            b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode())
            + b"content-type: text/plain; charset=utf-8\r\n"
            + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(words)
            + words
        )
        self._close()

    def _close(self) -> None:
        self._is_over = True
        self.transport.close()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._limits.receive_timeout_s, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        """End a connection on which a request did not arrive in time."""
        self._timer = None
        if self.transport.is_closing():
            return
        if self._is_begun:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._close()


def connections(limits: Limits) -> type[asyncio.Protocol]:
    """Give what makes a protocol for each connection, as uvicorn wants it."""

    def connection(**given: Any) -> Connection:  # noqa: ANN401 - uvicorn's own
        return Connection(limits, **given)

    return cast("type[asyncio.Protocol]", cast("Callable[..., asyncio.Protocol]", connection))
