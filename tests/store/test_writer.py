"""Group commit: errors stay with their op, answers come after the picture, the feed is whole."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import methodcaller
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pysqlite3 import dbapi2
from sqlalchemy import create_engine, insert, select, text

from innkeeper.core.errors import (
    CapacityExceeded,
    Conflict,
    DuplicateName,
    SetupError,
    StoreError,
    Transient,
    Unavailable,
)
from innkeeper.core.ids import CellName
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import Picture
from innkeeper.store import changes, claims, pictures, schema, tables, tasks
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Cursor
from innkeeper.store.retry import MAX_TRIES
from innkeeper.store.store import MANY, Store
from innkeeper.store.tables import consumer_types, metadata
from innkeeper.store.touched import Touched
from innkeeper.store.trim import KEEP_WRITERS_S
from innkeeper.store.txn import Txn
from innkeeper.store.writer import MAX_BATCH
from tests.provider_pictures import listed
from tests.store.conftest import Ticking, World

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def test_an_error_undoes_its_op_alone(world: World) -> None:
    def add(name: str, *, fail: bool, txn: Txn) -> str:
        txn.conn.execute(insert(consumer_types).values(name=name))
        txn.consumer_changed(name, project_id="project")
        if fail:
            message = f"{name} fails"
            raise LookupError(message)
        return name

    outcomes = await asyncio.gather(
        *(
            world.store.write(lambda txn, n=n: add(f"T{n}", fail=n % 3 == 0, txn=txn))
            for n in range(9)
        ),
        return_exceptions=True,
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, str)] == [
        f"T{n}" for n in range(9) if n % 3
    ]
    assert sum(isinstance(outcome, LookupError) for outcome in outcomes) == 3
    names = await world.store.read(lambda conn: conn.scalars(select(consumer_types.c.name)).all())
    assert sorted(names) == [f"T{n}" for n in range(9) if n % 3]
    found = await world.store.read(lambda conn: changes.since(conn, {}))
    touched = set().union(*(change.touched.consumers for change in found))
    assert touched == set(names)


async def test_a_key_of_the_schema_refuses_as_a_conflict(world: World) -> None:
    def add(txn: Txn) -> None:
        txn.conn.execute(insert(consumer_types).values(name="SAME"))

    await world.store.write(add)
    with pytest.raises(Conflict):
        await world.store.write(add)


async def test_the_bare_cursor_is_refused_in_the_same_way(world: World) -> None:
    def add(txn: Txn) -> None:
        tasks.add(txn, "build", "same", cell=CellName("a"))

    await world.store.write(add)
    with pytest.raises(DuplicateName):
        await world.store.write(add)


async def test_a_name_that_an_op_made_is_gone_with_the_op(world: World) -> None:
    def add(txn: Txn, *, fail: bool) -> int:
        made = claims.consumer_type_id(txn, "MADE")
        if fail:
            message = "fails"
            raise LookupError(message)
        return made

    outcomes = await asyncio.gather(
        *(world.store.write(partial(add, fail=fail)) for fail in (True, False, True, False)),
        return_exceptions=True,
    )
    ids = {outcome for outcome in outcomes if isinstance(outcome, int)}
    assert len(ids) == 1
    query = select(consumer_types.c.id).where(consumer_types.c.name == "MADE")
    assert set(await world.store.read(lambda conn: conn.scalars(query).all())) == ids


async def test_a_statement_that_nobody_asks_of_fails_its_op_alone(world: World) -> None:
    def add(key: str, txn: Txn) -> None:
        tasks.add(txn, "build", key, cell=CellName("a"))

    outcomes = await asyncio.gather(
        *(world.store.write(partial(add, key)) for key in ("one", "same", "same", "other")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [DuplicateName]
    found = await world.store.read(lambda conn: set(conn.scalars(select(tables.tasks.c.key))))
    assert found == {"one", "same", "other"}


@ON_SQLITE
async def test_a_busy_database_is_tried_again(world: World) -> None:
    tries = 0

    def op(txn: Txn) -> int:
        nonlocal tries
        tries += 1
        if tries < MAX_TRIES:
            busy = dbapi2.OperationalError("database is locked")
            busy.sqlite_errorname = "SQLITE_BUSY"
            raise busy
        txn.consumer_changed("x", project_id="project")
        return tries

    assert await world.store.write(op) == MAX_TRIES
    tries = -1
    with pytest.raises(Transient):
        await world.store.write(op)


@ON_SQLITE
async def test_a_commit_that_fails_fails_all_of_it_and_no_more(world: World) -> None:
    def add(name: str, txn: Txn) -> None:
        txn.conn.execute(insert(consumer_types).values(name=name))
        txn.consumer_changed(name, project_id="project")

    def dangle(txn: Txn) -> None:
        add("B", txn)
        # What this breaks is found by the COMMIT only.
        txn.conn.execute(text("PRAGMA defer_foreign_keys=ON"))
        txn.conn.execute(text("INSERT INTO provider_traits (rp_id, trait_id) VALUES (99, 1)"))

    outcomes = await asyncio.gather(
        world.store.write(partial(add, "A")), world.store.write(dangle), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Conflict, Conflict]
    before = len(world.pictures)
    await world.store.write(partial(add, "C"))
    assert len(world.pictures) == before + 1
    names = await world.store.read(lambda conn: conn.scalars(select(consumer_types.c.name)).all())
    assert list(names) == ["C"]


async def test_settle_comes_before_the_picture_and_that_before_the_answer(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 1))
    seen: list[str] = []

    async def one(name: str) -> None:
        claim = world.claim((host, "VCPU", 1))
        before = len(world.pictures)

        def settle() -> None:
            assert len(world.pictures) == before
            seen.append(f"settle {name}")

        try:
            await world.store.write(partial(claims.claim, wanted=claim), settle=settle)
        except CapacityExceeded:
            seen.append(f"lost {name}")
        else:
            assert dict(world.pictures[-1].usages[0].used) == {"VCPU": 1}
            seen.append(f"won {name}")

    await asyncio.gather(one("a"), one("b"))
    assert seen == ["settle a", "settle b", "won a", "lost b"]


async def test_who_has_written_is_answered_whatever_the_index_makes_of_it(world: World) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: reported.append(context["exception"])
    )
    defect = OverflowError("a defect of the index")
    broken = True

    def take(picture: Picture) -> None:
        if broken:
            raise defect
        world.pictures.append(picture)

    world.store._on_picture = take
    writes = (world.store.write(lambda txn: txn.now) for _ in range(MAX_BATCH + 1))
    async with asyncio.timeout(30):
        await asyncio.gather(*writes)
    assert reported == [defect, defect]
    # What it shows may be wrong now: who relies on it is refused until it has taken all anew.
    with pytest.raises(OverflowError):
        await world.store.fresh()
    broken = False
    await world.store.fresh()
    assert [picture.whole for picture in world.pictures] == [True]
    await world.store.fresh()
    assert len(world.pictures) == 1


async def test_a_server_is_at_work_while_many_are_answered(world: World) -> None:
    remote = world.store._remote is not None
    sizes: list[int] = []
    waiting: list[int] = []
    world.store.measure(lambda _outcome, ops, _seconds: sizes.append(ops))
    all_wait = threading.Event()

    def first(txn: Txn) -> None:
        txn.consumer_changed("first", project_id="project")
        assert not remote or all_wait.wait(30)

    def settle() -> None:
        waiting.append(world.store.waiting)

    answers = [asyncio.ensure_future(world.store.write(first, settle=settle))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for _ in range(2 * MANY):
        op = methodcaller("consumer_changed", "other", project_id="project")
        answers.append(asyncio.ensure_future(world.store.write(op)))
    await asyncio.sleep(0)
    all_wait.set()
    await asyncio.gather(*answers)
    assert sizes == ([1, MANY + 1, MANY - 1] if remote else [1, 2 * MANY])
    assert waiting == [MANY - 1 if remote else 2 * MANY]


async def test_who_comes_when_too_many_wait_is_refused_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("innkeeper.store.store.MAX_WAITING", 2)
    settled: list[int] = []
    outcomes = await asyncio.gather(
        *(
            world.store.write(lambda _txn, n=n: n, settle=partial(settled.append, n))
            for n in range(4)
        ),
        return_exceptions=True,
    )
    assert outcomes[:2] == [0, 1]
    assert [type(outcome) for outcome in outcomes[2:]] == [Unavailable, Unavailable]
    assert sorted(settled) == [0, 1, 2, 3]
    assert await world.store.write(lambda _txn: 4) == 4


async def test_the_feed_gives_each_change_once_and_catches_up(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 100))
    start = await world.store.read(changes.vector)
    for _ in range(5):
        await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 1))))
    found = await world.store.read(lambda conn: changes.since(conn, start))
    first = start["writer-1"]
    assert [change.sequence for change in found] == [first + n for n in range(1, 6)]
    assert await world.store.read(lambda conn: changes.since(conn, start, limit=2)) == found[:2]
    everything = Touched()
    for change in found:
        everything.merge(change.touched)
    usages = world.pictures[-1].usages
    picture = await world.store.write(lambda txn: pictures.asked(txn.conn, everything)())
    assert picture.usages == usages
    end = await world.store.read(changes.vector)
    assert await world.store.read(lambda conn: changes.since(conn, end)) == []


async def test_nothing_is_written_that_touches_nothing(world: World) -> None:
    before = await world.store.read(changes.vector)
    await world.store.write(lambda txn: txn.now)
    assert await world.store.read(changes.vector) == before


async def test_what_was_answered_is_there_after_reopening(database: str) -> None:
    store = Store.open(database, clock=Ticking(), writer_id="writer-1")
    world = World(store)
    store.start(world.pictures.append)
    host = await world.provider(Inventory("VCPU", 4))
    await store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 3))))
    await store.close()
    with pytest.raises(Unavailable):
        await store.write(lambda txn: txn.now)
    again = Store.open(database, clock=Ticking(), writer_id="writer-1")
    (provider,) = listed(again.load().providers)
    assert provider.inventories[0].used == 3
    await again.close()


def test_a_second_process_is_refused(database: str, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.open(database, clock=Ticking(), writer_id="one")
    with pytest.raises(SetupError, match=r"in use by another process \(.*\d+\)"):
        Store.open(database, clock=Ticking(), writer_id="two")
    # What is refused is told once, and not logged by the driver's pool as well.
    assert not caplog.records
    asyncio.run(store.close())
    asyncio.run(Store.open(database, clock=Ticking(), writer_id="two").close())


def test_an_open_that_fails_lets_go_of_the_database(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_all: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("innkeeper.store.store.sync_standard_names", fail)
        with pytest.raises(ZeroDivisionError):
            Store.open(database, clock=Ticking(), writer_id="one")
    asyncio.run(Store.open(database, clock=Ticking(), writer_id="one").close())


def test_a_newer_schema_is_refused_and_left_alone(new_database: str) -> None:
    asyncio.run(Store.open(new_database, clock=Ticking(), writer_id="one").close())
    engine = create_engine(new_database)
    with engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="newer than this Innkeeper"):
        Store.open(new_database, clock=Ticking(), writer_id="one")
    with engine.begin() as conn:
        assert conn.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    engine.dispose()


@pytest.mark.parametrize("url", ["oracle://localhost/x", "mariadb://localhost", "sqlite://", "no"])
def test_a_database_that_cannot_be_used(url: str) -> None:
    with pytest.raises(SetupError, match="sqlite:///data"):
        Store.open(url, clock=Ticking(), writer_id="one")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("This is not a database, though it is long enough for its header to be read.")
    with pytest.raises(SetupError, match="Cannot open the database"):
        Store.open(f"sqlite:///{path}", clock=Ticking(), writer_id="one")


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="data directory"):
        Store.open(f"sqlite:///{tmp_path}/file/x.db", clock=Ticking(), writer_id="one")


def test_migrations_make_what_the_tables_say(new_database: str) -> None:
    asyncio.run(Store.open(new_database, clock=Ticking(), writer_id="one").close())
    # As the store names the dialect, which decides between variants of a type.
    engine = create_engine(new_database.replace("mysql+", "mariadb+"))
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        newest = ScriptDirectory.from_config(schema._config(conn)).get_current_head()
    engine.dispose()
    assert newest == schema.NEWEST


async def test_old_changes_are_trimmed_and_the_rest_goes_on(database: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    store = Store.open(database, clock=lambda: now, writer_id="writer-1")
    world = World(store)
    store.start(world.pictures.append)
    for _ in range(3):
        await world.provider(Inventory("VCPU", 1))
    now += timedelta(seconds=KEEP_WRITERS_S + 1)
    assert not await store.trim()
    assert await store.read(lambda conn: changes.since(conn, {})) == []
    # Its numbers go on, however long it was idle.
    await world.provider(Inventory("VCPU", 1))
    (change,) = await store.read(lambda conn: changes.since(conn, {}))
    assert change.sequence == 4
    await store.close()


async def test_what_was_rolled_back_leaves_no_cursor_that_spoils_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's driver frees statements at a rollback, and the cursors free them again."""
    store = Store.open(f"sqlite:///{tmp_path}/i.db", clock=Ticking(), writer_id="writer-1")
    world = World(store)
    store.start(world.pictures.append)
    left: list[object] = []

    def query(txn: Txn) -> Cursor:
        cursor = cursor_of(txn.conn)
        cursor.execute("SELECT id FROM traits ORDER BY id")
        return cursor

    def no_picture(*_: object) -> None:
        raise StoreError("No picture can be had.")

    def read(txn: Txn) -> list[object]:
        cursor = query(txn)
        first = cursor.fetchone()
        left.clear()
        return [first, *cursor.fetchall()]

    try:
        whole = await store.write(read)
        assert len(whole) > 100
        with monkeypatch.context() as broken:
            broken.setattr(store._writer, "_picture", no_picture)
            with pytest.raises(StoreError):
                await store.write(lambda txn: left.append(query(txn)))
        assert left
        assert await store.write(read) == whole
    finally:
        await store.close()
