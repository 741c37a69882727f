"""The follower: who asks is told of a round that began after he asked, and never waits for ever."""

import asyncio
import threading
from collections.abc import Callable
from typing import cast

import pytest

from innkeeper.core.errors import Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store.feed import FeedReader
from innkeeper.store.follow import Follower, Waiter


class Feed:
    """A reader whose looks go on when they are let."""

    def __init__(self) -> None:
        self.looks = 0
        self.error: Exception | None = None
        self.forgotten = 0
        self.same = False
        self.peeks = 0
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def peek(self, told: Callable[[bool], None]) -> None:
        self.peeks += 1
        asyncio.get_running_loop().call_soon(told, self.same)

    def rest(self) -> None:
        """Watch nothing."""

    def look(self) -> Picture | None:
        self.looks += 1
        self.begun.set()
        assert self.free.wait(60)
        if self.error is not None:
            raise self.error
        return Picture(removed=(self.looks,))  # type: ignore[arg-type]

    def forget(self) -> None:
        self.forgotten += 1

    def give_up(self) -> None:
        self.free.set()

    def close(self) -> None:
        """Let go of nothing."""


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def follower(feed: Feed) -> Follower:
    return Follower(cast("FeedReader", feed), looks_on_loop=False)


async def test_all_who_wait_share_the_next_round(feed: Feed, follower: Follower) -> None:
    seen: list[Picture] = []
    follower.start(seen.append)
    feed.free.clear()
    first = asyncio.create_task(follower.fresh())
    await asyncio.to_thread(feed.begun.wait, 60)
    # The round is under way, so it may have looked before these asked.
    others = [asyncio.create_task(follower.fresh()) for _ in range(5)]
    await asyncio.sleep(0)
    feed.free.set()
    await first
    assert not any(other.done() for other in others)
    await asyncio.gather(*others)
    assert feed.looks == 2
    assert [picture.removed for picture in seen] == [(1,), (2,)]
    await follower.close()


async def test_where_nothing_has_changed_nobody_looks(feed: Feed, follower: Follower) -> None:
    await follower.fresh()
    feed.same = True
    for _ in range(3):
        await follower.fresh()
    assert (feed.peeks, feed.looks) == (4, 1)
    # It counts from when it was asked.
    await follower.fresh(within_s=60.0)
    assert feed.peeks == 4
    feed.same = False
    await follower.fresh()
    assert (feed.peeks, feed.looks) == (5, 2)
    await follower.close()


async def test_what_is_fresh_enough_needs_no_round(feed: Feed, follower: Follower) -> None:
    await follower.fresh()
    await follower.fresh(within_s=60.0)
    assert feed.looks == 1
    await follower.fresh()
    assert feed.looks == 2
    await follower.close()


async def test_a_failed_look_is_told_and_the_next_one_may_go_well(
    feed: Feed, follower: Follower
) -> None:
    feed.error = Unavailable("away")
    settled: list[str] = []
    told: list[Exception | None] = []
    follower.soon(Waiter(told.append, lambda: settled.append("settled")))
    with pytest.raises(Unavailable):
        await follower.fresh()
    assert (settled, told) == (["settled"], [feed.error])
    # It is not taken for fresh, however little is asked.
    feed.error = None
    await follower.fresh(within_s=60.0)
    assert feed.looks == 2
    await follower.close()


async def test_holds_are_dropped_before_the_picture_and_answers_come_after(
    follower: Follower,
) -> None:
    order: list[str] = []
    follower.start(lambda _: order.append("picture"))
    follower.soon(Waiter(lambda _: order.append("answer"), lambda: order.append("settle")))
    await follower.fresh()
    assert order == ["settle", "picture", "answer"]
    await follower.close()


async def test_an_index_that_could_not_take_a_picture_is_made_anew(
    feed: Feed, follower: Follower
) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    broken = [True]

    def take(_picture: Picture) -> None:
        if broken:
            broken.clear()
            raise LookupError("a defect")

    follower.start(take)
    with pytest.raises(LookupError):
        await follower.fresh()
    assert feed.forgotten == 1
    assert len(failures) == 1
    await follower.fresh()
    await follower.close()
    with pytest.raises(Unavailable):
        await follower.fresh()
