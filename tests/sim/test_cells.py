"""Cells and their conductors, one story at a time, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Row, select, update

from innkeeper.bus.cell import conductor_subject
from innkeeper.bus.messages import HostReports, ReportsRefused, decode_from_conductor, encode
from innkeeper.compute.drivers.simulated import Behaviour
from innkeeper.conductor.settings import CELL_SILENT_S
from innkeeper.core.errors import CellDown, NotFound
from innkeeper.core.ids import CellName, HostName, InstanceUuid
from innkeeper.core.instance import Instance
from innkeeper.core.instance_filter import InstanceFilter
from innkeeper.core.request_spec import RequestSpec
from innkeeper.store import tasks
from innkeeper.store.tables import instances
from innkeeper.store.txn import Txn
from tests.sim import world as world_module
from tests.sim.truths import assert_at_rest, listed
from tests.sim.virtual import VirtualLoop, run
from tests.sim.world import CELLS, CONDUCTORS_PER_CELL, SPEC, World, reports_of, running

A, B = CELLS
IN_A = msgspec.structs.replace(SPEC, cell=A)
CALM = Behaviour(build_s=1.0)


@pytest.fixture(autouse=True)
def no_bad_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_module, "FAILURE_RATE", 0.0)


def story(folder: Path, tell: Callable[[World], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with running(loop, folder, seed=1) as world:
            await tell(world)
            await asyncio.sleep(100.0)
            await assert_at_rest(world)

    run(main)


async def behave(world: World, cell: CellName, **of_host: Behaviour) -> None:
    """Give hosts of a cell other behaviours than its calm one."""
    driver = world.drivers[cell]
    driver._behaviour = CALM
    driver._of_host = {HostName(name): each for name, each in of_host.items()}


async def settled(world: World, uuid: InstanceUuid) -> Instance:
    while True:
        instance = await world.api.show_instance(uuid)
        if instance.task_state is None:
            return instance
        await asyncio.sleep(0.5)


async def one(world: World, spec: RequestSpec = IN_A, *, alternates: int = 3) -> Instance:
    (instance,) = await world.api.create_instances(spec, ["vm"], alternates=alternates)
    return instance


def test_a_build_becomes_active_where_it_was_put(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        asked = await one(world)
        assert (asked.status, asked.task_state, asked.attempt) == ("BUILD", "building", 1)
        assert asked.selection is not None
        assert len(asked.alternates) == 3
        active = await settled(world, asked.uuid)
        assert (active.status, active.host, active.attempt) == ("ACTIVE", asked.host, 1)
        assert active.decision is not None

    story(tmp_path, tell)


def test_a_hint_is_quicker_than_the_poll(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await behave(world, A)
        begun = world.loop.time()
        await settled(world, (await one(world)).uuid)
        assert world.loop.time() - begun < world_module.SETTINGS.poll_s

    story(tmp_path, tell)


def test_a_failed_build_goes_to_the_alternate_inside_the_cell(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await behave(world, A, a0=Behaviour(build_s=1.0, failure_rate=1.0))
        await behave(world, B)
        asked = await one(world, msgspec.structs.replace(IN_A, ignore_hosts=("a1", "a2")))
        assert asked.host == "a0"
        active = await settled(world, asked.uuid)
        assert (active.status, active.host, active.attempt) == ("ACTIVE", "a3", 2)
        assert [(a.number, a.host, a.reason) for a in active.attempts] == [
            (1, "a0", "simulated failure")
        ]

    story(tmp_path, tell)


def test_without_alternates_left_there_is_a_fault_and_nothing_held(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        bad = Behaviour(build_s=1.0, failure_rate=1.0)
        await behave(world, A, **{f"a{number}": bad for number in range(4)})
        failed = await settled(world, (await one(world)).uuid)
        assert (failed.status, failed.host, failed.selection) == ("ERROR", None, None)
        assert failed.fault is not None
        assert len(failed.fault.attempts) == 4
        assert {a.host for a in failed.attempts} == {"a0", "a1", "a2", "a3"}
        await world.api.delete_instance(failed.uuid)
        assert (await world.api.show_instance(failed.uuid)).status == "DELETED"

    story(tmp_path, tell)


def test_what_fits_nowhere_is_in_error_with_the_decision(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        refused = await one(world, msgspec.structs.replace(SPEC, host=HostName("none")))
        assert (refused.status, refused.cell, refused.task_state) == ("ERROR", None, None)
        assert refused.fault is not None
        assert refused.fault.code == "innkeeper.no_valid_host"
        assert refused.decision is not None
        assert refused in (await world.api.list_instances(InstanceFilter(status="ERROR"))).instances

    story(tmp_path, tell)


def test_several_instances_stand_or_fall_together(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        fits = await world.api.create_instances(IN_A, [f"fits-{n}" for n in range(10)])
        assert {i.status for i in fits} == {"BUILD"}
        too_many = await world.api.create_instances(IN_A, [f"more-{n}" for n in range(7)])
        assert {i.status for i in too_many} == {"ERROR"}
        assert len({i.uuid for i in too_many}) == 7

    story(tmp_path, tell)


def test_without_a_build_an_instance_is_active_at_once(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        made = await world.api.create_instances(SPEC, ["one", "two"], build=False)
        assert {(i.status, i.attempt) for i in made} == {("ACTIVE", 0)}
        assert await world.store.read(tasks.waiting) == {}
        gone = await world.api.delete_instance(made[0].uuid)
        assert gone.status == "DELETED"
        with pytest.raises(NotFound):
            await world.api.delete_instance(made[0].uuid)
        assert [i.name for i in await listed(world)] == ["two"]

    story(tmp_path, tell)


@pytest.mark.parametrize("after_s", [0.0, 0.5, 30.0])
def test_a_delete_ends_a_build_at_any_time(tmp_path: Path, after_s: float) -> None:
    async def tell(world: World) -> None:
        await behave(world, A)
        asked = await one(world)
        await asyncio.sleep(after_s)
        deleting = await world.api.delete_instance(asked.uuid)
        assert deleting.task_state == "deleting"
        again = await world.api.delete_instance(asked.uuid)
        assert again.generation >= deleting.generation
        gone = await settled(world, asked.uuid)
        assert (gone.status, gone.selection) == ("DELETED", None)
        assert gone.deleted_at is not None
        assert world.guests() == []

    story(tmp_path, tell)


def test_a_silent_agent_is_left_and_cleaned_up_when_it_is_back(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        slow = Behaviour(build_s=world_module.SETTINGS.build_timeout_s + 5.0)
        await behave(world, A, a0=slow)
        asked = await one(world)
        assert asked.host == "a0"
        active = await settled(world, asked.uuid)
        assert active.status == "ACTIVE"
        assert active.host != "a0"
        await asyncio.sleep(60.0)
        assert [guest.host for guest in world.guests()] == [active.host]

    story(tmp_path, tell)


def test_a_host_without_an_agent_gets_nothing_until_it_is_back(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await world.crash_agent(A)
        failed = await settled(world, (await one(world)).uuid)
        assert failed.status == "ERROR"
        assert (await one(world, SPEC)).cell == B
        refused = await one(world)
        assert refused.decision is not None
        assert refused.status == "ERROR"
        assert [s.removed for s in refused.decision.steps if s.name == "ComputeFilter"] == [4]
        await world.start_agent(A)
        await asyncio.sleep(world_module.SETTINGS.max_backoff_s + 5.0)
        assert (await settled(world, (await one(world)).uuid)).status == "ACTIVE"

    story(tmp_path, tell)


def test_a_cell_that_is_down_is_refused_listed_and_marked_and_comes_back(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        there = await settled(world, (await one(world)).uuid)
        waits = await one(world)
        for number in range(CONDUCTORS_PER_CELL):
            await world.crash_conductor(A, number)
        await asyncio.sleep(60.0)
        with pytest.raises(CellDown):
            await one(world)
        with pytest.raises(CellDown):
            await world.api.delete_instance(there.uuid)
        assert (await one(world, SPEC)).cell == B
        page = await world.api.list_instances(InstanceFilter(cell=A))
        assert {i.uuid for i in page.instances} == {there.uuid, waits.uuid}
        assert page.down == {A}
        await world.start_conductor(A, 0)
        assert (await settled(world, waits.uuid)).status == "ACTIVE"
        await asyncio.sleep(5.0)
        assert (await world.api.list_instances()).down == frozenset()
        assert (await one(world)).cell == A

    story(tmp_path, tell)


def test_the_last_conductor_that_stops_takes_its_cell_down(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for number in range(CONDUCTORS_PER_CELL):
            conductor = world.conductors.pop((A, number))
            await conductor.stop(last=number == CONDUCTORS_PER_CELL - 1)
        await world.watch.look()
        with pytest.raises(CellDown):
            await one(world)
        await world.watch.set_enabled(B, enabled=False)
        refused = await one(world, SPEC)
        assert refused.status == "ERROR"
        with pytest.raises(NotFound):
            await world.watch.set_enabled(CellName("none"), enabled=True)

    story(tmp_path, tell)


def test_a_record_that_cannot_be_read_keeps_no_other_from_being_built(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await behave(world, A)
        bad, good = await world.api.create_instances(IN_A, ["bad", "good"], alternates=0)
        ((body,),) = await write_body(world, bad, b"torn")
        assert (await settled(world, good.uuid)).status == "ACTIVE"
        await write_body(world, bad, body)
        assert (await settled(world, bad.uuid)).status == "ACTIVE"

    async def write_body(world: World, of: Instance, body: bytes) -> Sequence[Row[bytes]]:
        row = instances.c.uuid == of.uuid

        def op(txn: Txn) -> Sequence[Row[bytes]]:
            before = txn.conn.execute(select(instances.c.body).where(row)).all()
            txn.conn.execute(update(instances).where(row).values(body=body))
            return before

        return await world.store.write(op)

    story(tmp_path, tell)


def test_what_goes_on_for_ever_survives_what_nobody_has_thought_of(tmp_path: Path) -> None:
    async def fail(_op: object, **_more: object) -> None:
        raise ZeroDivisionError

    async def tell(world: World) -> None:
        await behave(world, A)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.store, "write", fail)
            patch.setattr(world.store, "read", fail)
            await asyncio.sleep(CELL_SILENT_S)
        await asyncio.sleep(CELL_SILENT_S)
        assert not world.watch.down
        async with asyncio.timeout(CELL_SILENT_S):
            assert (await settled(world, (await one(world)).uuid)).status == "ACTIVE"

    story(tmp_path, tell)


def test_reports_that_cannot_be_written_are_refused_with_the_reason(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        foreign = HostReports(tuple(reports_of(B)))
        answer = await world.bus.request(conductor_subject(A), encode(foreign), timeout_s=10.0)
        refused = decode_from_conductor(answer)
        assert isinstance(refused, ReportsRefused)
        assert "of cell b" in refused.reason

    story(tmp_path, tell)


def test_an_agent_reports_through_its_conductor(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        before = world.store.load()
        await world.agents[A].report()
        assert world.store.load() == before

    story(tmp_path, tell)
