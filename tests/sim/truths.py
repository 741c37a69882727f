"""What must be true of a cloud that has come to rest, whatever happened before."""

from collections import Counter

from sqlalchemy import func, select

from innkeeper.core.instance import Instance
from innkeeper.core.instance_filter import InstanceFilter
from innkeeper.index.index import Index
from innkeeper.store import pictures, tasks
from innkeeper.store.audit import audit
from innkeeper.store.tables import allocations, consumers, inventories
from tests.sim.world import World


async def assert_at_rest(world: World) -> None:
    assert await world.store.read(tasks.waiting) == {}
    assert (await world.store.read(audit)).findings == ()
    await assert_usage_is_owned(world)
    await assert_guests_are_where_they_belong(world)
    assert_index_is_the_store(world)
    assert [key for key, count in world.made.items() if count > 1] == []
    assert world.index.held == 0
    assert world.index.hosts.up.all()


async def assert_usage_is_owned(world: World) -> None:
    i, a = inventories.c, allocations.c
    total = (
        select(func.coalesce(func.sum(a.used), 0))
        .where(a.rp_id == i.rp_id, a.rc_id == i.rc_id)
        .scalar_subquery()
    )
    wrong = select(inventories).where((i.used != total) | (i.used > i.capacity))
    assert await world.store.read(lambda conn: conn.execute(wrong).all()) == []
    owners = await world.store.read(lambda conn: set(conn.scalars(select(consumers.c.uuid))))
    found = await listed(world)
    assert {i.uuid for i in found if i.status not in {"ACTIVE", "ERROR"}} == set()
    assert owners == {i.uuid for i in found if i.status == "ACTIVE"}


async def assert_guests_are_where_they_belong(world: World) -> None:
    there = Counter((guest.host, guest.instance) for guest in world.guests())
    built = [i for i in await listed(world) if i.status == "ACTIVE" and i.attempt > 0]
    assert there == Counter((i.host, i.uuid) for i in built)


def assert_index_is_the_store(world: World) -> None:
    fresh = Index()
    fresh.apply(world.store.read_now(pictures.whole))
    for row in fresh.rows():
        provider = fresh.provider(row)
        mine = world.index.row(provider.uuid)
        assert mine is not None
        assert world.index.provider(mine) == provider
        assert world.index.inventories(mine) == fresh.inventories(row)


async def listed(world: World) -> tuple[Instance, ...]:
    page = await world.api.list_instances(InstanceFilter())
    assert page.next is None
    return page.instances
