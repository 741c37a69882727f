"""Workers that cannot be started, hang or end: each costs a pause, never the others."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from innkeeper.config import Config
from innkeeper.core.errors import SetupError
from innkeeper.wiring.workers import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    READY,
    START_S,
    STOP_S,
    Order,
    Workers,
)
from tests.sim.virtual import VirtualLoop, run

ORDER = Order(Config(), (), "server")
NONE_LEFT = BlockingIOError(11, "Resource temporarily unavailable")


class Process:
    """A worker as its starter sees it: one that serves or hangs, and hears a signal or not."""

    def __init__(self, *, serves: bool = True, deaf: bool = False) -> None:
        self.stdin = self
        self.stdout = asyncio.StreamReader()
        self.pid = 1
        self.ended = asyncio.Event()
        self.was_killed = False
        self._serves = serves
        self._deaf = deaf

    def write(self, _order: bytes) -> None:
        if self._serves:
            self.stdout.feed_data(READY)

    async def drain(self) -> None:
        pass

    def terminate(self) -> None:
        if not self._deaf:
            self.ended.set()

    def kill(self) -> None:
        self.was_killed = True
        self.ended.set()

    async def wait(self) -> int:
        await self.ended.wait()
        return 7


def with_workers(
    starts: Callable[[], Iterator[Process | OSError]],
    test: Callable[[Workers, VirtualLoop, list[Process]], Coroutine[Any, Any, None]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    count: int = 1,
) -> None:
    """Run ``test`` with workers of which one after the other is what ``starts`` gives."""

    async def main(loop: VirtualLoop) -> None:
        started: list[Process] = []
        following = starts()

        async def start(*_command: str, **_options: object) -> Process:
            each = next(following)
            if isinstance(each, OSError):
                raise each
            started.append(each)
            return each

        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        await test(Workers(count, ORDER), loop, started)

    run(main)


def test_a_worker_that_cannot_be_started_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def starts() -> Iterator[Process | OSError]:
        yield Process()
        yield NONE_LEFT

    async def test(workers: Workers, _loop: VirtualLoop, started: list[Process]) -> None:
        with pytest.raises(SetupError, match="temporarily unavailable"):
            await workers.start()
        await workers.stop()
        assert started[0].ended.is_set()

    with_workers(starts, test, monkeypatch, count=2)


def test_a_worker_that_cannot_be_replaced_is_replaced_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def starts() -> Iterator[Process | OSError]:
        yield Process()
        yield NONE_LEFT
        yield NONE_LEFT
        yield Process()

    async def test(workers: Workers, _loop: VirtualLoop, started: list[Process]) -> None:
        await workers.start()
        started[0].ended.set()
        await asyncio.sleep(LONGEST_PAUSE_S)
        assert list(workers.processes.values()) == [started[1]]
        await workers.stop()

    with_workers(starts, test, monkeypatch)


def test_a_worker_that_never_serves_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def starts() -> Iterator[Process | OSError]:
        yield Process()
        yield Process(serves=False)
        yield Process()

    async def test(workers: Workers, _loop: VirtualLoop, started: list[Process]) -> None:
        await workers.start()
        started[0].ended.set()
        await asyncio.sleep(FIRST_PAUSE_S + START_S + LONGEST_PAUSE_S)
        assert [each.was_killed for each in started] == [False, True, False]
        await workers.stop()

    with_workers(starts, test, monkeypatch)


def test_a_worker_that_hangs_at_its_start_is_killed_at_a_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def starts() -> Iterator[Process | OSError]:
        yield Process(serves=False, deaf=True)

    async def test(workers: Workers, loop: VirtualLoop, started: list[Process]) -> None:
        starting = asyncio.create_task(workers.start())
        await asyncio.sleep(1.0)
        await workers.stop()
        assert loop.time() == 1.0 + STOP_S
        assert started[0].was_killed
        await asyncio.gather(starting, return_exceptions=True)

    with_workers(starts, test, monkeypatch)
