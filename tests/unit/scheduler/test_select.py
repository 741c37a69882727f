import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pytest

from innkeeper.core.cell import Cell
from innkeeper.core.errors import (
    CapacityExceeded,
    CellDown,
    ClaimLost,
    Conflict,
    DuplicateName,
    GroupPolicyViolation,
    NoValidHost,
    Unavailable,
    UnknownName,
)
from innkeeper.core.ids import CellName, HostName
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import GroupPolicy, ServerGroup
from innkeeper.replay.openb import OPENB, Node, Task, candidate_request
from innkeeper.scheduler import picking
from innkeeper.scheduler.claimer import Placed
from innkeeper.scheduler.filters.per_host import PerHostFilter
from innkeeper.scheduler.profile import Profile
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.scheduler.slot import MAX_LOST_CLAIMS
from innkeeper.scheduler.weighers.base import Weighted
from innkeeper.scheduler.weighers.cpu import CpuWeigher
from tests.unit.scheduler.cluster import (
    SPEC,
    Cluster,
    ClusterClaimer,
    Refusing,
    cluster_of,
    hosts_of,
    instances,
    place,
    scheduler,
)


class Failing:
    """Waits for the gate, if any, and fails."""

    def __init__(self, error: Exception, gate: asyncio.Event | None = None) -> None:
        self.error, self.gate = error, gate

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        raise self.error


# --- one instance --------------------------------------------------------------------------


async def test_the_best_host_is_claimed() -> None:
    cluster = cluster_of(4, 8, 6)
    (placed,) = await place(cluster)
    (selection,) = placed.selections
    assert (selection.host, selection.cell) == ("h1", "c")
    assert selection.rp_uuid == cluster.index.provider(cluster.index.hosts.root[1]).uuid
    (allocation,) = selection.allocations
    assert (allocation.rp_uuid, allocation.resource_class, allocation.amount) == (
        selection.rp_uuid,
        "VCPU",
        2,
    )
    assert selection.mappings == (("", (selection.rp_uuid,)),)
    assert cluster.of_instance == {"i0": "h1"}
    assert cluster.index.held == 0


@pytest.mark.parametrize(("policy", "expected"), [("spread", "h1"), ("stack", "h0")])
async def test_spread_and_stack(policy: str, expected: str) -> None:
    (placed,) = await place(cluster_of(4, 8, 6), RequestSpec(SPEC.request, policy=policy))
    assert hosts_of(placed) == [expected]
    assert placed.decision.policy == policy


async def test_of_equals_the_one_registered_first() -> None:
    cluster = cluster_of(8, 8, 8)
    assert hosts_of((await place(cluster))[0]) == ["h0"]


async def test_of_equals_any_if_so_configured() -> None:
    chosen = set()
    for seed in range(20):
        cluster = cluster_of(8, 8, 8)
        (placed,) = await place(cluster, which=scheduler(cluster, seed=seed, random_ties=True))
        chosen.add(hosts_of(placed)[0])
    assert chosen == {"h0", "h1", "h2"}


async def test_a_subset_of_the_best_is_drawn_from() -> None:
    chosen = Counter[str]()
    for seed in range(40):
        cluster = cluster_of(8, 7, 6, 5)
        which = scheduler(cluster, seed=seed, host_subset_size=2)
        chosen[hosts_of((await place(cluster, which=which))[0])[0]] += 1
    assert set(chosen) == {"h0", "h1"}


async def test_the_record_says_what_each_step_removed() -> None:
    cluster = cluster_of(1, 8, 6, 4)
    spec = RequestSpec(SPEC.request, ignore_hosts=(HostName("h1"),))
    (placed,) = await place(cluster, spec)
    decision = placed.decision
    assert decision.hosts == 4
    removed = {step.name: (step.removed, step.remaining) for step in decision.steps}
    assert removed["placement:VCPU"] == (1, 3)
    assert removed["ComputeFilter"] == (0, 3)
    assert removed["IgnoreHostsFilter"] == (1, 2)
    assert [score.host for score in decision.top] == ["h2", "h3"]
    assert decision.top[0].score > decision.top[1].score
    assert [(claim.host, claim.won) for claim in decision.claims] == [("h2", True)]


