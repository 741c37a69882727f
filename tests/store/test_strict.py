"""Strict statements: one trip to the server, and each is told what he would be after many."""

import asyncio
import contextlib
import os
import signal
import socket
from typing import Any, Final

import msgspec
import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import create_engine, make_url, select, text

from innkeeper.core.errors import CapacityExceeded, ConcurrentUpdate, NotFound
from innkeeper.core.ids import CellName
from innkeeper.core.inventory import Inventory
from innkeeper.store import inventories, tasks
from innkeeper.store.claims import ConsumerWrite, Replacement
from innkeeper.store.dialects import over_socket
from innkeeper.store.dialects.libpq_pipeline import LibpqPipeline
from innkeeper.store.store import Store
from innkeeper.store.tables import tasks as table
from innkeeper.store.txn import Txn
from tests.servers.server import DatabaseUrl
from tests.store.conftest import Ticking, World
from tests.store.databases import empty
from tests.store.trips import trips

NAMED: Final = {"application_name": "a name of the operator's"}
WAITING: Final = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def replacement(world: World, amount: int, host: Any) -> Replacement:
    wanted = world.claim((host, "VCPU", amount))
    return Replacement((ConsumerWrite(wanted.consumer, wanted.allocations, None),))


def connection_of(txn: Txn) -> tuple[int, int]:
    """Give the server's process of the writer's connection, and our file number."""
    driver = txn.conn.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.info.backend_pid, driver.fileno()


def shut(number: int) -> None:
    """Break the connection of a file number, as the network would."""
    with socket.socket(fileno=os.dup(number)) as ours:
        ours.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_batch_waits_once_for_all_of_it_and_its_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await world.provider(Inventory("VCPU", 9))
    # Names of classes are read once.
    await world.store.write(replacement(world, 1, host))
    made = trips(monkeypatch)
    for generation, op in enumerate(
        (
            replacement(world, 1, host),
            lambda txn: inventories.change_amounts(txn, host.rp_id, (), seen_generation=2),
            lambda txn: inventories.change_amounts(
                txn, host.rp_id, [Inventory("VCPU", 8)], seen_generation=3
            ),
        ),
        2,
    ):
        made.clear()
        await world.store.write(op)
        assert made == [("write", TransactionStatus.IDLE)]
        last = world.pictures[-1]
        assert [each.generation for each in (*last.usages, *last.stocks)] == [generation]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_refusals_in_a_batch_cost_one_trip_more_and_nothing_is_run_in_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await world.provider(Inventory("VCPU", 9))
    await world.store.write(replacement(world, 1, host))
    failed, asked = ("write", TransactionStatus.INERROR), ("write", TransactionStatus.INTRANS)
    done = ("write", TransactionStatus.IDLE)
    made = trips(monkeypatch)
    # Tried in vain; then one question tells who is to be refused, and then in any batch.
    for room, expected in ((8, [failed, asked, done]), (0, [asked]), (0, [asked])):
        made.clear()
        wanted = [world.store.write(replacement(world, 1, host)) for _ in range(12)]
        outcomes = await asyncio.gather(*wanted, return_exceptions=True)
        assert [type(each) for each in outcomes] == [
            *[type(None)] * room,
            *[CapacityExceeded] * (12 - room),
        ]
        assert made == expected


async def test_what_fails_later_does_not_hide_what_failed_first(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 2))

    def op(txn: Txn) -> None:
        replacement(world, 3, host)(txn)
        raise NotFound("what comes later")

    with pytest.raises(CapacityExceeded, match=r"3 is asked for, 0 of 2 are used\."):
        await world.store.write(op)


async def test_an_op_that_fails_by_itself_is_told_so_after_what_was_done(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 2))

    def op(txn: Txn) -> None:
        replacement(world, 2, host)(txn)
        raise NotFound("what comes later")

    with pytest.raises(NotFound, match="what comes later"):
        await world.store.write(op)
    await world.store.write(replacement(world, 2, host))


async def test_a_consumer_that_is_there_is_said_to_be(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 9))
    first = replacement(world, 2, host)
    await world.store.write(first)
    before = world.store.load()
    with pytest.raises(ConcurrentUpdate, match=r"expected 1 but got None \(consumer "):
        await world.store.write(first)
    (write,) = first.writes
    stale = msgspec.structs.replace(write, expected_generation=7)
    with pytest.raises(ConcurrentUpdate, match="expected 1 but got 7"):
        await world.store.write(Replacement((stale,)))
    assert world.store.load() == before


async def test_a_generation_that_is_old_changes_nothing(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 9))
    await world.store.write(replacement(world, 2, host))
    before = world.store.load()
    for changed in ((), [Inventory("VCPU", 5)]):
        with pytest.raises(ConcurrentUpdate, match="resource provider generation conflict"):
            await world.store.write(
                lambda txn, changed=changed: inventories.change_amounts(
                    txn, host.rp_id, changed, seen_generation=0
                )
            )
    assert world.store.load() == before


