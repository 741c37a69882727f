"""Behind a socket: whatever breaks, nothing answered is lost and nothing is done twice."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from random import Random
from typing import Any, Final

import psycopg
import pymysql
import pytest
from sqlalchemy import create_engine, func, insert, select, text

from innkeeper.config import StoreSettings
from innkeeper.core.errors import (
    AmbiguousCommit,
    Conflict,
    ConnectionLost,
    DuplicateName,
    StoreTaken,
    Transient,
)
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import Picture
from innkeeper.index.index import Index
from innkeeper.store import claims, pictures, usages
from innkeeper.store import inventories as stored
from innkeeper.store.audit import audit
from innkeeper.store.retry import MAX_TRIES
from innkeeper.store.store import Store
from innkeeper.store.tables import consumer_types, consumers, inventories
from innkeeper.store.txn import Txn
from tests.servers.server import DatabaseUrl
from tests.store.conftest import Ticking, World
from tests.store.sharing import everything, loaded
from tests.store.unanswered import Unanswered, give_up_looking

REMOTE: Final = ("postgresql", "mariadb")
SEED: Final = 20261121
CALLERS: Final = 8
CLAIMS: Final = 30
"""Of each caller."""
PATIENCE: Final = StoreSettings(reconnect_s=60.0)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("database", REMOTE, indirect=True),
]


@pytest.fixture
async def world(database: DatabaseUrl) -> AsyncIterator[World]:
    store = Store.open(database, clock=Ticking(), writer_id="writer-1", settings=PATIENCE)
    world = World(store)
    store.start(world.pictures.append)
    yield world
    await store.close()


def add_type(name: str, txn: Txn) -> str:
    txn.conn.execute(insert(consumer_types).values(name=name))
    txn.consumer_changed(name, project_id="project")
    return name


async def count(world: World, name: str) -> int:
    query = select(func.count()).where(consumer_types.c.name == name)
    return await world.store.read(lambda conn: conn.scalar(query)) or 0


def kill(url: DatabaseUrl, _random: Random) -> None:
    url.server.kill()
    url.server.start()


def cut(url: DatabaseUrl, _random: Random) -> None:
    url.server.cut(url.name)


@pytest.mark.parametrize(("fault", "times"), [(kill, 3), (cut, 12)])
async def test_a_history_with_faults(
    world: World,
    database: DatabaseUrl,
    fault: Callable[[DatabaseUrl, Random], None],
    times: int,
) -> None:
    """Claim and release from many sides, while the server dies or its connections break."""
    index = Index()
    index.apply(world.store.load())
    world.store._on_picture = index.apply
    hosts = [await world.provider(Inventory("VCPU", 10_000)) for _ in range(3)]
    done, over = threading.Semaphore(0), threading.Event()
    held: set[str] = set()

    async def call(number: int) -> None:
        random = Random(SEED + number)
        for _ in range(CLAIMS):
            wanted = world.claim(*((host, "VCPU", 1) for host in hosts))
            await world.store.write(partial(claims.claim, wanted=wanted))
            held.add(wanted.consumer.uuid)
            if random.random() < 0.5:
                gone = held.pop()
                assert await world.store.write(lambda txn, gone=gone: claims.release(txn, gone))
            done.release()

    def break_things() -> None:
        random = Random(SEED)
        for _ in range(times):
            for _ in range(random.randint(1, CALLERS * CLAIMS // times - 1)):
                done.acquire()
            if over.is_set():
                return
            fault(database, random)

    breaking = asyncio.create_task(asyncio.to_thread(break_things))
    try:
        await asyncio.gather(*(call(number) for number in range(CALLERS)))
    finally:
        over.set()
        done.release(CALLERS * CLAIMS)
        await breaking
    there = await world.store.read(lambda conn: set(conn.scalars(select(consumers.c.uuid))))
    assert there == held
    used = await world.store.read(lambda conn: set(conn.scalars(select(inventories.c.used))))
    assert used == {len(held)}
    report = await world.store.read(audit)
    assert report.clean, report.findings
    fresh = Index()
    fresh.apply(world.store.load())
    assert stocks(index) == stocks(fresh)


def stocks(index: Index) -> list[object]:
    return [(index.provider(row), index.inventories(row)) for row in index.rows()]


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_commit_that_nobody_answers_is_looked_up(
    world: World,
    database: DatabaseUrl,
    monkeypatch: pytest.MonkeyPatch,
    *,
    carried_out: bool,
) -> None:
    Unanswered(world.store, database, monkeypatch, carried_out=carried_out)
    runs: list[str] = []

    def op(txn: Txn) -> str:
        runs.append("run")
        return add_type("A", txn)

    assert await world.store.write(op) == "A"
    assert len(runs) == (1 if carried_out else 2)
    assert await count(world, "A") == 1
    assert await world.store.write(partial(add_type, "B")) == "B"


async def test_a_commit_without_a_record_is_not_guessed_at(
    world: World, database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    Unanswered(world.store, database, monkeypatch, carried_out=True)
    with pytest.raises(AmbiguousCommit):
        await world.store.write(
            lambda txn: txn.conn.execute(insert(consumer_types).values(name="A"))
        )
    assert await count(world, "A") == 1


async def test_of_a_commit_that_is_not_known_of_no_older_usages_are_kept(
    world: World, database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await world.provider(Inventory("VCPU", 9))

    async def used() -> int:
        found = await usages.of_project(world.store, "project")
        return sum(amount for each in found for _, amount in each.used)

    assert await used() == 0
    Unanswered(world.store, database, monkeypatch, carried_out=True)
    give_up_looking(world.store, monkeypatch)
    with pytest.raises(AmbiguousCommit):
        await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 2))))
    assert await used() == 2


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_commit_of_which_nobody_could_be_told_is_looked_up_by_the_next_write(
    world: World,
    database: DatabaseUrl,
    monkeypatch: pytest.MonkeyPatch,
    *,
    carried_out: bool,
) -> None:
    host = await world.provider(Inventory("VCPU", 9))
    Unanswered(world.store, database, monkeypatch, carried_out=carried_out)
    give_up_looking(world.store, monkeypatch)
    with pytest.raises(AmbiguousCommit):
        await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 2))))
    for name in ("A", "B"):
        assert await world.store.write(partial(add_type, name)) == name
    index, fresh = Index(), Index()
    for picture in world.pictures:
        index.apply(picture)
    fresh.apply(world.store.load())
    assert stocks(index) == stocks(fresh)
    row = index.row(host.rp_uuid)
    assert row is not None
    assert index.inventories(row)[0].used == (2 if carried_out else 0)


async def test_amounts_of_a_commit_of_which_nobody_could_be_told_are_read_back_by_the_next(
    world: World, database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await world.provider(Inventory("VCPU", 9), Inventory("DISK_GB", 9))
    change = partial(stored.change_amounts, rp_id=host.rp_id)
    index = Index()
    index.apply(world.store.load())
    Unanswered(world.store, database, monkeypatch, carried_out=True)
    give_up_looking(world.store, monkeypatch)
    with pytest.raises(AmbiguousCommit):
        await world.store.write(partial(change, changed=[Inventory("VCPU", 5)], seen_generation=0))
    await world.store.write(partial(change, changed=[Inventory("DISK_GB", 4)], seen_generation=1))
    for picture in world.pictures:
        index.apply(picture)
    assert everything(index) == loaded(world.store)


async def test_what_breaks_after_commit_was_sent_leaves_it_in_doubt(
    world: World, database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await world.provider(Inventory("VCPU", 9))
    ask = pictures.asked

    def broken(*given: Any) -> Callable[[], Picture]:
        monkeypatch.undo()
        answer = ask(*given)

        def answered() -> Picture:
            answer()
            raise RuntimeError("a defect")

        return answered

    monkeypatch.setattr(pictures, "asked", broken)
    with pytest.raises(RuntimeError):
        await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 2))))
    await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 3))))
    index = Index()
    for picture in world.pictures:
        index.apply(picture)
    row = index.row(host.rp_uuid)
    assert row is not None
    # Where COMMIT goes along, it was carried out by then.
    expected = 5 if database.startswith("postgresql") else 3
    assert index.inventories(row)[0].used == expected
    assert await world.store.read(lambda conn: conn.scalar(select(inventories.c.used))) == expected


async def test_another_process_that_took_over_is_noticed(
    world: World, database: DatabaseUrl
) -> None:
    await world.store.write(partial(add_type, "A"))
    database.server.cut(database.name)
    other = Store.open(database, clock=Ticking(), writer_id="writer-1")
    other.start(lambda _picture: None)
    with pytest.raises(StoreTaken, match="in use by another process"):
        await world.store.write(partial(add_type, "B"))
    await other.write(partial(add_type, "C"))
    await other.close()
    for _ in range(2):
        with pytest.raises(StoreTaken, match="start it again"):
            await world.store.write(partial(add_type, "B"))
    assert await count(world, "B") == 0
    assert await count(world, "C") == 1


async def test_reads_go_on_after_their_connections_were_cut(
    world: World, database: DatabaseUrl
) -> None:
    await world.store.write(partial(add_type, "A"))
    assert await count(world, "A") == 1
    database.server.cut(database.name)
    assert await asyncio.gather(*(count(world, "A") for _ in range(8))) == [1] * 8


async def test_a_server_that_stays_away_is_given_up(database: DatabaseUrl) -> None:
    impatient = StoreSettings(reconnect_s=0.2)
    store = Store.open(database, clock=Ticking(), writer_id="w", settings=impatient)
    store.start(lambda _picture: None)
    database.server.kill()
    for act in (store.write(partial(add_type, "A")), store.read(audit)):
        with pytest.raises(ConnectionLost):
            await act
    database.server.start()
    assert await store.write(partial(add_type, "A")) == "A"
    await store.close()


DEADLOCKS: Final[dict[str, Callable[[], Exception]]] = {
    "postgresql": psycopg.errors.DeadlockDetected,
    "mariadb": lambda: pymysql.err.OperationalError(1213, "Deadlock found"),
}


async def test_a_deadlock_is_tried_again_a_bounded_number_of_times(
    world: World, database: DatabaseUrl
) -> None:
    deadlock = DEADLOCKS["postgresql" if "postgresql" in database else "mariadb"]
    tries: list[str] = []

    def op(name: str, enough: int, txn: Txn) -> str:
        tries.append(name)
        add_type(name, txn)
        if tries.count(name) < enough:
            raise deadlock()
        return name

    assert await world.store.write(partial(op, "A", MAX_TRIES)) == "A"
    assert await count(world, "A") == 1
    with pytest.raises(Transient):
        await world.store.write(partial(op, "B", MAX_TRIES + 1))
    assert tries == ["A"] * MAX_TRIES + ["B"] * MAX_TRIES
    assert await count(world, "B") == 0


async def test_a_name_that_another_took_meanwhile_is_a_duplicate(
    world: World, database: DatabaseUrl
) -> None:
    other = create_engine(database)

    def op(txn: Txn) -> str:
        with other.begin() as conn:
            conn.execute(text("INSERT INTO consumer_types (name) VALUES ('A')"))
        return add_type("A", txn)

    outcomes: list[Any] = await asyncio.gather(
        world.store.write(partial(add_type, "B")),
        world.store.write(op),
        world.store.write(partial(add_type, "C")),
        return_exceptions=True,
    )
    other.dispose()
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == ["B", DuplicateName, "C"]
    assert await count(world, "A") == 1


async def test_what_a_commit_refuses_fails_its_batch_alone(
    world: World, database: DatabaseUrl
) -> None:
    if "postgresql" not in database:
        return  # MariaDB puts no check off to the COMMIT.

    def dangle(txn: Txn) -> None:
        add_type("A", txn)
        for statement in (
            "ALTER TABLE provider_traits ALTER CONSTRAINT provider_traits_rp_id_fkey DEFERRABLE",
            "SET CONSTRAINTS ALL DEFERRED",
            "INSERT INTO provider_traits SELECT 99, min(id) FROM traits",
        ):
            txn.conn.execute(text(statement))

    with pytest.raises(Conflict):
        await world.store.write(dangle)
    assert await world.store.write(partial(add_type, "B")) == "B"
    assert await count(world, "A") == 0