async def test_no_valid_host_says_why() -> None:
    cluster = cluster_of(1, 8)
    spec = RequestSpec(SPEC.request, ignore_hosts=(HostName("h1"),))
    with pytest.raises(NoValidHost, match="IgnoreHostsFilter removed 1") as caught:
        await place(cluster, spec)
    assert caught.value.decision.steps[-1].remaining == 0
    assert cluster.index.held == 0


async def test_there_are_no_hosts() -> None:
    with pytest.raises(NoValidHost) as caught:
        await place(Cluster())
    assert caught.value.decision.hosts == 0


async def test_the_only_host_is_taken_without_scores() -> None:
    (placed,) = await place(cluster_of(1, 8))
    assert [(score.host, score.score) for score in placed.decision.top] == [("h1", 0.0)]


@pytest.mark.parametrize(
    "spec",
    [RequestSpec(SPEC.request, policy="nonsense"), RequestSpec(SPEC.request, group="no-such")],
)
async def test_unknown_names_are_refused(spec: RequestSpec) -> None:
    with pytest.raises(UnknownName):
        await place(cluster_of(8), spec)


async def test_a_cell_that_is_down_is_refused_at_once() -> None:
    cluster = cluster_of(8, 8, cells="ab")
    cells = {CellName("a"): Cell(CellName("a"), up=False)}
    which = Scheduler(cluster.index, settings=SchedulerSettings(), random=Random(1), cells=cells)
    with pytest.raises(CellDown, match="Cell a is down"):
        await place(cluster, RequestSpec(SPEC.request, cell=CellName("a")), which=which)
    assert hosts_of((await place(cluster, which=which))[0]) == ["h1"]
    # It is up again: nobody has to tell the scheduler but through the mapping.
    cells[CellName("a")] = Cell(CellName("a"))
    assert hosts_of((await place(cluster, which=which))[0]) == ["h0"]


async def test_a_profile_of_ones_own() -> None:
    cluster = cluster_of(8, 6)
    mine = Profile(
        "mine",
        (PerHostFilter(lambda _spec, host: host != "h0", reason="not that one"),),
        (Weighted(CpuWeigher()),),
        scheduler(cluster)._profiles["fgd"].devices,
    )
    which = Scheduler(
        cluster.index,
        settings=SchedulerSettings(policy="mine"),
        random=Random(1),
        profiles=[mine],
    )
    assert "mine" in which.policies
    assert hosts_of((await place(cluster, which=which))[0]) == ["h1"]


# --- claims ----------------------------------------------------------------------------------


async def test_a_lost_claim_moves_on_to_the_next_host() -> None:
    cluster = cluster_of(8, 7, 6)
    full = CapacityExceeded("somebody was quicker")
    claimer = Refusing(cluster, SPEC, refuse={"h0": full, "h1": full})
    (placed,) = await place(cluster, alternates=2, claimer=claimer)
    assert hosts_of(placed) == ["h2"]
    assert [(c.host, c.won, c.reason) for c in placed.decision.claims] == [
        ("h0", False, "somebody was quicker"),
        ("h1", False, "somebody was quicker"),
        ("h2", True, ""),
    ]
    assert cluster.index.held == 0


async def test_when_all_claims_are_lost_there_is_no_valid_host() -> None:
    cluster = cluster_of(8, 7)
    full = CapacityExceeded("full")
    claimer = Refusing(cluster, SPEC, refuse={"h0": full, "h1": full})
    with pytest.raises(NoValidHost, match="2 claims were lost"):
        await place(cluster, claimer=claimer)
    assert cluster.index.held == 0


