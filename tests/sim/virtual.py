"""Virtual time: an event loop in which waiting takes none, and a store that answers in it.

When nothing is ready, the loop's clock jumps to the next timer. So a simulated hour takes as
long as the work in it, and runs the same each time from the same seed.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from innkeeper.core.picture import Picture
from innkeeper.store.store import Store
from innkeeper.store.txn import Txn
from innkeeper.store.writer import Job

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """A selector that never waits: it moves the loop's clock instead."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("Everybody waits for something that will never happen.")
            self.loop.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = 0.0
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s

    def clock(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now_s)


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` in virtual time, from zero."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main(loop))


class VirtualStore(Store):
    """The store, with its transactions run by the loop: one op each, at a time that is drawn.

    A write that is cancelled before its commit never happens; after it, nobody hears of it.
    """

    random: Random
    latency: Callable[[Random], float]

    def start(self, on_picture: Callable[[Picture], None]) -> None:
        super().start(on_picture)
        self.random = Random(0)
        self.latency = lambda _random: 0.0

    async def write(self, op: Callable[[Txn], T], *, settle: Callable[[], None] | None = None) -> T:
        job = Job(op, lambda _job: None, settle)
        try:
            await asyncio.sleep(self.latency(self.random))
        except BaseException:
            if settle is not None:
                settle()
            raise
        picture = self._writer.run([job])
        self._writer.commit()
        self._show([job], picture or Picture())
        await asyncio.sleep(self.latency(self.random))
        if job.error is not None:
            raise job.error
        value: T = job.value
        return value

    async def read(self, op: Callable[[Connection], T]) -> T:
        await asyncio.sleep(self.latency(self.random))
        return self.read_now(op)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self._let_go()
