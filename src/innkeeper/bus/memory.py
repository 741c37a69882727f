"""The bus inside one process. It loses nothing, and must never call a handler directly.

A handler runs as a task of its own, so that a requester who gives up leaves it alone, as over
a network.
"""

import asyncio
from collections import defaultdict
from itertools import count
from typing import Final

import structlog

from innkeeper.bus.fence import handle
from innkeeper.bus.port import Handler
from innkeeper.core.errors import BusError, NoResponders, RequestTimeout

MAX_HANDLED: Final = 65_536
"""Messages in handling at once; more are dropped. Far above what a poll would fetch anyway."""

_log = structlog.get_logger(__name__)


class MemorySubscription:
    """A handler that listens on a subject of a MemoryBus."""

    def __init__(
        self, listeners: list["MemorySubscription"], handler: Handler, *, queue: str | None
    ) -> None:
        self._listeners = listeners
        self.handler = handler
        self.queue = queue
        listeners.append(self)

    async def cancel(self) -> None:
        """Listen no more."""
        if self in self._listeners:
            self._listeners.remove(self)


class MemoryBus:
    """A bus for the tasks of one event loop."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[MemorySubscription]] = defaultdict(list)
        self._handled: set[asyncio.Task[bytes | None]] = set()
        self._turn = count()
        self._closed = False

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send without waiting for anything."""
        self._check_open()
        for listener in self._chosen(subject):
            if len(self._handled) >= MAX_HANDLED:
                _log.warning("message dropped", subject=subject, handled=MAX_HANDLED)
                return
            self._start(listener, payload, subject=subject)

    async def request(self, subject: str, payload: bytes, *, timeout_s: float) -> bytes:
        """Send and give the first answer; NoResponders or RequestTimeout if there is none."""
        self._check_open()
        chosen = self._chosen(subject)
        if not chosen:
            raise NoResponders(f"Nobody listens on {subject}.")
        answers = [self._start(listener, payload, subject=subject) for listener in chosen]
        done, _ = await asyncio.wait(
            answers, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        for answer in answers:
            if answer.done() and not answer.cancelled():
                given = answer.result()
                if given is not None:
                    return given
        if done:
            raise RequestTimeout(f"Who listens on {subject} has no answer.")
        raise RequestTimeout(f"No answer on {subject} in {timeout_s:g} s.")

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str | None = None
    ) -> MemorySubscription:
        """Call ``handler`` for each message; of one ``queue``, for its share of them."""
        self._check_open()
        return MemorySubscription(self._listeners[subject], handler, queue=queue)

    async def close(self) -> None:
        """Stop everything that is being handled."""
        self._closed = True
        self._listeners.clear()
        handled = list(self._handled)
        for task in handled:
            task.cancel()
        await asyncio.gather(*handled, return_exceptions=True)

    def _chosen(self, subject: str) -> list[MemorySubscription]:
        """Give who gets the next message: all without a queue, and one in turn of each queue."""
        listeners = self._listeners.get(subject)
        if not listeners:
            return []
        if len(listeners) == 1:
            return [listeners[0]]
        queues: defaultdict[str, list[MemorySubscription]] = defaultdict(list)
        chosen = []
        for listener in listeners:
            if listener.queue is None:
                chosen.append(listener)
            else:
                queues[listener.queue].append(listener)
        turn = next(self._turn)
        return chosen + [members[turn % len(members)] for members in queues.values()]

    def _start(
        self, listener: MemorySubscription, payload: bytes, *, subject: str
    ) -> asyncio.Task[bytes | None]:
        task = asyncio.ensure_future(handle(listener.handler, payload, subject=subject))
        self._handled.add(task)
        task.add_done_callback(self._handled.discard)
        return task

    def _check_open(self) -> None:
        if self._closed:
            raise BusError("The bus is closed.")