async def test_lost_claims_have_a_limit() -> None:
    cluster = cluster_of(*[8] * 40)
    full = CapacityExceeded("full")
    claimer = Refusing(cluster, SPEC, refuse={f"h{n}": full for n in range(40)})
    with pytest.raises(NoValidHost):
        await place(cluster, claimer=claimer)
    assert claimer.tries == MAX_LOST_CLAIMS + 1


@pytest.mark.parametrize("error", [DuplicateName("claimed before"), Unavailable("closing")])
async def test_what_no_other_host_can_cure_is_the_answer(error: Exception) -> None:
    cluster = cluster_of(8, 8)
    claimer = Failing(ClaimLost(0, error) if isinstance(error, Conflict) else error)
    with pytest.raises(type(error)):
        await scheduler(cluster).select_destinations(
            SPEC, instances(1), alternates=0, claimer=claimer
        )
    assert cluster.index.held == 0


async def test_parallel_requests_never_pick_the_same_place() -> None:
    cluster = cluster_of(*[4] * 8)
    claimer = ClusterClaimer(cluster, SPEC, turns=3)
    which = scheduler(cluster)
    await asyncio.gather(
        *(
            which.select_destinations(
                SPEC, instances(1, first=number), alternates=0, claimer=claimer
            )
            for number in range(16)
        )
    )
    assert claimer.tries == 16  # No claim was lost: each saw what the others held.
    assert Counter(cluster.of_instance.values()) == {f"h{n}": 2 for n in range(8)}
    assert cluster.index.held == 0


async def test_who_finds_nothing_waits_for_claims_in_flight() -> None:
    cluster = cluster_of(2)
    which = scheduler(cluster)
    gate = asyncio.Event()
    failing = Failing(ClaimLost(0, DuplicateName("claimed before")), gate)
    first = asyncio.create_task(
        which.select_destinations(SPEC, instances(1), alternates=0, claimer=failing)
    )
    await asyncio.sleep(0)
    second = asyncio.create_task(place(cluster, which=which))
    await asyncio.sleep(0)
    assert not second.done()
    gate.set()
    assert hosts_of((await second)[0]) == ["h0"]
    with pytest.raises(DuplicateName):
        await first


async def test_who_waits_in_vain_is_refused() -> None:
    cluster = cluster_of(2)
    which = scheduler(cluster)
    winner = ClusterClaimer(cluster, SPEC, turns=2)
    first, second = await asyncio.gather(
        place(cluster, which=which, claimer=winner),
        place(cluster, which=which),
        return_exceptions=True,
    )
    assert isinstance(first, tuple)
    assert isinstance(second, NoValidHost)


async def test_the_wait_for_others_has_a_deadline() -> None:
    cluster = cluster_of(2)
    which = scheduler(cluster, settle_timeout_s=0.0)
    never = Failing(Unavailable("never said"), asyncio.Event())
    first = asyncio.create_task(
        which.select_destinations(SPEC, instances(1), alternates=0, claimer=never)
    )
    await asyncio.sleep(0)
    with pytest.raises(NoValidHost):
        await place(cluster, which=which)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert cluster.index.held == 0


# --- several instances -----------------------------------------------------------------------


async def test_several_instances_get_a_place_each() -> None:
    cluster = cluster_of(4, 4)
    placed = await place(cluster, count=4)
    assert [each.instance for each in placed] == instances(4)
    assert Counter(hosts_of(each)[0] for each in placed) == {"h0": 2, "h1": 2}


async def test_no_instances_are_no_work() -> None:
    assert await place(cluster_of(2), count=0) == ()


async def test_all_or_nothing() -> None:
    cluster = cluster_of(4, 4)
    with pytest.raises(NoValidHost):
        await place(cluster, count=5)
    assert cluster.of_instance == {}
    assert cluster.index.held == 0
    assert len(await place(cluster, count=4)) == 4


