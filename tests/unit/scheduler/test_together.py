"""Picks that are made together are those that would be made one after the other."""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from innkeeper.core.allocation import Allocation
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName
from innkeeper.core.picture import Picture
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import GroupPolicy, ServerGroup
from innkeeper.index.holds import Hold
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.replay.openb import OPENB
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked, asked_by
from innkeeper.scheduler.filters.base import Filter
from innkeeper.scheduler.filters.cell import CellFilter
from innkeeper.scheduler.group_picks import GroupPicks
from innkeeper.scheduler.picking import Job, Picker
from innkeeper.scheduler.profile import built_in_filters, built_in_profiles
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.scheduler.slot import Slot
from innkeeper.scheduler.together import Together
from innkeeper.scheduler.weighers.base import Weighted
from tests.unit.scheduler.cluster import SPEC, Cluster, cluster_of, flat_request, instances

POLICIES: tuple[GroupPolicy, ...] = (
    "anti-affinity",
    "affinity",
    "soft-affinity",
    "soft-anti-affinity",
)


class Picking:
    """Pickers over one index: each has rankings of its own, and finds the same picks held."""

    def __init__(self, cluster: Cluster, **settings: object) -> None:
        self.index = cluster.index
        self.settings = msgspec.structs.replace(SchedulerSettings(gpu=OPENB), **settings)
        self.picks = GroupPicks(cluster.index.hosts)
        groups, random = cluster.index.groups, Random(1)
        self.filters: tuple[Filter, ...] = built_in_filters({}, groups, self.picks)
        self.profiles = built_in_profiles(
            self.settings, self.filters, groups=groups, picks=self.picks, random=random
        )

    def picker(self) -> Picker:
        return Picker(self.index, picks=self.picks, settings=self.settings, random=Random(1))

    def job(self, spec: RequestSpec, *filters: Filter) -> Job:
        profile = self.profiles[spec.policy or "spread"]
        profile = msgspec.structs.replace(profile, filters=(*profile.filters, *filters))
        return Job(asked_by(spec, self.settings.gpu), profile)


def slots_for(job: Job, count: int, *, refused: Sequence[set[int]] = ()) -> list[Slot]:
    slots = [Slot(instance, job.profile.name) for instance in instances(count)]
    for slot, excluded in zip(slots, refused, strict=False):
        slot.excluded |= excluded
    return slots


def found(slots: Sequence[Slot]) -> list[object]:
    """Give what was found for each slot and why, and let it go."""
    told: list[object] = []
    for slot in slots:
        told.append((slot.pick and slot.pick.selection, slot.record.decision()))
        if slot.pick is not None:
            slot.pick.release()
    return told