async def test_what_leaves_no_record_is_there_once_it_is_answered(world: World) -> None:
    for key in ("one", "other"):
        await world.store.write(
            lambda txn, key=key: tasks.add(txn, "build", key, cell=CellName("a"))
        )
        there = await world.store.read(lambda conn: set(conn.scalars(select(table.c.key))))
        assert key in there


async def test_a_refusal_alone_commits_nothing(world: World) -> None:
    outcomes: list[str] = []
    world.store.measure(lambda outcome, _ops, _seconds: outcomes.append(outcome))
    host = await world.provider(Inventory("VCPU", 2))
    for amount in (3, 2, 1):
        with contextlib.suppress(CapacityExceeded):
            await world.store.write(replacement(world, amount, host))
    # On an embedded database a commit of nothing costs nothing.
    server = world.store._remote is not None
    refused = "refused" if server else "committed"
    assert outcomes == ["committed", refused, "committed", refused]


@pytest.mark.slow
@pytest.mark.parametrize(("shared", "query"), [(False, {}), (True, {}), (True, NAMED)])
async def test_what_is_under_way_on_a_lost_connection_is_not_done_twice(
    postgresql_store: DatabaseUrl,
    monkeypatch: pytest.MonkeyPatch,
    *,
    shared: bool,
    query: dict[str, str],
) -> None:
    """The server has all of a transaction, COMMIT too, and waits for a row when we are cut off."""
    sockets: list[int] = []
    commit = LibpqPipeline.commit

    def known(self: LibpqPipeline) -> None:
        sockets.append(self._pgconn.socket)
        commit(self)

    monkeypatch.setattr(LibpqPipeline, "commit", known)
    empty(postgresql_store)
    store = Store.open(postgresql_store, clock=Ticking(), writer_id="writer-1")
    if shared:
        await store.close()
        url = make_url(postgresql_store).update_query_dict(query)
        shown = url.render_as_string(hide_password=False)
        store = Store.share(shown, clock=Ticking(), new_writer_id=lambda: "writer-1")
    world = World(store)
    store.start(world.pictures.append)
    in_the_way = create_engine(postgresql_store)
    try:
        host = await world.provider(Inventory("VCPU", 9))
        await store.write(replacement(world, 1, host))
        with in_the_way.begin() as conn:
            conn.execute(text("SELECT 1 FROM inventories FOR UPDATE"))
            writing = asyncio.create_task(store.write(replacement(world, 2, host)))
            while not conn.scalar(text(WAITING)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            shut(sockets[-1])
            # Long enough to come back, to look, and to send it again.
            await asyncio.sleep(0.3)
            assert not writing.done()
        await writing
        await store.write(replacement(world, 3, host))
        with in_the_way.begin() as conn:
            assert conn.scalar(text("SELECT used FROM inventories")) == 6
            assert conn.scalar(text("SELECT sum(used) FROM allocations")) == 6
            assert conn.scalar(text("SELECT generation FROM resource_providers")) == 3
    finally:
        in_the_way.dispose()
        await store.close()


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
async def test_a_lost_connection_that_does_not_end_soon_is_waited_for(
    postgresql_store: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, *, shared: bool
) -> None:
    monkeypatch.setattr(over_socket, "LOCK_PATIENCE_S", 0.1)
    empty(postgresql_store)
    store = Store.open(postgresql_store, clock=Ticking(), writer_id="writer-1")
    if shared:
        await store.close()
        store = Store.share(postgresql_store, clock=Ticking(), new_writer_id=lambda: "writer-1")
    world = World(store)
    store.start(world.pictures.append)
    try:
        host = await world.provider(Inventory("VCPU", 9))
        session, number = await store.write(connection_of)
        os.kill(session, signal.SIGSTOP)
        try:
            shut(number)
            writing = asyncio.create_task(store.write(replacement(world, 1, host)))
            await asyncio.sleep(0.5)
            assert not writing.done()
        finally:
            os.kill(session, signal.SIGCONT)
        await writing
    finally:
        await store.close()


@pytest.mark.slow
async def test_transactions_may_outnumber_32_bits(postgresql_store: DatabaseUrl) -> None:
    empty(postgresql_store)
    store = Store.open(postgresql_store, clock=Ticking(), writer_id="writer-1")
    store.start(lambda _: None)
    await store.close()
    engine = create_engine(postgresql_store)
    with engine.begin() as conn:
        conn.execute(text("UPDATE writers SET sequence = 2147483646 WHERE id = 'writer-1'"))
    engine.dispose()
    store = Store.open(postgresql_store, clock=Ticking(), writer_id="writer-1")
    world = World(store)
    store.start(world.pictures.append)
    try:
        host = await world.provider(Inventory("VCPU", 9))
        for _ in range(3):
            await store.write(replacement(world, 1, host))
    finally:
        await store.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_what_is_written_again_is_not_planned_again(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 8))
    for _ in range(8):
        await world.store.write(replacement(world, 1, host))
    planned = text(
        "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements"
        " WHERE statement LIKE '%allocations%'"
    )
    assert await world.store.write(lambda txn: tuple(txn.conn.execute(planned).one())) == (8, 0)