async def test_many_instances_let_others_have_a_turn() -> None:
    cluster = cluster_of(*[8] * 20)
    which = scheduler(cluster)
    many = asyncio.create_task(place(cluster, count=40, which=which))
    for _ in range(2):
        await asyncio.sleep(0)
    assert not many.done()
    assert 0 < cluster.index.held < 40
    await place(cluster, which=which)
    assert len(await many) == 40


async def test_only_the_one_that_was_lost_moves() -> None:
    cluster = cluster_of(2, 2, 2, 2)
    claimer = Refusing(cluster, SPEC, refuse={"h1": CapacityExceeded("full")})
    placed = await place(cluster, count=3, claimer=claimer)
    assert [hosts_of(each)[0] for each in placed] == ["h0", "h3", "h2"]
    assert claimer.tries == 2
    assert [len(each.decision.claims) for each in placed] == [1, 2, 1]


# --- server groups ---------------------------------------------------------------------------


def grouped(policy: GroupPolicy, *, most: int = 1) -> tuple[Cluster, RequestSpec]:
    cluster = cluster_of(4, 4, 4)
    cluster.add_group(ServerGroup("g", "g", policy, max_server_per_host=most))
    return cluster, RequestSpec(SPEC.request, group="g")


async def test_anti_affinity_holds_within_one_request() -> None:
    cluster, spec = grouped("anti-affinity")
    placed = await place(cluster, spec, count=3)
    assert {hosts_of(each)[0] for each in placed} == {"h0", "h1", "h2"}
    with pytest.raises(NoValidHost, match="ServerGroupAntiAffinityFilter"):
        await place(cluster, spec)


async def test_affinity_holds_within_one_request() -> None:
    cluster, spec = grouped("affinity")
    placed = await place(cluster, spec, count=2)
    assert [hosts_of(each)[0] for each in placed] == ["h0", "h0"]


async def test_groups_hold_between_parallel_requests() -> None:
    cluster, spec = grouped("anti-affinity")
    which = scheduler(cluster)
    claimer = ClusterClaimer(cluster, spec, turns=3)
    await asyncio.gather(*(place(cluster, spec, which=which, claimer=claimer) for _ in range(3)))
    assert claimer.tries == 3
    assert dict(cluster.groups["g"].members) == {"h0": 1, "h1": 1, "h2": 1}


async def test_a_lost_pick_is_no_member_any_more() -> None:
    cluster, spec = grouped("anti-affinity")
    refuse: dict[str, Conflict] = {"h0": GroupPolicyViolation("one is there already")}
    (placed,) = await place(cluster, spec, claimer=Refusing(cluster, spec, refuse=refuse))
    assert hosts_of(placed) == ["h1"]
    assert dict(cluster.groups["g"].members) == {"h1": 1}
    placed_later = await place(cluster, spec, count=2)
    assert {hosts_of(each)[0] for each in placed_later} == {"h0", "h2"}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("soft-affinity", {"h0": 2, "h1": 1}), ("soft-anti-affinity", {"h0": 1, "h1": 1, "h2": 1})],
)
async def test_soft_policies_weigh(policy: GroupPolicy, expected: dict[str, int]) -> None:
    cluster, spec = grouped(policy)
    which = scheduler(cluster, soft_affinity_multiplier=10.0, soft_anti_affinity_multiplier=10.0)
    placed = await place(cluster, spec, count=3, which=which)
    assert Counter(hosts_of(each)[0] for each in placed) == expected


# --- devices ---------------------------------------------------------------------------------


def gpu_cluster(*left: list[int]) -> Cluster:
    cluster = Cluster()
    for number, gpus in enumerate(left):
        cluster.add_node(Node(f"n{number}", 96_000, 2**20, len(gpus), "T4"))
        cluster.use(f"n{number}", OPENB.gpu, [1000 - milli for milli in gpus])
    return cluster


def gpu_spec(task: Task, policy: str) -> RequestSpec:
    return RequestSpec(candidate_request(task), policy=policy, workload=task.workload)


