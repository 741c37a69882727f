"""Two PostgreSQLs, of which the first dies: the second goes on where the first ended."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import pytest
from sqlalchemy import select

from innkeeper.config import StoreSettings
from innkeeper.core.errors import StoreTaken
from innkeeper.core.inventory import Inventory
from innkeeper.store import claims
from innkeeper.store.audit import audit
from innkeeper.store.store import Store
from innkeeper.store.tables import consumers, inventories
from tests.servers.postgresql import PostgreSQL, Standby
from tests.servers.server import HOST, PASSWORD, USER, running, server_directory
from tests.store.conftest import Ticking, World
from tests.store.sharing import loaded, sharers

CALLERS: Final = 8
CLAIMS: Final = 40
"""Of each caller."""
DIES_AFTER: Final = 100
"""Claims that were answered."""
PATIENCE: Final = StoreSettings(reconnect_s=60.0)

pytestmark = pytest.mark.slow


class Pair:
    """A primary and its standby, and the URL of a database of both."""

    def __init__(self, primary: PostgreSQL, standby: Standby) -> None:
        self.primary = primary
        self.standby = standby
        hosts = "&".join(f"host={HOST}:{each.port}" for each in (primary, standby))
        self.url = f"postgresql://{USER}:{PASSWORD}@/cloud?{hosts}"

    def leave_behind(self) -> None:
        """Let the primary commit without the standby from now on."""
        self.primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
        self.primary.execute("SELECT pg_reload_conf()")
        self.standby.stop()

    def fail_over(self) -> None:
        self.primary.kill()
        self.standby.start()
        self.standby.promote()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with running(PostgreSQL) as primary, server_directory() as directory:
        assert isinstance(primary, PostgreSQL)
        primary.execute("CREATE DATABASE cloud")
        standby = Standby(directory, primary=primary)
        standby.initialize()
        try:
            standby.follow()
            yield Pair(primary, standby)
        finally:
            standby.end()


async def claim_through(stores: Sequence[Store], pair: Pair) -> None:
    """Claim from many sides while the primary dies; check that the books are what was answered."""
    world = World(stores[0])
    host = await world.provider(Inventory("VCPU", 10_000))
    answered: set[str] = set()
    dying = asyncio.Event()

    async def call(number: int) -> None:
        store = stores[number % len(stores)]
        for _ in range(CLAIMS):
            wanted = world.claim((host, "VCPU", 1))
            await store.write(partial(claims.claim, wanted=wanted))
            answered.add(wanted.consumer.uuid)
            if len(answered) == DIES_AFTER:
                dying.set()

    async def fail_over() -> None:
        await dying.wait()
        await asyncio.to_thread(pair.fail_over)

    await asyncio.gather(fail_over(), *(call(number) for number in range(CALLERS)))
    there = await world.store.read(lambda conn: set(conn.scalars(select(consumers.c.uuid))))
    assert there == answered
    used = await world.store.read(lambda conn: conn.scalar(select(inventories.c.used)))
    assert used == len(answered)
    report = await world.store.read(audit)
    assert report.clean, report.findings


async def test_one_process_goes_on_with_the_standby(pair: Pair) -> None:
    store = Store.open(pair.url, clock=Ticking(), writer_id="writer", settings=PATIENCE)
    store.start([].append)
    try:
        await claim_through([store], pair)
    finally:
        await store.close()


async def test_processes_that_share_go_on_with_the_standby(pair: Pair) -> None:
    async with sharers(pair.url, 2, settings=PATIENCE) as both:
        await claim_through([each.store for each in both], pair)
        for each in both:
            assert await each.shown() == loaded(each.store)


async def test_a_standby_that_was_behind_is_not_written(pair: Pair) -> None:
    """What was answered is lost with the primary: nobody may go on as if it were there."""
    store = Store.open(pair.url, clock=Ticking(), writer_id="writer", settings=PATIENCE)
    world = World(store)
    store.start(world.pictures.append)
    try:
        host = await world.provider(Inventory("VCPU", 10))
        pair.leave_behind()
        await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 1))))
        pair.fail_over()
        with pytest.raises(StoreTaken):
            await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 1))))
    finally:
        await store.close()
