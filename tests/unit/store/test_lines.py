"""Lines: who asks is answered by one, waits for one, or is sent the long way."""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from sqlalchemy import Connection, Engine, bindparam, column, select
from sqlalchemy.dialects import postgresql

from innkeeper.store.line import Line, Rows, Told
from innkeeper.store.lines import MOST, MOST_WAITING, Lines
from innkeeper.store.prepared import Prepared, Scalar

STATEMENT = Prepared(select(column("a")).where(column("a") == bindparam("a")))
PATIENCE_S = 30.0


class FakeConnection:
    """A connection that only tells whether it is open."""

    def __init__(self, engine: "FakeEngine") -> None:
        self._engine = engine

    def invalidate(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        self._engine.open -= 1


class FakeEngine:
    """What connections are made by."""

    dialect = postgresql.psycopg.dialect()

    def __init__(self) -> None:
        self.open = 0
        self.made = 0
        self.error: Exception | None = None

    def connect(self) -> FakeConnection:
        self.made += 1
        if self.error is not None:
            raise self.error
        self.open += 1
        return FakeConnection(self)


class FakeLine:
    """A line that answers when it is told to."""

    def __init__(self) -> None:
        self.told: Told | None = None
        self.asked: list[Mapping[str, Scalar]] = []

    def ask(self, sql: str, values: Mapping[str, Scalar], told: Told) -> None:
        assert sql == STATEMENT.sql(FakeEngine.dialect)
        self.asked.append(values)
        self.told = told

    def rest(self) -> None:
        self.answer(None)

    def answer(self, rows: Rows | None) -> None:
        told, self.told = self.told, None
        if told is not None:
            told(rows)


class World:
    """Lines, and what they are made of."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.threads = ThreadPoolExecutor(1)
        self.made: list[FakeLine] = []
        self.can = True
        self.lines = Lines(cast("Engine", self.engine), self._connect, threads=self.threads)

    def _connect(self, _conn: Connection) -> Line | None:
        if not self.can:
            return None
        self.made.append(FakeLine())
        return self.made[-1]

    def ask(self, number: int) -> "asyncio.Task[Rows | None]":
        return asyncio.create_task(self.lines.ask(STATEMENT, {"a": number}))

    def close(self) -> None:
        self.threads.shutdown()
        self.lines.close()


@pytest.fixture
def world() -> Iterator[World]:
    found = World()
    yield found
    found.threads.shutdown()


async def first(world: World) -> FakeLine:
    """Have one line, which is free."""
    async with asyncio.timeout(PATIENCE_S):
        # A thread makes it. What it is at may have begun while none could be made.
        while not world.lines._free:
            assert await world.lines.ask(STATEMENT, {"a": 0}) is None
            await asyncio.sleep(0.001)
    return world.made[0]


async def test_the_first_goes_the_long_way_and_the_next_is_answered(world: World) -> None:
    line = await first(world)
    task = world.ask(7)
    await asyncio.sleep(0)
    line.answer([(7,)])
    assert await task == [(7,)]
    assert line.asked == [{"a": 7}]
    world.close()
    assert world.engine.open == 0


async def test_who_finds_all_busy_waits_in_turn(world: World) -> None:
    line = await first(world)
    world.engine.error = OSError()
    tasks = [world.ask(number) for number in range(4)]
    await asyncio.sleep(0.001)
    for number in range(4):
        assert line.asked[-1] == {"a": number}
        line.answer([(number,)])
        assert await tasks[number] == [(number,)]
        await asyncio.sleep(0)
    world.close()


async def test_no_more_lines_are_made_than_may_be(world: World) -> None:
    await first(world)
    tasks = [world.ask(number) for number in range(10)]
    async with asyncio.timeout(PATIENCE_S):
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.001)
            for line in world.made:
                line.answer([(1,)])
    assert world.engine.made == world.engine.open == MOST
    world.close()


async def test_too_many_who_wait_go_the_long_way(world: World) -> None:
    line = await first(world)
    world.engine.error = OSError()
    tasks = [world.ask(number) for number in range(1 + MOST_WAITING)]
    await asyncio.sleep(0.001)
    assert await world.ask(1) is None
    async with asyncio.timeout(PATIENCE_S):
        while not all(task.done() for task in tasks):
            line.answer([(1,)])
            await asyncio.sleep(0)
    world.close()


async def test_a_line_without_an_answer_is_left_and_made_anew(world: World) -> None:
    line = await first(world)
    world.engine.error = OSError()
    tasks = [world.ask(number) for number in range(3)]
    await asyncio.sleep(0.001)
    line.answer(None)
    # Nobody waits for what is not there.
    assert [await task for task in tasks] == [None, None, None]
    assert world.engine.open == 0
    world.engine.error = None
    await first(world)
    assert len(world.made) == 2
    world.close()


async def test_who_gives_up_leaves_the_line_to_the_others(world: World) -> None:
    line = await first(world)
    world.engine.error = OSError()
    tasks = [world.ask(number) for number in range(4)]
    await asyncio.sleep(0.001)
    # One whose answer is under way, one who waits, and one who is just given a line.
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0.001)
    line.answer([(0,)])
    tasks[2].cancel()
    await asyncio.sleep(0.001)
    line.answer([(3,)])
    assert await tasks[3] == [(3,)]
    assert line.asked[-1] == {"a": 3}
    world.close()


async def test_a_driver_that_cannot_is_asked_once(world: World) -> None:
    world.can = False
    for _ in range(5):
        assert await world.ask(1) is None
        await asyncio.sleep(0.01)
    assert (world.engine.made, world.engine.open) == (1, 0)
    world.close()


async def test_at_the_end_nobody_is_left_waiting(world: World) -> None:
    await first(world)
    tasks = [world.ask(number) for number in range(3)]
    await asyncio.sleep(0)
    world.close()
    assert [await task for task in tasks] == [None, None, None]
    assert await world.ask(1) is None
    assert world.engine.open == 0