def one_by_one(picker: Picker, job: Job, slots: Sequence[Slot]) -> int:
    done = 0
    while done < len(slots) and picker.pick_all(job, slots[done : done + 1]):
        done += 1
    return done


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List for how many slots at a time it was tried, and for how many it was right."""
    told: list[int] = []
    pick_together = Picker._pick_together

    def noted(self: Picker, job: Job, slots: Sequence[Slot], last: int) -> int:
        told.append(pick_together(self, job, slots, last))
        return told[-1]

    monkeypatch.setattr(Picker, "_pick_together", noted)
    return told


class EveryOther(CellFilter):
    """Passes every other host; fails when it is asked too often."""

    def __init__(self, *, most: int = 1000) -> None:
        self.left = most

    def applies(self, spec: RequestSpec) -> bool:
        return True

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("I was asked too often")
        mask: Mask = np.arange(len(hosts)) % 2 == 0
        return mask


def cloud(random: Random) -> Cluster:
    """Give some hosts, of a few sizes or of as many as there are, some of them in one tree."""
    cluster = Cluster()
    kinds = random.choice([1, 2, 1000])
    twins = random.random() < 0.3
    for number in range(random.choice([3, 10, 40, 150])):
        size = 8 + 2 * random.randrange(kinds)
        amounts = {"VCPU": size, "MEMORY_MB": random.choice([64, 128]), OPENB.cpu: 50 + size}
        cluster.add_host(f"h{number}", amounts)
        if twins and number % 5 == 0:
            rp_uuid = cluster.index.provider(cluster.index.hosts.root[-1]).uuid
            twin = Host(HostName(f"twin-of-{number}"), CellName("c1"), rp_uuid)
            cluster.index.apply(Picture(hosts=(twin,)))
    for policy in POLICIES:
        members = tuple(
            (HostName(f"h{random.randrange(3)}"), 1) for _ in range(random.choice([0, 0, 1]))
        )
        group = ServerGroup(policy, policy, policy, max_server_per_host=random.choice([1, 1, 2]))
        cluster.add_group(msgspec.structs.replace(group, members=members))
    return cluster


@pytest.mark.parametrize("seed", range(40))
def test_together_is_as_one_after_the_other(seed: int) -> None:
    random = Random(seed)
    cluster = cloud(random)
    which = Picking(cluster)
    together, alone = which.picker(), which.picker()
    names = [HostName(name) for name in cluster.index.hosts.names if name.startswith("h")]
    for _ in range(25):
        spec = RequestSpec(
            flat_request(
                VCPU=random.choice([1, 2, 3]),
                MEMORY_MB=random.choice([1, 8]),
                **random.choice([{}, {OPENB.cpu: 5}]),
            ),
            policy=random.choice(["", "", "stack", "best-fit", "dot-product"]),
            group=random.choice([None, None, *POLICIES]),
        )
        job = which.job(spec)
        count = random.choice([1, 4, 8, 30, 90])
        refused = [{random.randrange(3)} if random.random() < 0.05 else set() for _ in range(count)]
        ones = slots_for(job, count, refused=refused)
        done = one_by_one(alone, job, ones)
        expected = found(ones)
        several = slots_for(job, count, refused=refused)
        assert together.pick_all(job, several) == done
        assert found(several) == expected
        assert cluster.index.held == 0
        for name in random.sample(names, 3):
            cluster.use(name, "VCPU", [random.randrange(9)])


def picked(which: Picking, spec: RequestSpec, *, count: int) -> list[str]:
    job = which.job(spec)
    slots = slots_for(job, count)
    assert which.picker().pick_all(job, slots) == count
    return [slot.pick.selection.host for slot in slots if slot.pick is not None]


def test_all_but_the_first_take_one_look(sizes: list[int]) -> None:
    which = Picking(cluster_of(*[8] * 100))
    assert picked(which, SPEC, count=63) == [f"h{number}" for number in range(63)]
    assert sizes == [62]


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Allocation]]:
    """List all that was ever held."""
    told: list[Sequence[Allocation]] = []
    hold = Index.hold

    def noted(self: Index, allocations: Sequence[Allocation]) -> Hold:
        told.append(allocations)
        return hold(self, allocations)

    monkeypatch.setattr(Index, "hold", noted)
    return told


def test_up_to_where_a_scale_moves_they_are_picked_together(
    sizes: list[int], holds: list[Sequence[Allocation]]
) -> None:
    which = Picking(cluster_of(*[64] * 100))
    job, picker = which.job(SPEC), which.picker()
    for _ in range(5):  # Each hundredth is the last of those that had most free, which moves it.
        assert picker.pick_all(job, slots_for(job, 60)) == 60
    assert sizes[:3] == [59, 38, 0]
    assert sum(sizes) > 260
    assert sizes[-1] == 58
    assert len(holds) == 300


def test_where_no_hosts_are_alike_it_is_seldom_tried(
    holds: list[Sequence[Allocation]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    began = Together.__init__

    def noted(self: Together, *arguments: Any, **named: Any) -> None:
        tried.append(1)
        began(self, *arguments, **named)

    monkeypatch.setattr(Together, "__init__", noted)
    random = Random(1)
    cluster = Cluster()
    for number in range(200):
        amounts = {"VCPU": random.randrange(50, 500), "MEMORY_MB": random.randrange(50, 500)}
        cluster.add_host(f"h{number}", amounts)
    picked(Picking(cluster), RequestSpec(flat_request(VCPU=2, MEMORY_MB=3)), count=100)
    assert len(tried) < 20
    assert len(holds) < 160


def test_where_picks_fill_their_hosts_it_is_seldom_tried(holds: list[Sequence[Allocation]]) -> None:
    picked(Picking(cluster_of(*[2] * 100)), SPEC, count=90)
    assert len(holds) <= 90 + 62 + 31 + 15 + 7 + 3 + 3 * 9


@pytest.mark.parametrize(("policy", "group"), [("stack", None), ("spread", "affinity")])
def test_where_the_last_is_best_again_none_is_held_in_vain(
    policy: str, group: str | None, sizes: list[int], holds: list[Sequence[Allocation]]
) -> None:
    cluster = cluster_of(*[64] * 40)
    cluster.add_group(ServerGroup("affinity", "g", "affinity"))
    picked(Picking(cluster), RequestSpec(SPEC.request, policy=policy, group=group), count=20)
    assert set(sizes) <= {0}
    assert len(holds) == 20


def test_trees_of_several_providers_are_looked_at_one_by_one(
    holds: list[Sequence[Allocation]],
) -> None:
    cluster = Cluster()
    for number in range(40):
        cluster.add_host(f"h{number}", {}, devices=[("VCPU", 8, "")] * 2)
    picked(Picking(cluster), SPEC, count=20)
    assert len(holds) == 20


def best_are_members(*members: str) -> tuple[Cluster, RequestSpec]:
    """Give hosts of which the first three have most free, and a group with some of them."""
    cluster = cluster_of(64, 64, 64, *range(16, 60, 2))
    group = ServerGroup("g", "g", "anti-affinity")
    of_each = tuple((HostName(member), 1) for member in members)
    cluster.add_group(msgspec.structs.replace(group, members=of_each))
    return cluster, RequestSpec(SPEC.request, group="g")


def test_a_scale_that_is_of_other_hosts_is_looked_at_each_time(
    holds: list[Sequence[Allocation]],
) -> None:
    cluster, spec = best_are_members("h0", "h1", "h2")
    picked(Picking(cluster), spec, count=10)
    assert len(holds) == 10


def test_a_scale_that_moves_by_who_is_out_of_question() -> None:
    which = Picking(best_are_members("h0")[0])
    job = which.job(RequestSpec(SPEC.request, group="g"))
    ones, several = slots_for(job, 10), slots_for(job, 10)
    assert one_by_one(which.picker(), job, ones) == 10
    expected = found(ones)
    assert which.picker().pick_all(job, several) == 10
    assert found(several) == expected


def test_hosts_that_leave_when_others_are_picked(sizes: list[int]) -> None:
    class Fewer:
        """Passes fewer hosts the more is held."""

        standing = False
        reason = "it was next to another"

        def applies(self, spec: RequestSpec) -> bool:
            return True

        def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
            mask: Mask = np.arange(len(hosts)) >= 3 * index.held
            return mask

    which = Picking(cluster_of(*[8] * 40, 2))
    job = which.job(SPEC, Fewer())
    slots = slots_for(job, 8)
    assert which.picker().pick_all(job, slots) == 8
    hosts = [slot.pick.selection.host for slot in slots if slot.pick is not None]
    assert hosts == [f"h{3 * number}" for number in range(8)]
    assert sizes == []


def test_alternates_of_members_are_none_of_those_picked_with_them(sizes: list[int]) -> None:
    cluster = cluster_of(*[8] * 12, 4)
    cluster.add_group(ServerGroup("g", "g", "anti-affinity"))
    which = Picking(cluster)
    job, picker = which.job(RequestSpec(SPEC.request, group="g")), which.picker()
    slots = slots_for(job, 6)
    assert picker.pick_all(job, slots) == 6
    assert sizes == [5]
    picks = [slot.pick for slot in slots if slot.pick is not None]
    for pick in picks[1:]:
        others = picker.alternates(job, pick, count=5, taken=[pick.position])
        assert {each.host for each in others} <= {f"h{number}" for number in range(6, 13)}


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        (SPEC, {"random_ties": True}),
        (SPEC, {"host_subset_size": 2}),
        (RequestSpec(SPEC.request, policy="random"), {}),
        (RequestSpec(SPEC.request, group="soft-affinity"), {}),
        (RequestSpec(SPEC.request, group="soft-anti-affinity"), {}),
    ],
)
def test_what_chance_or_other_picks_decide_is_picked_one_by_one(
    spec: RequestSpec, settings: dict[str, object], sizes: list[int]
) -> None:
    cluster = cluster_of(*[64] * 40)
    for policy in POLICIES:
        cluster.add_group(ServerGroup(policy, policy, policy))
    picked(Picking(cluster, **settings), spec, count=20)
    assert sizes == []


def test_the_step_of_one_filter_of_ones_own_is_recorded_for_each(sizes: list[int]) -> None:
    which = Picking(cluster_of(*[8] * 40))
    job = which.job(SPEC, EveryOther())
    slots = slots_for(job, 10)
    assert which.picker().pick_all(job, slots) == 10
    assert sizes == [9]
    assert [slot.record.decision().steps[-1].removed for slot in slots] == [20] * 10


def test_two_filters_that_do_not_stand_are_asked_each_time(sizes: list[int]) -> None:
    which = Picking(cluster_of(*[8] * 40))
    job = which.job(SPEC, EveryOther(), EveryOther())
    assert which.picker().pick_all(job, slots_for(job, 10)) == 10
    assert sizes == []


def test_a_filter_that_fails_leaves_nothing_held_but_what_was_picked() -> None:
    which = Picking(cluster_of(*[8] * 40))
    job = which.job(SPEC, EveryOther(most=2))  # Once for the first, once for the others.
    slots = slots_for(job, 10)
    with pytest.raises(RuntimeError, match="too often"):
        which.picker().pick_all(job, slots)
    assert [slot.pick is not None for slot in slots] == [True] + [False] * 9
    assert which.index.held == 1


def test_after_it_was_in_vain_it_is_tried_for_few_then_for_more(sizes: list[int]) -> None:
    cluster = cluster_of(*[64] * 80)
    which = Picking(cluster)
    job, picker = which.job(SPEC), which.picker()
    for used in (62, 0):  # Each pick fills its host; then none does.
        for name in cluster.index.hosts.names:
            cluster.use(HostName(name), "VCPU", [used])
        slots = slots_for(job, 60)
        assert picker.pick_all(job, slots) == 60
        found(slots)
        if used:
            assert set(sizes) == {0}
            sizes.clear()
    assert [size for size in sizes if size][:4] == [3, 6, 12, 24]


class NearTo32:
    """Prefers hosts with about 32 free: what a pick takes may make them better, or worse."""

    standing = True

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        scores: Scores = -np.abs(hosts.free_floats("VCPU") - 32.0)
        return scores


class InTheirOrder:
    """Prefers unused hosts, the first first."""

    standing = True

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        unused = hosts.free("VCPU") == hosts.capacity("VCPU")
        bonus = np.where(hosts.capacity("VCPU") > 1000, 200.0, 0.0)
        return bonus + np.where(unused, 100.0 - np.arange(len(hosts)), -50.0)


def test_a_scale_that_would_move_and_come_back() -> None:
    # By the first two picks nobody is at 32 any more, and by the third somebody is again.
    cluster = cluster_of(32, 32, 40, *[20] * 8, 12, 1064, 1064, 16)
    cluster.use(HostName("h14"), "VCPU", [2])
    which = Picking(cluster)
    weighers = (Weighted(NearTo32(), 1000.0), Weighted(InTheirOrder(), 1.0, "raw"))
    job = which.job(RequestSpec(flat_request(VCPU=8)))
    job = Job(job.asked, msgspec.structs.replace(job.profile, weighers=weighers))
    ones, several = slots_for(job, 5), slots_for(job, 5)
    assert one_by_one(which.picker(), job, ones) == 5
    expected = found(ones)
    assert which.picker().pick_all(job, several) == 5
    assert found(several) == expected
