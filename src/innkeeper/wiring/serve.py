"""The HTTP server: a socket, and what answers on it.

A process that has the socket to itself leaves it to the loop to accept connections, which is the
cheapest; one among workers takes its share of them.
"""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final, TypeVar

from innkeeper.api.http import App
from innkeeper.api.limits import DEFAULT, Limits
from innkeeper.core.errors import SetupError
from innkeeper.wiring.accepting import Accepting
from innkeeper.wiring.http_protocol import Connection, Open
from innkeeper.wiring.shares import Share

_Started = TypeVar("_Started")

BACKLOG: Final = 2048
"""Connections that may wait to be accepted: a burst of clients that all start at once."""
GRACE_S: Final = 5
"""How long requests that are under way may go on after the server was told to stop."""


class HttpServer:
    """Serves one application on one socket."""

    def __init__(self, bound: socket.socket, share: Share | None = None) -> None:
        """Take connections from ``bound``; those of a worker count in its ``share``."""
        self._socket = bound
        self._share = share
        self._server: asyncio.Server | None = None
        self._accepting: Accepting | None = None
        self._open = Open() if share is None else Open(share.fewer)

    @classmethod
    def bind(cls, host: str, port: int, *, option: str = "--port") -> "HttpServer":
        """Take the port; 0 takes any. Raises SetupError, which names ``option`` as the way out."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen(BACKLOG)
        except OSError as error:
            bound.close()
            raise _refused(error, host, port, option=option) from error
        bound.setblocking(False)
        return cls(bound)

    @property
    def fileno(self) -> int:
        """The number of its socket in this process."""
        return self._socket.fileno()

    @property
    def url(self) -> str:
        """Where a client on this machine finds it."""
        host, port = self._socket.getsockname()[:2]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only shown
        return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    async def start(self, app: App, *, limits: Limits = DEFAULT) -> None:
        """Serve ``app`` from now on."""

        def connection() -> Connection:
            return Connection(app, limits, self._open)

        if self._share is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(connection, sock=self._socket)
        else:
            self._accepting = Accepting(self._socket, connection, share=self._share)

    async def stop(self) -> None:
        """Take no more requests; finish those that are under way."""
        if self._server is not None:
            self._server.close()
        if self._accepting is not None:
            await self._accepting.close()
        for connection in tuple(self._open.connections):
            connection.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self._open.all_closed.wait()
        for connection in tuple(self._open.connections):
            connection.abort()
        for task in self._open.tasks:
            task.cancel()
        await asyncio.gather(*self._open.tasks, return_exceptions=True)

    def release(self) -> None:
        """Give the port back."""
        self._socket.close()


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGINT and SIGTERM set while the block lasts, instead of ending us.

    Enter it before telling anybody that we are up: a signal may come at once.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def unless(
    told: asyncio.Event, starting: contextlib.AbstractAsyncContextManager[_Started]
) -> AsyncIterator[_Started | None]:
    """Enter ``starting``; give None if ``told`` is set first, and what was begun is undone."""
    async with contextlib.AsyncExitStack() as stack:
        entering = asyncio.create_task(stack.enter_async_context(starting))
        stopping = asyncio.create_task(told.wait())
        try:
            await asyncio.wait([entering, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            entering.cancel()
        await asyncio.wait([entering])
        yield None if entering.cancelled() else entering.result()


def _refused(error: OSError, host: str, port: int, *, option: str) -> SetupError:
    if error.errno == errno.EADDRINUSE:
        return SetupError(
            f"Port {port} of {host} is in use. Stop what listens there, or choose another with"
            f" {option} (port 0 takes any that is free)."
        )
    return SetupError(f"Cannot listen on {host} port {port}: {error.strerror}.")
