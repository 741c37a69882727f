"""Host reports become provider trees, and change only what differs."""

import math
import uuid

import msgspec
import pytest
from sqlalchemy import update

from innkeeper.conductor.hosts import register_hosts, set_host_enabled
from innkeeper.core.errors import Conflict, InvalidInput, NotFound, UnknownName
from innkeeper.core.ids import CellName, HostName, RpUuid
from innkeeper.core.inventory import MAX_INT, Inventory
from innkeeper.core.report import HostReport, ProviderReport
from innkeeper.index.index import Index
from innkeeper.store.audit import audit
from innkeeper.store.hosts import hosts_named
from innkeeper.store.report import check
from innkeeper.store.tables import hosts, inventories
from tests.store.conftest import World

A, B = CellName("a"), CellName("b")


def uuid_of(name: str) -> RpUuid:
    return RpUuid(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))


def report(name: str, *gpu_traits: str, vcpus: int = 8) -> HostReport:
    root = ProviderReport(uuid_of(name), name, (Inventory("VCPU", vcpus),), ("HW_CPU_X86_AVX",))
    numa = ProviderReport(uuid_of(f"{name}/numa"), f"{name}_numa", parent=root.uuid)
    gpus = (
        ProviderReport(
            uuid_of(f"{name}/{number}"),
            f"{name}_gpu{number}",
            (Inventory("CUSTOM_GPU", 1000, step_size=10),),
            traits=(trait,),
            parent=numa.uuid,
        )
        for number, trait in enumerate(gpu_traits)
    )
    return HostReport(HostName(name), (root, numa, *gpus), zone="z1")


def index_of(world: World) -> Index:
    index = Index()
    index.apply(world.store.load())
    return index


async def test_a_report_becomes_a_tree(world: World) -> None:
    live = Index()
    await register_hosts(world.store, A, [report("h1", "CUSTOM_T4", "CUSTOM_T4"), report("h2")])
    for picture in world.pictures:
        live.apply(picture)
    for index in (live, index_of(world)):
        row = index.row(uuid_of("h1"))
        assert row is not None
        assert [index.provider(each).name for each in index.tree(row)] == [
            "h1",
            "h1_numa",
            "h1_gpu0",
            "h1_gpu1",
        ]
        gpu = index.row(uuid_of("h1/1"))
        assert gpu is not None
        assert index.traits(gpu) == ("CUSTOM_T4",)
        (picture,) = index.inventories(gpu)
        assert picture.inventory == Inventory("CUSTOM_GPU", 1000, step_size=10)
        parent = index.row(uuid_of("h1/numa"))
        assert parent is not None
        assert index.provider(gpu).parent_id == index.provider(parent).id
        assert index.hosts.names == ["h1", "h2"]
    assert (await world.store.read(audit)).findings == ()


async def test_the_same_report_again_writes_nothing(world: World) -> None:
    await register_hosts(world.store, A, [report("h1", "CUSTOM_T4")])
    before = len(world.pictures)
    first = world.store.load()
    await register_hosts(world.store, A, [report("h1", "CUSTOM_T4")])
    assert world.store.load() == first
    assert all(not picture.providers.ids for picture in world.pictures[before:])


async def test_what_differs_is_brought_up_to_date(world: World) -> None:
    await register_hosts(world.store, A, [report("h1", "CUSTOM_T4"), report("h2")])
    changed = report("h1", "CUSTOM_A10", "CUSTOM_A10", vcpus=16)
    await register_hosts(world.store, A, [changed])
    index = index_of(world)
    root, gpu = index.row(uuid_of("h1")), index.row(uuid_of("h1/0"))
    assert root is not None
    assert gpu is not None
    assert index.inventories(root)[0].inventory.total == 16
    assert index.provider(root).generation == 1
    assert index.traits(gpu) == ("CUSTOM_A10", "CUSTOM_T4")
    assert index.row(uuid_of("h1/1")) is not None
    other = index.row(uuid_of("h2"))
    assert other is not None
    assert index.provider(other).generation == 0


