"""The follower: what feeds the index of a process that writes a store beside others.

Rounds go one after the other; each reads what all processes have committed, this one included,
in one snapshot, and gives it to the index. Whoever wants to see all that was answered before
waits for a round that begins after he asked, as in ReadIndex (Ongaro, Consensus: Bridging Theory
and Practice, 2014, section 6.4); any number of them share one. Nothing else may feed the index.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import msgspec

from innkeeper.core.errors import Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import on_loop
from innkeeper.store.feed import FeedReader

POLL_S: Final = 1.0
"""How often a process looks that nobody asks anything, so that it is never far behind."""


def _nothing() -> None:
    """Do nothing."""


class Waiter(msgspec.Struct, eq=False):
    """Somebody who waits for a round."""

    done: Callable[[Exception | None], None]
    """Called on the loop once the index is up to date, or cannot be brought up to date."""
    settle: Callable[[], None] = _nothing
    """Called on the loop just before the index takes what is new."""
    has_news: bool = False
    """Whether there surely is something new."""


class Follower:
    """Keeps an index up to date. It belongs to the loop."""

    def __init__(self, reader: FeedReader, *, looks_on_loop: bool) -> None:
        """Look by ``reader``: on the loop, where its waits let that go on; else on a thread."""
        self._reader = reader
        self._looks_on_loop = looks_on_loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-follower")
        self._on_picture: Callable[[Picture], None] = _ignore
        self._waiting: list[Waiter] = []
        self._round: asyncio.Future[None] | None = None
        self._poll: asyncio.TimerHandle | None = None
        self._fresh_at: float | None = None
        self._closed = False

    def load(self) -> Picture:
        """Give the picture of everything, in the calling thread, before ``start``."""
        self._reader.forget()
        return self._thread.submit(self._reader.look).result() or Picture()

    def start(self, on_picture: Callable[[Picture], None]) -> None:
        """Begin to follow."""
        self._on_picture = on_picture
        self._poll_later()

    async def fresh(self, *, within_s: float = 0.0) -> None:
        """Return once the index shows all that was committed before the call.

        With ``within_s``, all that was committed so long before the call will do. Raises what
        keeps it from that.
        """
        loop = asyncio.get_running_loop()
        if within_s and self._fresh_at is not None and loop.time() - self._fresh_at <= within_s:
            return
        future: asyncio.Future[None] = loop.create_future()
        self.soon(Waiter(partial(_resolve, future)))
        await future

    def soon(self, waiter: Waiter) -> None:
        """Tell ``waiter`` of a round that begins after this call."""
        if self._closed:
            waiter.settle()
            waiter.done(Unavailable("The store is shutting down."))
            return
        # Whoever else asks in this turn of the loop comes along.
        if self._round is None and not self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)
        self._waiting.append(waiter)

    async def close(self) -> None:
        """End the round that is under way; nobody is told of another one."""
        if self._poll is not None:
            self._poll.cancel()
        while self._waiting or self._round is not None:
            if self._round is not None:
                await asyncio.wait([self._round])
            await asyncio.sleep(0)
        self._closed = True
        self._reader.rest()
        self._thread.submit(self._reader.close).result()
        self._thread.shutdown()

    def give_up(self) -> None:
        """Wait for a lost database no longer."""
        self._reader.give_up()

    def _begin(self) -> None:
        if self._round is not None or not self._waiting:
            return
        waiters, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        self._round = loop.create_future()
        told = partial(self._peeked, waiters, loop.time())
        if any(waiter.has_news for waiter in waiters):
            self._reader.rest()
            told(same=False)
        else:
            self._reader.peek(told)

    def _peeked(self, waiters: list[Waiter], began: float, same: bool) -> None:  # noqa: FBT001
        if same:
            self._end(waiters, began, None, None)
            return
        look: asyncio.Future[Picture | None]
        if self._looks_on_loop:
            look = on_loop.begin(self._reader.look)
        else:
            loop = asyncio.get_running_loop()
            look = loop.run_in_executor(self._thread, self._reader.look)
        look.add_done_callback(partial(self._looked, waiters, began))

    def _looked(
        self, waiters: list[Waiter], began: float, look: asyncio.Future[Picture | None]
    ) -> None:
        error = look.exception()
        self._end(waiters, began, error, None if error is not None else look.result())

    def _end(
        self,
        waiters: list[Waiter],
        began: float,
        error: BaseException | None,
        picture: Picture | None,
    ) -> None:
        ended, self._round = self._round, None
        if ended is not None:
            ended.set_result(None)
        try:
            for waiter in waiters:
                waiter.settle()
            if error is None:
                if picture is not None:
                    self._on_picture(picture)
                self._fresh_at = began
        except BaseException as failed:
            # The index has missed something, and nobody must believe it until it is whole again.
            self._reader.forget()
            error = failed
            raise
        finally:
            refused = None if error is None else _as_told(error)
            for waiter in waiters:
                waiter.done(refused)
            if self._waiting:
                # After those who were just told had their turn.
                asyncio.get_running_loop().call_soon(self._begin)

    def _poll_later(self) -> None:
        self._poll = asyncio.get_running_loop().call_later(POLL_S, self._look_again)

    def _look_again(self) -> None:
        if self._round is None and not self._waiting:
            self.soon(Waiter(_unheard))
        self._poll_later()


def _as_told(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else Unavailable(str(error))


def _resolve(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _unheard(_error: Exception | None) -> None:
    """Take no note: whoever needs it will ask, and be told."""


def _ignore(_picture: Picture) -> None:
    """Take a picture that nobody wants."""
