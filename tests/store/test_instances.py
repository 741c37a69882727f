"""Instances: compare-and-set, and lists that lose and repeat nothing."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from innkeeper.core.errors import DuplicateName, NotFound, StaleState
from innkeeper.core.ids import CellName, HostName, InstanceUuid, RpUuid
from innkeeper.core.instance import Instance
from innkeeper.core.instance_filter import InstanceFilter, Marker
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.selection import Selection
from innkeeper.store import instances
from tests.store.conftest import World

START = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Selection(HostName("h"), CellName("a"), RpUuid("r"), ())


def instance(number: int, **changes: object) -> Instance:
    spec = RequestSpec(
        CandidateRequest((RequestGroup("", (("VCPU", 1),), forbidden=frozenset({"T"})),)),
        workload="w",
    )
    plain = Instance(
        uuid=InstanceUuid(f"uuid-{number:03}"),
        name=f"vm-{number}",
        project_id="p",
        user_id="u",
        status="BUILD",
        task_state="building",
        cell=CellName("a"),
        host=HostName("h"),
        spec=spec,
        selection=PLACE,
        alternates=(PLACE,),
        attempt=1,
        attempts=(),
        fault=None,
        decision=None,
        generation=1,
        created_at=START,
        updated_at=START,
    )
    return msgspec.structs.replace(plain, **changes)


async def put(world: World, *many: Instance) -> None:
    for one in many:
        await world.store.write(lambda txn, one=one: instances.add(txn, one))


async def test_a_record_comes_back_whole(world: World) -> None:
    one = instance(1)
    await put(world, one)
    assert await world.store.read(lambda conn: instances.get(conn, one.uuid)) == one
    found = await world.store.read(lambda conn: instances.bodies(conn, [one.uuid, "none"]))
    assert {uuid: instances.read_body(body) for uuid, body in found.items()} == {one.uuid: one}
    with pytest.raises(NotFound):
        await world.store.read(lambda conn: instances.get(conn, InstanceUuid("none")))
    with pytest.raises(DuplicateName):
        await put(world, one)


async def test_only_who_saw_the_record_changes_it(world: World) -> None:
    one = instance(1)
    await put(world, one)
    active = msgspec.structs.replace(one, status="ACTIVE", task_state=None, generation=2)
    await world.store.write(lambda txn: instances.replace(txn, one, active))
    with pytest.raises(StaleState):
        await world.store.write(lambda txn: instances.replace(txn, one, active))
    assert await world.store.read(lambda conn: instances.get(conn, one.uuid)) == active


async def test_the_index_is_told_of_workloads(world: World) -> None:
    one = instance(1)
    await put(world, one)
    assert world.pictures[-1].workloads[0].counts == (("w", 1),)
    gone = msgspec.structs.replace(one, status="ERROR", host=None, generation=2)
    await world.store.write(lambda txn: instances.replace(txn, one, gone))
    assert world.pictures[-1].workloads[0].counts == ()


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (InstanceFilter(), [1, 2, 3]),
        (InstanceFilter(status="ACTIVE"), [2]),
        (InstanceFilter(status="DELETED"), [4]),
        (InstanceFilter(cell=CellName("b")), [3]),
        (InstanceFilter(host=HostName("h2")), [2]),
        (InstanceFilter(project_id="q"), [3]),
        (InstanceFilter(name="m-1"), [1]),
        (InstanceFilter(name="M-1"), []),
        (InstanceFilter(name=""), [1, 2, 3]),
        (InstanceFilter(name="%"), []),
        (InstanceFilter(name="vm", project_id="p", status="BUILD"), [1]),
    ],
)
async def test_a_list_has_what_was_asked_for(
    world: World, wanted: InstanceFilter, numbers: list[int]
) -> None:
    await put(
        world,
        instance(1),
        instance(2, status="ACTIVE", host=HostName("h2")),
        instance(3, cell=CellName("b"), project_id="q"),
        instance(4, status="DELETED"),
    )
    page = await world.store.read(lambda conn: instances.page(conn, wanted))
    assert [int(one.uuid[-3:]) for one in page.instances] == numbers
    assert page.next is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.lists(st.integers(0, 3), max_size=12),
    limit=st.integers(1, 5),
    newest_first=st.booleans(),
)
async def test_a_walk_gives_each_record_once(
    world: World, *, seconds: list[int], limit: int, newest_first: bool
) -> None:
    project = world.uuid()
    many = [
        instance(
            0,
            uuid=InstanceUuid(world.uuid()),
            project_id=project,
            created_at=START + timedelta(seconds=each),
        )
        for each in seconds
    ]
    await put(world, *many)
    wanted = InstanceFilter(project_id=project)
    walked: list[Instance] = []
    after: Marker | None = None
    while True:
        page = await world.store.read(
            lambda conn, after=after: instances.page(
                conn, wanted, after=after, limit=limit, newest_first=newest_first
            )
        )
        walked += page.instances
        assert len(page.instances) <= limit
        if page.next is None:
            break
        after = page.next
    many.sort(key=lambda one: (one.created_at, one.uuid), reverse=newest_first)
    assert walked == many