def gpu_numbers(cluster: Cluster, placed: Placed) -> list[int]:
    """Give which GPUs of its host an instance got."""
    index = cluster.index
    selection = placed.selections[0]
    row = index.row(selection.rp_uuid)
    assert row is not None
    gpus = [index.provider(child).uuid for child in index.children(row)]
    return sorted(
        gpus.index(a.rp_uuid) for a in selection.allocations if a.resource_class == OPENB.gpu
    )


@pytest.mark.parametrize(
    ("policy", "task", "expected"),
    [
        ("best-fit", Task("t", 1, 1, 1, 300), [2]),
        ("gpu-packing", Task("t", 1, 1, 1, 300), [2]),
        ("best-fit", Task("t", 1, 1, 2, 1000), [0, 3]),
        ("fgd", Task("t", 1, 1, 2, 1000), [0, 3]),
        ("random", Task("t", 1, 1, 2, 1000), [0, 3]),
    ],
)
async def test_the_profile_chooses_the_gpus(policy: str, task: Task, expected: list[int]) -> None:
    cluster = gpu_cluster([1000, 500, 300, 1000, 200])
    (placed,) = await place(cluster, gpu_spec(task, policy))
    assert gpu_numbers(cluster, placed) == expected
    assert len(placed.selections[0].mappings) == 1 + task.num_gpu


async def test_a_host_without_a_combination_is_dropped_and_recorded() -> None:
    # Both groups fit each GPU by themselves, but no GPU has room for the two together, which
    # no mask over hosts can see.
    together = CandidateRequest(
        groups=(
            RequestGroup(suffix="_A", resources=((OPENB.gpu, 600),)),
            RequestGroup(suffix="_B", resources=((OPENB.gpu, 500),)),
        ),
        group_policy="none",
    )
    cluster = gpu_cluster([1000], [1000, 1000])
    spec = RequestSpec(together, policy="stack")
    (placed,) = await place(cluster, spec)
    assert hosts_of(placed) == ["n1"]
    steps = {step.name: step for step in placed.decision.steps}
    assert steps["placement:combination"].removed == 1

    cluster = gpu_cluster([1000])
    with pytest.raises(NoValidHost, match="placement:combination removed 1"):
        await place(cluster, spec)


async def test_a_hopeless_search_does_not_keep_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No two of the groups fit one GPU, and each fits each: found out by trying all orders.
    amounts = [900 + number for number in range(8)]
    groups = tuple(
        RequestGroup(suffix=f"_{amount}", resources=((OPENB.gpu, amount),)) for amount in amounts
    )
    spec = RequestSpec(CandidateRequest(groups=groups, group_policy="none"), policy="stack")
    monkeypatch.setattr(picking, "MAX_LOOKS", 3)
    with pytest.raises(NoValidHost) as refused:
        await place(gpu_cluster([1000] * 7), spec)
    assert "found soon enough" in refused.value.decision.steps[-1].reason


async def test_gpu_model_is_a_condition() -> None:
    cluster = gpu_cluster([1000])
    with pytest.raises(NoValidHost):
        await place(cluster, gpu_spec(Task("t", 1, 1, 1, 300, "G2|P100"), "fgd"))
    (placed,) = await place(cluster, gpu_spec(Task("t", 1, 1, 1, 300, "G2|T4"), "fgd"))
    assert hosts_of(placed) == ["n0"]


# --- plan ------------------------------------------------------------------------------------


def test_a_plan_claims_and_holds_nothing() -> None:
    cluster = cluster_of(8, 6, 4)
    which = scheduler(cluster)
    (placed,) = which.plan(SPEC, instances(1), alternates=1)
    assert hosts_of(placed) == ["h0", "h1"]
    assert placed.decision.claims == ()
    assert cluster.index.held == 0
    assert cluster.of_instance == {}


def test_a_plan_that_cannot_be_says_why() -> None:
    cluster = cluster_of(2)
    with pytest.raises(NoValidHost):
        scheduler(cluster).plan(SPEC, instances(2), alternates=0)
    assert cluster.index.held == 0
