"""Reads of one statement on PostgreSQL: asked on the loop, right whatever its connection does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import psycopg
import pytest

from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import Picture
from innkeeper.store import claims, usages
from innkeeper.store.claims import ConsumerWrite
from innkeeper.store.lines import MOST
from innkeeper.store.open_store import OpenStore
from innkeeper.store.store import Store
from tests.servers.server import DatabaseUrl, poll
from tests.store.conftest import Ticking, World

PATIENCE_S: Final = 60.0
CUT: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = %s AND wait_event_type = 'Lock'"
)
pytestmark = pytest.mark.slow


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Give a list that grows with every read that has a thread."""
    found: list[None] = []
    read = OpenStore._read

    def counted(*arguments: object) -> object:
        found.append(None)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenStore, "_read", counted)
    return found


@asynccontextmanager
async def opened(url: DatabaseUrl) -> AsyncIterator[World]:
    store = Store.open(url, clock=Ticking(), writer_id="writer-1")
    world = World(store)
    store.start(world.pictures.append)
    try:
        yield world
    finally:
        await store.close()


async def claim(world: World, amount: int) -> None:
    host = await world.provider(Inventory("VCPU", 100))
    wanted = world.claim((host, "VCPU", amount))
    write = ConsumerWrite(wanted.consumer, wanted.allocations)
    await world.store.write(lambda txn: claims.replace_all(txn, [write]))


async def used(world: World) -> tuple[int, dict[str, int]]:
    """Ask the database, whatever was kept."""
    world.store._kept.forget(Picture(whole=True))
    (found,) = await usages.of_project(world.store, "project")
    return found.consumers, dict(found.used)


async def has_line(world: World) -> None:
    """Ask until there is a line that nobody uses."""
    lines = world.store._lines
    assert lines is not None
    async with asyncio.timeout(PATIENCE_S):
        while not lines._free:
            await used(world)


@contextmanager
def locked(url: DatabaseUrl) -> Iterator[None]:
    """Let nothing be read of consumers."""
    with psycopg.connect(
        host=url.host, port=url.port, user=url.user, dbname=url.name, autocommit=True
    ) as conn:
        conn.execute("BEGIN")
        conn.execute("LOCK TABLE consumers IN ACCESS EXCLUSIVE MODE")
        yield
        conn.execute("ROLLBACK")


def cut_who_waits(url: DatabaseUrl) -> None:
    """End the connections that wait for a lock, once there is one."""
    found = 0

    def cut() -> bool:
        nonlocal found
        with url.server.connect() as conn:  # type: ignore[attr-defined]
            found = len(conn.execute(CUT, (url.name,)).fetchall())
        return found > 0

    poll(cut, deadline_s=PATIENCE_S)


async def test_it_sees_each_write_and_takes_no_thread(
    postgresql_url: DatabaseUrl, threads: list[None]
) -> None:
    async with opened(postgresql_url) as world:
        await claim(world, 1)
        await has_line(world)
        before = len(threads)
        for number in range(2, 12):
            await claim(world, 1)
            assert await used(world) == (number, {"VCPU": number})
        assert len(threads) == before


async def test_the_loop_goes_on_while_something_long_is_asked(postgresql_url: DatabaseUrl) -> None:
    async with opened(postgresql_url) as world:
        await claim(world, 3)
        await has_line(world)
        with locked(postgresql_url):
            asked = [asyncio.create_task(used(world)) for _ in range(MOST + 3)]
            for _ in range(5):
                await asyncio.sleep(0.01)
            assert not any(each.done() for each in asked)
        for each in asked:
            assert await each == (1, {"VCPU": 3})


async def test_a_cut_before_the_answer_is_made_good_by_a_thread(
    postgresql_url: DatabaseUrl, threads: list[None]
) -> None:
    async with opened(postgresql_url) as world:
        await claim(world, 3)
        await has_line(world)
        before = len(threads)
        with locked(postgresql_url):
            asked = asyncio.create_task(used(world))
            await asyncio.to_thread(cut_who_waits, postgresql_url)
            async with asyncio.timeout(PATIENCE_S):
                while len(threads) == before:  # noqa: ASYNC110 - a thread says it
                    await asyncio.sleep(0.01)
        assert await asked == (1, {"VCPU": 3})
        await has_line(world)
        assert await used(world) == (1, {"VCPU": 3})


async def test_a_cut_between_two_questions(postgresql_url: DatabaseUrl) -> None:
    async with opened(postgresql_url) as world:
        await claim(world, 3)
        for _ in range(3):
            await has_line(world)
            postgresql_url.server.cut(postgresql_url.name)  # type: ignore[attr-defined]
            assert await used(world) == (1, {"VCPU": 3})
