"""Requests of one turn of the loop are served together, and each as if it were alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from innkeeper.core.errors import NoValidHost
from innkeeper.core.request_spec import RequestSpec
from innkeeper.scheduler.picking import Job, Picker
from innkeeper.scheduler.slot import Slot
from tests.unit.scheduler.cluster import (
    SPEC,
    ClusterClaimer,
    cluster_of,
    flat_request,
    hosts_of,
    instances,
    place,
    scheduler,
)

OTHER = RequestSpec(flat_request(VCPU=4))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RequestSpec, int]]:
    """List of what, and for how many, picks were sought at once."""
    told: list[tuple[RequestSpec, int]] = []
    pick_all = Picker.pick_all

    def noted(self: Picker, job: Job, slots: Sequence[Slot]) -> int:
        told.append((job.spec, len(slots)))
        return pick_all(self, job, slots)

    monkeypatch.setattr(Picker, "pick_all", noted)
    return told


@pytest.fixture
def third_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every pick but the first two fail."""
    pick = Picker._pick
    left = iter([True, True])

    def spoilt(self: Picker, job: Job, slot: Slot) -> bool:
        if next(left, None) is None:
            raise RuntimeError("no more")
        return pick(self, job, slot)

    monkeypatch.setattr(Picker, "_pick", spoilt)


async def test_like_requests_of_one_turn_are_picked_together(
    calls: list[tuple[RequestSpec, int]],
) -> None:
    cluster = cluster_of(*[16] * 9)
    which = scheduler(cluster)
    specs = [SPEC, OTHER, SPEC, SPEC, OTHER]
    claimer = ClusterClaimer(cluster, SPEC, turns=3)
    placed = await asyncio.gather(
        *(place(cluster, spec, which=which, claimer=claimer) for spec in specs)
    )
    assert calls == [(SPEC, 3), (OTHER, 2)]
    assert [hosts_of(each[0])[0] for each in placed] == ["h0", "h3", "h1", "h2", "h4"]
    amounts = [each[0].selections[0].allocations[0].amount for each in placed]
    assert amounts == [2, 4, 2, 2, 4]


async def test_who_gets_only_a_part_leaves_it_to_the_next_of_the_turn(
    calls: list[tuple[RequestSpec, int]],
) -> None:
    cluster = cluster_of(2, 2, 2, 2)
    which = scheduler(cluster)
    too_many, enough, one_more = (
        asyncio.create_task(place(cluster, which=which, count=count)) for count in (6, 3, 1)
    )
    assert [hosts_of(each)[0] for each in await enough] == ["h0", "h1", "h2"]
    assert [hosts_of(each)[0] for each in await one_more] == ["h3"]
    with pytest.raises(NoValidHost):
        await too_many
    # Nobody had to wait for anybody else's claim to be settled and to ask again.
    assert calls[:3] == [(SPEC, 10), (SPEC, 4), (SPEC, 6)]
    assert cluster.index.held == 0


@pytest.mark.parametrize("error", [RuntimeError, StopIteration])
async def test_what_fails_for_one_is_told_to_him_alone(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_of(*[16] * 4)
    which = scheduler(cluster)
    pick, count = Picker._pick, 0

    def second_fails(self: Picker, job: Job, slot: Slot) -> bool:
        nonlocal count
        count += 1
        if count == 2:
            raise error
        return pick(self, job, slot)

    monkeypatch.setattr(Picker, "_pick", second_fails)
    answers = await asyncio.gather(
        *(place(cluster, spec, which=which) for spec in (SPEC, SPEC, SPEC, OTHER)),
        return_exceptions=True,
    )
    # What would end an iterator is made an error of by the coroutine that it would end.
    assert [type(each) for each in answers] == [tuple, RuntimeError, tuple, tuple]
    assert len(cluster.of_instance) == 1  # All are called i0.
    assert cluster.index.held == 0


async def test_a_spec_that_cannot_be_looked_up_hurts_nobody_else() -> None:
    cluster = cluster_of(*[16] * 4)
    which = scheduler(cluster)
    hosts: Any = ["h0"]
    bad = RequestSpec(SPEC.request, ignore_hosts=hosts)
    answers = await asyncio.gather(
        *(place(cluster, spec, which=which) for spec in (bad, SPEC, bad)), return_exceptions=True
    )
    assert [type(each) for each in answers] == [TypeError, tuple, TypeError]


@pytest.mark.usefixtures("third_fails")
async def test_a_plan_that_fails_holds_nothing() -> None:
    cluster = cluster_of(*[16] * 4)
    with pytest.raises(RuntimeError, match="no more"):
        scheduler(cluster).plan(SPEC, instances(3), alternates=0)
    assert cluster.index.held == 0


async def test_who_waits_to_be_served_is_no_reason_to_wait() -> None:
    cluster = cluster_of(*[1] * 4)
    which = scheduler(cluster)
    turns = 0

    async def refused() -> int:
        began = turns
        with pytest.raises(NoValidHost):
            await place(cluster, which=which)
        return turns - began

    asked: list[asyncio.Task[int]] = []
    for _ in range(20):
        asked.append(asyncio.create_task(refused()))
        await asyncio.sleep(0)
        turns += 1
    while not all(task.done() for task in asked):
        await asyncio.sleep(0)
        turns += 1
    assert max(task.result() for task in asked) <= 3


@pytest.mark.usefixtures("third_fails")
async def test_what_was_held_when_it_was_spoilt_is_given_back() -> None:
    cluster = cluster_of(*[16] * 4)
    with pytest.raises(RuntimeError, match="no more"):
        await place(cluster, count=3)
    assert cluster.index.held == 0


@pytest.mark.parametrize("turns", [1, 2])
async def test_who_goes_away_while_it_is_served_holds_nothing(turns: int) -> None:
    cluster = cluster_of(*[16] * 4)
    which = scheduler(cluster)
    gone = asyncio.create_task(place(cluster, which=which))
    stays = asyncio.create_task(place(cluster, which=which))
    for _ in range(turns):
        await asyncio.sleep(0)
    gone.cancel()
    (placed,) = await stays
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert cluster.index.held == 0
    assert hosts_of(placed) == ["h0" if turns == 1 else "h1"]
