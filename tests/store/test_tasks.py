"""Leases: a task is with one conductor at a time, and never lost."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from innkeeper.core.build import Leftover
from innkeeper.core.errors import StoreError
from innkeeper.core.ids import CellName, HostName, InstanceUuid
from innkeeper.core.task import Task
from innkeeper.store import tasks
from innkeeper.store.store import Store

A, B = CellName("a"), CellName("b")
LEASE = timedelta(seconds=15)


class Clock:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, delta: timedelta) -> None:
        self.now += delta


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(database: str, clock: Clock) -> AsyncIterator[Store]:
    store = Store.open(database, clock=clock, writer_id="w")
    store.start(lambda _picture: None)
    yield store
    await store.close()


async def add(store: Store, *keys: str, cell: CellName = A) -> None:
    for key in keys:
        await store.write(lambda txn, key=key: tasks.add(txn, "build", key, cell=cell))


async def take(store: Store, owner: str, limit: int = 10, cell: CellName = A) -> list[Task]:
    return await store.write(
        lambda txn: tasks.take(txn, cell, owner=owner, limit=limit, lease=LEASE)
    )


def keys(taken: list[Task]) -> list[str]:
    return [task.key for task in taken]


async def test_a_task_is_taken_once(store: Store) -> None:
    await add(store, "1", "2", "3")
    assert keys(await take(store, "x", limit=2)) == ["1", "2"]
    assert keys(await take(store, "y")) == ["3"]
    assert keys(await take(store, "x")) == []


async def test_a_task_is_of_one_cell(store: Store) -> None:
    await add(store, "1")
    await add(store, "2", cell=B)
    assert keys(await take(store, "x", cell=B)) == ["2"]
    assert await store.read(tasks.waiting) == {A: 1, B: 1}


async def test_the_task_of_a_dead_conductor_is_taken_over(store: Store, clock: Clock) -> None:
    await add(store, "1")
    await take(store, "x")
    clock.go_on(LEASE - timedelta(microseconds=1))
    assert await take(store, "y") == []
    clock.go_on(timedelta(microseconds=1))
    (task,) = await take(store, "y")
    assert (task.lease_owner, task.lease_expires_at) == ("y", clock.now + LEASE)


async def test_a_lease_lasts_as_long_as_it_is_renewed(store: Store, clock: Clock) -> None:
    await add(store, "1", "2")
    (first, _) = await take(store, "x")
    clock.go_on(LEASE / 2)
    for owner in ("x", "y"):
        await store.write(lambda txn, o=owner: tasks.renew(txn, [first.id], owner=o, lease=LEASE))
    clock.go_on(LEASE / 2)
    assert keys(await take(store, "y")) == ["2"]
    clock.go_on(LEASE / 2)
    assert keys(await take(store, "y")) == ["1"]


async def test_who_lost_the_lease_cannot_put_the_task_off(store: Store, clock: Clock) -> None:
    await add(store, "1")
    (old,) = await take(store, "x")
    clock.go_on(LEASE)
    (new,) = await take(store, "y")
    await store.write(lambda txn: tasks.postpone(txn, old, run_at=txn.now))
    assert await take(store, "x") == []
    await store.write(lambda txn: tasks.postpone(txn, new, run_at=txn.now + LEASE / 3))
    assert await take(store, "x") == []
    clock.go_on(LEASE / 3)
    (again,) = await take(store, "x")
    assert again.attempt == 1


async def test_a_conductor_that_starts_again_gets_its_own_at_once(store: Store) -> None:
    await add(store, "1", "2")
    await take(store, "x", limit=1)
    await take(store, "y", limit=1)
    assert await store.write(lambda txn: tasks.forsake(txn, A, owner="x")) == 1
    assert keys(await take(store, "x")) == ["1"]


async def test_a_task_that_is_done_is_gone(store: Store) -> None:
    await add(store, "1")
    assert await store.write(lambda txn: tasks.drop(txn, "build", "1"))
    assert not await store.write(lambda txn: tasks.drop(txn, "build", "1"))
    assert await store.read(tasks.waiting) == {}


async def test_a_destroy_task_knows_its_guest(store: Store) -> None:
    leftover = Leftover(HostName("h"), 2)
    await store.write(lambda txn: tasks.add_destroy(txn, InstanceUuid("i"), leftover, cell=A))
    (task,) = await take(store, "x")
    assert tasks.leftover_of(task) == tasks.LeftoverGuest(InstanceUuid("i"), leftover)
    await add(store, "1")
    (other,) = await take(store, "x")
    with pytest.raises(StoreError):
        tasks.leftover_of(other)
