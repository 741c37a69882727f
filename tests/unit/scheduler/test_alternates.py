import asyncio
from collections import Counter

import pytest

from innkeeper.core.errors import CapacityExceeded
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName, RpUuid
from tests.unit.scheduler.cluster import (
    SPEC,
    Refusing,
    cluster_of,
    hosts_of,
    instances,
    place,
    scheduler,
)


async def test_alternates_are_of_the_same_cell_the_next_best_first() -> None:
    cluster = cluster_of(9, 8, 7, 6, 5, 4, cells="ababaa")
    (placed,) = await place(cluster, alternates=3)
    assert hosts_of(placed)[:2] == ["h0", "h2"]
    assert set(hosts_of(placed)[2:]) == {"h4", "h5"}
    assert {selection.cell for selection in placed.selections} == {"a"}
    for selection in placed.selections:
        assert selection.allocations[0].rp_uuid == selection.rp_uuid
    assert cluster.index.held == 0


async def test_later_alternates_are_not_what_all_others_take_next() -> None:
    which = scheduler(cluster_of(*[9] * 40))
    seen = {which.plan(SPEC, instances(1), alternates=2)[0].selections[2].host for _ in range(20)}
    assert len(seen) > 5


@pytest.mark.parametrize("far", [False, True])
async def test_each_host_is_as_likely_an_alternate_as_any_other(*, far: bool) -> None:
    # Where the best that is left is not among the first few, it is sought among all.
    cells = "b" + "a" * 9 + "b" * 9 if far else ""
    cpus = [20, *[9 + number % 2 + 9 * (far and number < 9) for number in range(18)]]
    which = scheduler(cluster_of(*cpus, cells=cells))
    drawn: Counter[str] = Counter()
    for _ in range(300):
        (placed,) = which.plan(SPEC, instances(1), alternates=4)
        first, best, *others = hosts_of(placed)
        assert (first, best) == ("h0", "h10" if far else "h2")
        assert len(set(others) - {first, best}) == 3
        drawn.update(others)
    names = {f"h{number}" for number in range(10 if far else 1, 19)} - {best}
    assert drawn.keys() == names
    mean = 900 / len(names)
    assert all(abs(count - mean) < 4 * mean**0.5 for count in drawn.values())


async def test_alternates_are_found_where_hardly_any_host_will_do() -> None:
    which = scheduler(cluster_of(*[1] * 200, 9, 8, 7, *[1] * 200, 6))
    (placed,) = which.plan(SPEC, instances(1), alternates=3)
    assert hosts_of(placed)[:2] == ["h200", "h201"]
    assert set(hosts_of(placed)[2:]) == {"h202", "h403"}


async def test_fewer_alternates_than_wanted_are_no_failure() -> None:
    (placed,) = await place(cluster_of(9, 8, 1), alternates=5)
    assert hosts_of(placed) == ["h0", "h1"]


async def test_alternates_are_no_hosts_that_the_request_chose() -> None:
    placed = await place(cluster_of(3, 3, 3, 3), count=2, alternates=3)
    assert [hosts_of(each) for each in placed] == [["h0", "h2", "h3"], ["h1", "h2", "h3"]]


async def test_alternates_are_none_that_a_lost_claim_moved_to() -> None:
    cluster = cluster_of(3, 3, 3, 3)
    claimer = Refusing(cluster, SPEC, refuse={"h1": CapacityExceeded("full")})
    placed = await place(cluster, count=2, alternates=3, claimer=claimer)
    assert [hosts_of(each)[0] for each in placed] == ["h0", "h2"]
    assert [set(hosts_of(each)[1:]) for each in placed] == [{"h1", "h3"}, {"h3"}]


async def test_a_host_may_be_added_while_many_instances_are_placed() -> None:
    cluster = cluster_of(*[8] * 20)
    many = asyncio.create_task(place(cluster, count=40, alternates=2))
    await asyncio.sleep(0)
    cluster.add_host(
        HostName("new"), {"VCPU": 8}, host=Host(HostName("new"), CellName("c"), RpUuid(""))
    )
    assert len(await many) == 40
