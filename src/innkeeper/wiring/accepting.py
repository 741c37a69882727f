"""Accepting: how a worker takes connections from a socket that others take from too.

Whoever wakes first would take all that wait, and one worker have every connection of a client
that keeps them open, while the others have nothing to do. So a worker that has more than another
leaves that one some time to be first. It must never leave a connection to somebody who does not
come: he may be paused, or gone.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

import structlog

from innkeeper.wiring.shares import Share

LEAVES_S: Final = (0.001, 0.002, 0.004)
"""How long a connection is left to a worker that has fewer, with a look in between whether that has
caught up: as long as a search may keep it from waking, and too short for a client to notice."""
MOST_AT_ONCE: Final = 64
"""Connections that are taken before requests have their turn again."""
PAUSE_S: Final = 1.0
"""How long nothing is taken where the process or the machine has no more room for it."""

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_log = structlog.get_logger(__name__)


class Accepting:
    """Takes the connections that wait at a socket."""

    def __init__(
        self, bound: socket.socket, connection: Callable[[], asyncio.Protocol], *, share: Share
    ) -> None:
        """Make a ``connection`` for each; ``share`` counts it, until whoever was made ends it."""
        self._socket = bound
        self._connection = connection
        self._share = share
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._made: set[asyncio.Task[None]] = set()
        share.join()
        self._loop.add_reader(bound, self._ready)

    async def close(self) -> None:
        """Take no more; return once those that were taken are made."""
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._socket)
        await asyncio.gather(*self._made)

    def _ready(self) -> None:
        if self._share.is_ahead:
            self._loop.remove_reader(self._socket)
            self._leave(0)
        else:
            # One at a time: the others are as close to it.
            self._take(1)

    def _leave(self, times: int) -> None:
        """Leave what waits to others, who were left it so many times already."""
        if not self._share.is_ahead:
            self._go_on(1)
        elif times == len(LEAVES_S):
            self._go_on(MOST_AT_ONCE)
        else:
            self._later = self._loop.call_later(LEAVES_S[times], self._leave, times + 1)

    def _go_on(self, most: int) -> None:
        self._loop.add_reader(self._socket, self._ready)
        self._take(most)

    def _take(self, most: int) -> None:
        for _ in range(most):
            try:
                taken, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                _log.warning("no room for more connections", error=error.strerror)
                self._loop.remove_reader(self._socket)
                self._later = self._loop.call_later(PAUSE_S, self._go_on, 1)
                return
            self._share.more()
            task = self._loop.create_task(self._make(taken))
            self._made.add(task)
            task.add_done_callback(self._made.discard)

    async def _make(self, taken: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connection, taken)
        except OSError:
            # The client has gone already.
            taken.close()
            self._share.fewer()
