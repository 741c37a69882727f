"""What is begun at once: it is no task before it waits, and one like any other from then on."""

import asyncio

import pytest

from innkeeper.wiring.eager import begin


class Steps:
    """Work that waits as often as it is told to, and notes how far it came."""

    def __init__(self, waits: int) -> None:
        self.came_to: list[object] = []
        self.futures = [asyncio.get_running_loop().create_future() for _ in range(waits)]

    async def __call__(self) -> None:
        self.came_to.append("begun")
        for future in self.futures:
            try:
                self.came_to.append(await future)
            except asyncio.CancelledError:
                self.came_to.append("cancelled")
        self.came_to.append("ended")


async def test_what_never_waits_has_ended_at_once() -> None:
    steps = Steps(0)
    assert begin(steps(), asyncio.get_running_loop()) is None
    assert steps.came_to == ["begun", "ended"]


async def test_what_waits_becomes_a_task() -> None:
    steps = Steps(2)
    task = begin(steps(), asyncio.get_running_loop())
    assert task is not None
    assert steps.came_to == ["begun"]
    steps.futures[0].set_result(1)
    await asyncio.sleep(0.0)
    steps.futures[1].set_result(2)
    await task
    assert steps.came_to == ["begun", 1, 2, "ended"]


async def test_what_it_waits_for_may_fail() -> None:
    async def work() -> None:
        with pytest.raises(ValueError, match="lost"):
            await future
        raise KeyError(1)

    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = begin(work(), asyncio.get_running_loop())
    assert task is not None
    future.set_exception(ValueError("lost"))
    with pytest.raises(KeyError):
        await task


async def test_it_raises_at_once_what_it_raises_before_it_waits() -> None:
    async def work() -> None:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        begin(work(), asyncio.get_running_loop())


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("waits", [1, 2, 3])
async def test_it_may_be_cancelled_at_each_wait(waits: int, turns: int) -> None:
    steps = Steps(waits)
    task = begin(steps(), asyncio.get_running_loop())
    assert task is not None
    for _ in range(turns):
        await asyncio.sleep(0.0)
    for at in range(waits):
        task.cancel()
        for _ in range(3):
            await asyncio.sleep(0.0)
        assert steps.came_to == ["begun", *["cancelled"] * (at + 1), *["ended"] * (at + 1 == waits)]
    assert task.done()
    assert not task.cancelled()


async def test_it_is_cancelled_unless_it_minds() -> None:
    async def work() -> None:
        await asyncio.sleep(3600)

    task = begin(work(), asyncio.get_running_loop())
    assert task is not None
    await asyncio.sleep(0.0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_what_only_makes_way_goes_on() -> None:
    async def work() -> None:
        came_to.append(1)
        await asyncio.sleep(0.0)
        came_to.append(2)

    came_to: list[int] = []
    task = begin(work(), asyncio.get_running_loop())
    assert task is not None
    await task
    assert came_to == [1, 2]
