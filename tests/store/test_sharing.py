"""Several stores on one database: each index is the store, whatever was written or broke."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import delete, select, update

from innkeeper.core.allocation import Allocation
from innkeeper.core.claim import Claim
from innkeeper.core.errors import Conflict, InvalidInput, NotFound, SetupError
from innkeeper.core.ids import RpRow, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.index.index import Index
from innkeeper.store import (
    changes,
    claims,
    inventories,
    on_loop,
    providers,
    resource_classes,
    traits,
    usages,
)
from innkeeper.store.audit import audit
from innkeeper.store.line import Rows
from innkeeper.store.open_store import OpenStore
from innkeeper.store.providers import NewProvider
from innkeeper.store.store import Store
from innkeeper.store.tables import changes as feed
from innkeeper.store.tables import writers
from innkeeper.store.trim import KEEP_S, KEEP_WRITERS_S
from innkeeper.store.txn import Txn
from tests.servers.server import DatabaseUrl
from tests.store.conftest import Ticking, World
from tests.store.sharing import Clock, Sharer, loaded, sharers
from tests.store.unanswered import Unanswered

SERVERS: Final = ("postgresql", "mariadb")
STEPS: Final = 60
"""Of each store."""
VERBS: Final = ("create", "remove", "fill", "amounts", "trait", "claim", "release", "class")
SEED: Final = 20261121

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("database", SERVERS, indirect=True),
]


async def live(  # noqa: C901 - one branch for each thing to do
    sharer: Sharer, number: int, random: Random
) -> None:
    """Do this and that to few providers, which others change at the same time."""
    store, consumers = sharer.store, World(sharer.store)
    consumers._number = count(1 + 1_000_000 * (number + 1))
    held: list[str] = []
    for _ in range(STEPS):
        uuid = RpUuid(str(UUID(int=random.randint(1, 6))))
        try:
            match random.choice(VERBS):
                case "create":
                    parent = RpUuid(str(UUID(int=random.randint(1, 6))))
                    new = NewProvider(uuid, uuid, random.choice((None, parent)))
                    await store.write(lambda txn, new=new: providers.create(txn, new))
                case "remove":
                    await store.write(lambda txn, uuid=uuid: providers.remove(txn, uuid))
                case "fill":
                    given = [Inventory("VCPU", random.randint(1, 8)), Inventory("CUSTOM_X", 3)]
                    shown = given[: random.randint(0, 2)]
                    await store.write(partial(fill, uuid=uuid, given=shown))
                case "amounts":
                    await sharer.store.fresh()
                    row = sharer.index.row(uuid)
                    if row is not None:
                        await store.write(other_amounts(sharer.index, row, random))
                case "trait":
                    named = [random.choice(("HW_CPU_X86_AVX", "CUSTOM_FAST"))]
                    await store.write(partial(mark, uuid=uuid, named=named))
                case "class":
                    verb = random.choice((resource_classes.create, resource_classes.remove))
                    await store.write(lambda txn, verb=verb: verb(txn, "CUSTOM_X"))
                case "claim":
                    await sharer.store.fresh()
                    row = sharer.index.row(uuid)
                    if row is None:
                        continue
                    wanted = claim_on(consumers, sharer.index, row)
                    await store.write(partial(claims.claim, wanted=wanted))
                    held.append(wanted.consumer.uuid)
                case "release" if held:
                    gone = held.pop(random.randrange(len(held)))
                    assert await store.write(lambda txn, gone=gone: claims.release(txn, gone))
        except (Conflict, InvalidInput, NotFound):
            # What others did meanwhile forbids it.
            continue


def claim_on(world: World, index: Index, row: RpRow) -> Claim:
    provider = index.provider(row)
    return world.claim((Allocation(provider.id, provider.uuid, "", 0), "VCPU", 1))


def other_amounts(index: Index, row: RpRow, random: Random) -> Callable[[Txn], int]:
    """Give what changes some of the inventories that are shown, or none."""
    shown = index.inventories(row)
    changed = random.sample(shown, random.randint(0, len(shown)))
    return partial(
        inventories.change_amounts,
        rp_id=index.provider(row).id,
        changed=[
            msgspec.structs.replace(each.inventory, total=random.randint(1, 8)) for each in changed
        ],
        seen_generation=index.provider(row).generation,
    )


def fill(txn: Txn, uuid: RpUuid, given: list[Inventory]) -> None:
    inventories.set_all(txn, uuid, given, seen_generation=None)


def mark(txn: Txn, uuid: RpUuid, named: list[str]) -> None:
    traits.create(txn, "CUSTOM_FAST")
    traits.set_of_provider(txn, uuid, named, seen_generation=None)


async def test_any_history_of_several(database: DatabaseUrl) -> None:
    async with sharers(database, 3) as all_of_them:
        await asyncio.gather(
            *(
                live(each, number * 10 + lane, Random(SEED + number * 10 + lane))
                for number, each in enumerate(all_of_them)
                for lane in range(3)
            )
        )
        for each in all_of_them:
            assert await each.shown() == loaded(each.store)
        report = await all_of_them[0].store.read(audit)
        assert report.clean, report.findings
        # Much of it was done, and they followed change by change.
        assert sum((await all_of_them[0].store.read(changes.vector)).values()) > STEPS
        assert [each.wholes for each in all_of_them] == [0, 0, 0]


async def test_a_cut_connection_is_caught_up(database: DatabaseUrl) -> None:
    async with sharers(database, 2) as (one, other):
        world = World(one.store)
        for _ in range(3):
            host = await world.provider(Inventory("VCPU", 10))
            database.server.cut(database.name)
            assert await other.shown() == loaded(other.store)
            assert other.index.row(host.rp_uuid) is not None


@pytest.mark.parametrize("total", [10, 20])
async def test_an_inventory_that_is_written_again_is_followed(
    database: DatabaseUrl, total: int
) -> None:
    async with sharers(database, 2) as (one, other):
        host = await World(one.store).provider(Inventory("VCPU", 10), Inventory("DISK_GB", 10))
        await other.shown()
        changed = [Inventory("VCPU", total)] if total != 10 else []
        await one.store.write(
            partial(
                inventories.change_amounts, rp_id=host.rp_id, changed=changed, seen_generation=0
            )
        )
        for each in (one, other):
            assert await each.shown() == loaded(each.store)


async def test_who_was_away_for_longer_than_changes_are_kept(database: DatabaseUrl) -> None:
    clock = Clock()
    async with sharers(database, 2, clock) as (one, other):
        world = World(one.store)
        hosts = [await world.provider(Inventory("VCPU", 10)) for _ in range(3)]
        await other.shown()
        # As if it was stopped: it does not even look by itself.
        other.rest()
        await one.store.write(lambda txn: providers.remove(txn, hosts[0].rp_uuid))
        clock.now += timedelta(seconds=2 * KEEP_S)
        await world.provider(Inventory("VCPU", 10))
        assert not await one.store.trim()
        kept = await one.store.read(lambda conn: conn.scalars(select(feed.c.sequence)).all())
        assert len(kept) == 1
        assert await other.shown() == loaded(other.store)
        assert other.wholes == 1
        assert other.index.row(hosts[0].rp_uuid) is None
        # Who followed all the time need not.
        assert one.wholes == 0


@pytest.mark.parametrize("commit", ["answered", "lost", "undone"])
async def test_a_writer_that_was_taken_for_dead_writes_on(
    database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, commit: str
) -> None:
    clock = Clock()
    async with sharers(database, 2, clock) as (one, other):
        await World(other.store).provider(Inventory("VCPU", 10))
        before = other.store._writer.id
        clock.now += timedelta(seconds=2 * KEEP_WRITERS_S)
        await one.store.trim()
        assert before not in await one.store.read(changes.vector)
        writer = other.store._writer
        unanswered: Unanswered | None = None
        if commit != "answered":
            # That which goes along fails: the writer is not there any more.
            unanswered = Unanswered(
                other.store, database, monkeypatch, carried_out=commit == "lost", along=False
            )
        world = World(other.store)
        world._number = count(100)
        host = await world.provider(Inventory("VCPU", 10))
        assert writer.id != before
        assert unanswered is None or unanswered.tries
        await one.store.fresh()
        assert one.index.row(host.rp_uuid) is not None


async def test_lost_commits_are_noticed(database: DatabaseUrl) -> None:
    async with sharers(database, 2) as (one, other):
        host = await World(one.store).provider(Inventory("VCPU", 10))
        await other.shown()

        def lose(txn: Txn) -> None:
            """Do what a failover to a copy that lags behind does."""
            txn.conn.execute(delete(feed))
            txn.conn.execute(update(writers).values(sequence=0))

        await other.store.write(lose)
        assert await other.shown() == loaded(other.store)
        assert other.wholes >= 1
        assert other.index.row(host.rp_uuid) is not None


async def test_alone_or_together(database: DatabaseUrl) -> None:
    async with sharers(database, 2):
        with pytest.raises(SetupError, match="in use by another process"):
            Store.open(database, clock=Ticking(), writer_id="alone")
    alone = Store.open(database, clock=Ticking(), writer_id="alone")
    try:
        with pytest.raises(SetupError, match="in use by another process"):
            Store.share(database, clock=Ticking(), new_writer_id=lambda: "beside")
    finally:
        await alone.close()


async def test_a_lost_race_is_answered_after_the_index_has_caught_up(database: DatabaseUrl) -> None:
    async with sharers(database, 2) as (one, other):
        world = World(one.store)
        host = await world.provider(Inventory("VCPU", 1))
        await other.shown()
        await one.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 1))))
        row = other.index.row(host.rp_uuid)
        assert row is not None
        with pytest.raises(Conflict):
            await other.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 1))))
        assert other.index.inventories(row)[0].used == 1


async def test_who_stands_still_in_the_midst_of_a_write_loses_his_turn(
    database: DatabaseUrl,
) -> None:
    async with sharers(database, 2) as (one, other):
        begun, others_done = threading.Event(), threading.Event()
        tries = 0

        def stand_still(txn: Txn) -> int:
            nonlocal tries
            tries += 1
            traits.create(txn, f"CUSTOM_TRY_{tries}")
            begun.set()
            if tries == 1:
                assert on_loop.elsewhere(partial(others_done.wait, 60))
            return tries

        still = asyncio.create_task(one.store.write(stand_still))
        await asyncio.to_thread(begun.wait)
        await World(other.store).provider(Inventory("VCPU", 10))
        others_done.set()
        assert await still == 2
        await other.store.fresh()
        assert "CUSTOM_TRY_2" in other.index.known_traits
        assert "CUSTOM_TRY_1" not in other.index.known_traits


async def test_usages_of_a_project_are_those_that_others_have_written(
    database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[None] = []
    ask = OpenStore.ask

    async def counted(*arguments: Any) -> Rows:
        asked.append(None)
        return await ask(*arguments)

    monkeypatch.setattr(OpenStore, "ask", counted)
    async with sharers(database, 2) as (one, other):

        async def used() -> int:
            await other.store.fresh()
            found = await usages.of_project(other.store, "project")
            return sum(amount for each in found for _, amount in each.used)

        world = World(one.store)
        host = await world.provider(Inventory("VCPU", 9))
        first, second = (world.claim((host, "VCPU", amount)) for amount in (2, 3))
        seen = [await used()]
        for op in (
            partial(claims.claim, wanted=first),
            partial(claims.claim, wanted=second),
            partial(claims.release, consumer_uuid=first.consumer.uuid),
            # Into another project.
            partial(
                claims.replace,
                consumer=msgspec.structs.replace(second.consumer, project_id="another"),
                wanted=second.allocations,
                expected_generation=1,
            ),
        ):
            await one.store.write(op)
            seen += [await used(), await used()]
        assert seen == [0, 2, 2, 5, 5, 3, 3, 0, 0]
        assert len(asked) == 5


async def test_more_changes_than_were_guessed_are_read_too(database: DatabaseUrl) -> None:
    async with sharers(database, 2) as (one, other):
        world = World(other.store)
        for number in (1, changes.GUESSED, changes.GUESSED + 1, 3 * changes.GUESSED):
            for _ in range(number):
                await world.provider(Inventory("VCPU", 10))
            # From the second look on, the other is known to be busy.
            assert await one.shown() == loaded(one.store)
        assert one.wholes == 0
