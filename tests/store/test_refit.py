"""A device that was taken meanwhile is replaced by its twin, and by nothing else."""

import uuid

import msgspec
import pytest
from sqlalchemy import insert, select, update

from innkeeper.conductor.hosts import register_hosts
from innkeeper.core.allocation import Allocation
from innkeeper.core.ids import CellName, HostName, RpId, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.report import HostReport, ProviderReport
from innkeeper.core.selection import Selection
from innkeeper.store.refit import refit
from innkeeper.store.tables import inventories, provider_aggregates, resource_providers
from tests.store.conftest import World


def uuid_of(name: str) -> RpUuid:
    return RpUuid(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))


HOST = ProviderReport(uuid_of("h"), "h", (Inventory("VCPU", 8),))


def gpu(name: str, trait: str = "CUSTOM_T4", total: int = 1000) -> ProviderReport:
    return ProviderReport(
        uuid_of(name), name, (Inventory("CUSTOM_GPU", total),), (trait,), parent=HOST.uuid
    )


class Rig:
    """A host with four GPUs: g1 to g3 alike, g4 another model."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, RpId] = {}

    async def build(self) -> "Rig":
        providers = (HOST, gpu("g1"), gpu("g2"), gpu("g3"), gpu("g4", "CUSTOM_A10"))
        await register_hosts(
            self.world.store, CellName("a"), [HostReport(HostName("h"), providers)]
        )
        p = resource_providers.c
        rows = await self.world.store.read(lambda conn: conn.execute(select(p.name, p.id)).all())
        self.ids = {name: RpId(rp_id) for name, rp_id in rows}
        return self

    async def use(self, **used: int) -> None:
        for name, amount in used.items():
            query = (
                update(inventories).where(inventories.c.rp_id == self.ids[name]).values(used=amount)
            )
            await self.world.store.write(lambda txn, query=query: txn.conn.execute(query))

    def selection(self, **gpus: int) -> Selection:
        wanted = [self.part(name, "CUSTOM_GPU", amount) for name, amount in gpus.items()]
        return Selection(
            HostName("h"),
            CellName("a"),
            HOST.uuid,
            (self.part("h", "VCPU", 1), *wanted),
            tuple((f"_{number}", (each.rp_uuid,)) for number, each in enumerate(wanted)),
        )

    def part(self, name: str, resource_class: str, amount: int) -> Allocation:
        return Allocation(self.ids[name], uuid_of(name), resource_class, amount)

    async def refit(self, selection: Selection) -> list[str]:
        fitted = await self.world.store.read(lambda conn: refit(conn, selection))
        for (_, (served,)), each in zip(fitted.mappings, fitted.allocations[1:], strict=True):
            assert served == each.rp_uuid
        assert (
            msgspec.structs.replace(
                fitted, allocations=selection.allocations, mappings=selection.mappings
            )
            == selection
        )
        names = {rp_id: name for name, rp_id in self.ids.items()}
        return [names[each.rp_id] for each in fitted.allocations[1:]]


@pytest.fixture
async def rig(world: World) -> Rig:
    return await Rig(world).build()


async def test_what_has_room_stays(rig: Rig) -> None:
    await rig.use(g1=500)
    assert await rig.refit(rig.selection(g1=500)) == ["g1"]


async def test_the_twin_that_is_left_with_the_least_is_taken(rig: Rig) -> None:
    await rig.use(g1=600, g2=100, g3=300)
    assert await rig.refit(rig.selection(g1=500)) == ["g3"]


async def test_two_never_get_the_same_twin(rig: Rig) -> None:
    await rig.use(g1=600)
    assert await rig.refit(rig.selection(g1=500, g2=500)) == ["g3", "g2"]
    await rig.use(g2=600)
    assert await rig.refit(rig.selection(g1=500, g2=500)) == ["g3", "g2"]


async def test_what_is_not_alike_is_no_twin(rig: Rig) -> None:
    await rig.use(g1=600, g2=600, g3=600)
    assert await rig.refit(rig.selection(g1=500)) == ["g1"]
    await rig.use(g2=0, g4=600)
    assert await rig.refit(rig.selection(g4=500)) == ["g4"]


async def test_an_aggregate_sets_a_device_apart(rig: Rig) -> None:
    row = {"rp_id": rig.ids["g2"], "aggregate_uuid": rig.world.uuid()}
    await rig.world.store.write(
        lambda txn: txn.conn.execute(insert(provider_aggregates).values(row))
    )
    await rig.use(g1=600)
    assert await rig.refit(rig.selection(g1=500)) == ["g3"]


async def test_a_host_that_is_full_is_not_refitted(rig: Rig) -> None:
    await rig.use(h=8)
    assert await rig.refit(rig.selection(g1=500)) == ["g1"]