async def test_an_inventory_in_use_is_not_removed(world: World) -> None:
    await register_hosts(world.store, A, [report("h1", "CUSTOM_T4")])
    index = index_of(world)
    gpu = index.row(uuid_of("h1/0"))
    assert gpu is not None
    rp_id = index.provider(gpu).id
    of_gpu = update(inventories).where(inventories.c.rp_id == rp_id)
    bare = report("h1", "CUSTOM_T4")
    bare = HostReport(
        bare.host,
        (*bare.providers[:-1], msgspec.structs.replace(bare.providers[-1], inventories=())),
    )
    for used, left in ((1, 1), (0, 0)):
        await world.store.write(lambda txn, n=used: txn.conn.execute(of_gpu.values(used=n)))
        await register_hosts(world.store, A, [bare])
        now = index_of(world)
        row = now.row(uuid_of("h1/0"))
        assert row is not None
        assert len(now.inventories(row)) == left


async def test_a_host_that_was_down_is_up_again_but_stays_disabled(world: World) -> None:
    await register_hosts(world.store, A, [report("h1")])
    await set_host_enabled(world.store, HostName("h1"), enabled=False, reason="fan")
    await world.store.write(lambda txn: txn.conn.execute(update(hosts).values(up=False)))
    await register_hosts(world.store, A, [report("h1")])
    (host,) = await world.store.read(lambda conn: hosts_named(conn, None))
    assert (host.up, host.enabled, host.disabled_reason) == (True, False, "fan")
    host = await set_host_enabled(world.store, HostName("h1"), enabled=True)
    assert (host.enabled, host.disabled_reason) == (True, "")
    with pytest.raises(NotFound):
        await set_host_enabled(world.store, HostName("none"), enabled=True)


async def test_a_host_may_change_its_zone(world: World) -> None:
    await register_hosts(world.store, A, [report("h1")])
    await register_hosts(world.store, A, [msgspec.structs.replace(report("h1"), zone="z2")])
    (host,) = await world.store.read(lambda conn: hosts_named(conn, None))
    assert host.zone == "z2"
    index = index_of(world)
    assert [index.hosts.zones[number] for number in index.hosts.zone] == ["z2"]


async def test_a_host_cannot_change_its_cell(world: World) -> None:
    await register_hosts(world.store, A, [report("h1")])
    with pytest.raises(Conflict):
        await register_hosts(world.store, B, [report("h1")])


async def test_names_must_be_standard_or_custom(world: World) -> None:
    with pytest.raises(UnknownName):
        await register_hosts(world.store, A, [report("h1", "MADE_UP")])
    assert world.store.load().hosts == ()


async def test_a_report_must_be_a_tree(world: World) -> None:
    root, numa = report("h1").providers
    for providers in ((), (numa,), (numa, root), (root, root)):
        with pytest.raises(InvalidInput):
            await register_hosts(world.store, A, [HostReport(HostName("h1"), providers)])


@pytest.mark.parametrize(
    "inventory",
    [
        Inventory("VCPU", MAX_INT + 1),
        Inventory("VCPU", -1),
        Inventory("VCPU", 1, reserved=-1),
        Inventory("VCPU", 1, min_unit=MAX_INT + 1),
        Inventory("VCPU", 1, max_unit=0),
        Inventory("VCPU", 1, step_size=0),
        Inventory("VCPU", 1, allocation_ratio=math.nan),
        Inventory("VCPU", 1, allocation_ratio=math.inf),
    ],
)
def test_amounts_must_be_what_the_placement_api_can_express(inventory: Inventory) -> None:
    root = ProviderReport(uuid_of("h1"), "h1", (inventory,))
    with pytest.raises(InvalidInput, match="report of host h1: inventory of VCPU"):
        check(HostReport(HostName("h1"), (root,)))
