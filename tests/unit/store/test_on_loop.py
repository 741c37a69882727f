"""Work on the loop: it waits, the loop goes on, and whoever began it learns what came of it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import uvloop

from innkeeper.store import on_loop
from innkeeper.store.on_loop import READ, WRITE

SOCKETS = 64
ROUNDS = 200

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    one.setblocking(False)
    with one, other:
        yield one, other


def read(mine: socket.socket) -> bytes:
    assert on_loop.wait_for_socket(mine.fileno(), READ) == READ
    return mine.recv(100)


async def test_it_runs_at_once_up_to_where_it_waits_and_then_lets_the_loop_go_on(
    pair: Pair,
) -> None:
    mine, theirs = pair
    seen: list[str] = []

    def work() -> str:
        seen.append("begun")
        words = [read(mine), read(mine)]
        seen.append("ended")
        return b" ".join(words).decode()

    done = on_loop.begin(work)
    assert seen == ["begun"]
    theirs.send(b"one")
    await asyncio.sleep(0.01)
    assert not done.done()
    theirs.send(b"two")
    assert await done == "one two"
    assert seen == ["begun", "ended"]


async def test_several_wait_at_a_time_and_go_on_in_any_order(pair: Pair) -> None:
    mine, theirs = pair
    theirs.setblocking(False)
    dones = [on_loop.begin(lambda end=end: read(end)) for end in (mine, theirs)]
    mine.send(b"to theirs")
    assert await dones[1] == b"to theirs"
    assert not dones[0].done()
    theirs.send(b"to mine")
    assert await dones[0] == b"to mine"


async def test_a_socket_that_can_be_written_is_waited_for_too(pair: Pair) -> None:
    mine, theirs = pair
    size = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            size += mine.send(bytes(4096))

    def work() -> int:
        return on_loop.wait_for_socket(mine.fileno(), READ + WRITE)

    done = on_loop.begin(work)
    await asyncio.sleep(0)
    assert not done.done()
    while size:
        size -= len(theirs.recv(size))
    assert await done == WRITE
    theirs.send(b"not watched any more")
    assert await on_loop.begin(lambda: read(mine)) == b"not watched any more"


@pytest.mark.parametrize("waits", [False, True])
async def test_what_it_raises_is_told(pair: Pair, *, waits: bool) -> None:
    mine, theirs = pair

    def work() -> None:
        if waits:
            read(mine)
        raise ValueError("no")

    done = on_loop.begin(work)
    theirs.send(b"go")
    with pytest.raises(ValueError, match="no"):
        await done


def test_what_ends_the_program_ends_it_and_leaves_nobody_waiting(pair: Pair) -> None:
    mine, theirs = pair
    begun: list[asyncio.Future[None]] = []

    def work() -> None:
        read(mine)
        raise KeyboardInterrupt

    async def wait() -> None:
        begun.append(on_loop.begin(work))
        theirs.send(b"go")
        await asyncio.sleep(30)

    with asyncio.Runner() as runner, pytest.raises(KeyboardInterrupt):
        runner.run(wait())
    assert isinstance(begun[0].exception(), KeyboardInterrupt)


async def test_what_cannot_be_watched_is_raised_where_it_is_waited_for() -> None:
    def work() -> str:
        with pytest.raises((OSError, ValueError)):
            on_loop.wait_for_socket(-1, READ)
        return "told"

    assert await on_loop.begin(work) == "told"


async def test_it_goes_on_though_nobody_waits_for_it(pair: Pair) -> None:
    mine, theirs = pair
    heard: list[bytes] = []
    on_loop.begin(lambda: heard.append(read(mine))).cancel()
    theirs.send(b"go")
    async with asyncio.timeout(30):
        while not heard:  # noqa: ASYNC110 - what runs there must not call the loop
            await asyncio.sleep(0.001)


async def test_what_waits_by_itself_has_a_thread_and_the_loop_goes_on() -> None:
    free = threading.Event()

    def wait() -> int:
        assert free.wait(30)
        return threading.get_ident()

    done = on_loop.begin(lambda: on_loop.elsewhere(wait))
    await asyncio.sleep(0)
    assert not done.done()
    free.set()
    assert await done != threading.get_ident()


async def test_what_fails_on_the_thread_is_raised_where_it_was_asked_for() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await on_loop.begin(lambda: on_loop.elsewhere(fail))


def test_where_there_is_no_loop_nothing_has_a_thread() -> None:
    assert not on_loop.is_here()
    assert on_loop.elsewhere(threading.get_ident) == threading.get_ident()


def test_it_may_wait_among_many_sockets_of_the_fast_loop() -> None:
    """libuv keeps pointers to its stack while it goes through the sockets that are ready."""

    async def among_many() -> int:
        loop = asyncio.get_running_loop()
        heard = 0
        with contextlib.ExitStack() as stack:
            pairs = [socket.socketpair() for _ in range(SOCKETS)]
            for one, other in pairs:
                one.setblocking(False)
                stack.enter_context(one)
                stack.enter_context(other)

            def hear(mine: socket.socket) -> None:
                nonlocal heard
                heard += len(mine.recv(100))

            mine, theirs = pairs[0]
            for one, _ in pairs[1:]:
                loop.add_reader(one, hear, one)

            def work() -> int:
                # Deep down, so that much of the loop's stack is put away.
                return sum(deep(100, mine) for _ in range(ROUNDS))

            done = on_loop.begin(work)
            while not done.done():
                for _, other in pairs:
                    other.send(b"x")
                await asyncio.sleep(0)
            for one, _ in pairs[1:]:
                loop.remove_reader(one)
            del theirs
            return await done

    def deep(levels: int, mine: socket.socket) -> int:
        return max(map(deep, [levels - 1], [mine])) if levels else len(read(mine)[:1])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(among_many()) == ROUNDS
