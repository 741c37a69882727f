"""Which clouds are measured, with which requests, and what each must reach."""

import re
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final

import msgspec

from bench.against_placement import clouds
from bench.against_placement.clouds import FLAT, PERFLOAD_AGGREGATES, Cloud
from bench.against_placement.figures import TWO_PROCESSES, Goal, Metric
from bench.against_placement.load import Fixed, Schedule, Stocks, Work
from bench.against_placement.requests import (
    CONSUMERS_A_PROJECT,
    candidates_path,
    claims,
    project,
    request,
)

FLAT_QUERY: Final = {"resources": "VCPU:1,MEMORY_MB:64,DISK_GB:1"}
NESTED_QUERY: Final = {
    "resources": "DISK_GB:20",
    "resources_NODE": "VCPU:2,MEMORY_MB:2048",
    "resources_NIC": "SRIOV_NET_VF:1",
    "group_policy": "none",
    "same_subtree": "_NODE,_NIC",
}
PERFLOAD_QUERY: Final = {
    "resources": "VCPU:1,DISK_GB:10,MEMORY_MB:256",
    "member_of": PERFLOAD_AGGREGATES[0],
    "required": "HW_CPU_X86_AVX2",
}
PERFLOAD_NESTED_QUERY: Final = {
    "resources": "DISK_GB:10",
    "required": "COMPUTE_VOLUME_MULTI_ATTACH",
    "resources_COMPUTE": "VCPU:1,MEMORY_MB:256",
    "required_COMPUTE": "CUSTOM_FOO",
    "resources_FPGA": "FPGA:1",
    "group_policy": "none",
    "same_subtree": "_COMPUTE,_FPGA",
}
_MEMORY: Final = re.compile(r"\b(MEMORY_MB:)(\d+)")
_SUFFIX: Final = re.compile(r"_(\d+)$")
PERFLOAD_CONNECTIONS: Final = 10
PEER_CAP: Final = 1_000
"""max_allocation_candidates of the peer where it would not end otherwise."""
READERS: Final = 100
"""Providers that are read in turn."""
MAX_CLAIMS: Final = 4_000
"""In one turn: more would fill the cloud of the faster one."""
ROUNDS: Final = 40
"""Of a turn in which many ask at a time: its first and its last are not like the others."""
MOST_CALLERS: Final = 256
"""Batches grow with them. openstack-placement would answer the last of so many after minutes."""
SCHEDULE: Final = "schedule (search, claim)"
READ_CONNECTIONS: Final = 8
"""Enough to keep two processes busy."""
FLAVORS: Final = 32
"""What a search is asked for in turn: so many that Innkeeper, which keeps answers to a few, has to
make each search, one of two workers too. What it keeps of a flavor besides is there at once."""
WORKERS_GOAL: Final = Goal("workers", 1.8, TWO_PROCESSES)
"""Of reads that leave two cores to the workers: what the load generator and the database take of
these is next to nothing, and what they take of small reads is half of one."""


class Case(msgspec.Struct, frozen=True):
    """One thing to measure on a cloud."""

    title: str
    work: Callable[[Cloud, int], Work]
    """Takes a number too, another one in each turn: what is claimed must be new."""
    connections: int = 1
    goals: tuple[Goal, ...] = ()
    peer_cap: int | None = None
    """max_allocation_candidates that the peer is given; None: it has no limit."""
    quick: bool = False
    path: str = ""
    """Of a search, whose answers are compared."""
    most: int = 1_000_000
    workers: bool = False
    """Ask one worker and two workers of Innkeeper too."""
    peer: bool = True
    """Ask openstack-placement too, and Innkeeper on SQLite."""


class Scene(msgspec.Struct, frozen=True):
    """A cloud and its cases."""

    cloud: Cloud
    cases: tuple[Case, ...]
    goals: tuple[Goal, ...] = ()
    """Of the server itself: its start, its memory."""
    at_best: Mapping[str, Goal] = {}
    """Of cases that differ in how many ask at a time, by the beginning of their titles: what each
    system reaches where it does most."""
    alone: bool = False
    """Without the peer, and on SQLite only."""


def search(
    title: str,
    query: dict[str, str],
    limit: int | None = None,
    *,
    connections: int = 1,
    goals: tuple[Goal, ...] = (),
    peer_cap: int | None = None,
    quick: bool = False,
) -> Case:
    """Measure one search, made for one flavor after the other."""
    path = candidates_path(query, limit)
    return Case(
        f"{title}, limit {limit:,}" if limit else title,
        lambda _cloud, _turn: Fixed(searches(query, limit)),
        connections=connections,
        goals=goals,
        peer_cap=peer_cap,
        quick=quick,
        path=path,
    )


def searches(query: dict[str, str], limit: int | None) -> list[bytes]:
    """Give the same search for each flavor."""
    return [
        request("GET", candidates_path(flavored(query, number), limit)) for number in range(FLAVORS)
    ]


def flavored(query: dict[str, str], number: int) -> dict[str, str]:
    """Give a query that asks for a little more memory, or numbers its groups in another way."""
    if any("MEMORY_MB:" in value for value in query.values()):
        return {
            name: _MEMORY.sub(lambda at: f"{at[1]}{int(at[2]) + number}", value)
            for name, value in query.items()
        }
    return {
        _SUFFIX.sub(lambda at: f"_{int(at[1]) + number}", name): value
        for name, value in query.items()
    }


def ours(metric: Metric, bound: float) -> tuple[Goal, ...]:
    """Give one goal."""
    return (Goal(metric, bound),)


def gpu_query(groups: int) -> dict[str, str]:
    """Ask for so many GPUs, each a device of its own."""
    query = {"resources": "VCPU:2,MEMORY_MB:2048"}
    query |= {f"resources_{at}": "PGPU:1" for at in range(groups)}
    return {**query, "group_policy": "isolate"}


def wide_query(groups: int) -> dict[str, str]:
    """Ask for so many devices, and for nothing of their root."""
    query = {f"resources_{at}": "PGPU:1" for at in range(groups)}
    return {**query, "group_policy": "isolate"}


def claim_case(connections: int, *, goals: tuple[Goal, ...] = (), quick: bool = False) -> Case:
    """Measure claims, each of a new consumer on a random host."""

    def work(cloud: Cloud, turn: int) -> Work:
        random = Random(f"claims {connections} {turn}")
        return Fixed(list(claims(cloud.roots(1_000), MAX_CLAIMS, random)), once=True)

    return Case(
        f"claim, {connections} at a time",
        work,
        connections=connections,
        goals=goals,
        quick=quick,
        most=MAX_CLAIMS,
    )


def schedule_case(
    connections: int,
    *,
    flavors: int = 1,
    goals: tuple[Goal, ...] = (),
    quick: bool = False,
    peer: bool = True,
) -> Case:
    """Measure a search with limit 10 and a claim of what it found."""
    asked = searches(FLAT_QUERY, 10)[:flavors]
    what = SCHEDULE if flavors == 1 else f"schedule {flavors} flavors (search, claim)"
    return Case(
        f"{what}, {connections} at a time",
        lambda _cloud, turn: Schedule(asked, seed=f"{what} {connections} {turn}"),
        connections=connections,
        goals=goals,
        quick=quick,
        most=max(MAX_CLAIMS, ROUNDS * connections),
        peer=peer,
    )


def each_and_together(
    title: str, work: Callable[[Cloud, int], Work], *, quick: bool = False
) -> Iterator[Case]:
    """Measure small requests one at a time, and as many as keep two processes busy.

    The goal is the same: the first waits for the kernel to wake those who sleep, which costs every
    system as much, the second seldom does.
    """
    goals = ours("cpu", 30)
    yield Case(title, work, goals=goals, quick=quick)
    together = f"{title}, {READ_CONNECTIONS} at a time"
    yield Case(together, work, connections=READ_CONNECTIONS, goals=goals, quick=quick)


def reads(title: str, path: str, *, quick: bool = False) -> Iterator[Case]:
    """Measure a GET of ``path`` for one provider after the other."""

    def work(cloud: Cloud, _turn: int) -> Work:
        return Fixed([request("GET", path.format(uuid)) for uuid in cloud.roots(READERS)])

    return each_and_together(title, work, quick=quick)


def updates(*, changing: bool, quick: bool = False) -> Iterator[Case]:
    """Measure what a compute host does every minute, or when it has really changed."""
    first = {
        one.resource_class: {"total": one.total, "allocation_ratio": one.allocation_ratio}
        for one in FLAT
    }
    second = {**first, "DISK_GB": {"total": 40_001.0, "allocation_ratio": 1.0}}

    def work(cloud: Cloud, _turn: int) -> Work:
        paths = [f"/resource_providers/{uuid}/inventories" for uuid in cloud.roots(READERS)]
        whole: list[dict[str, dict[str, float]]] = [first, second] if changing else [first]
        return Stocks(paths, whole)

    kind = "of one class" if changing else "that changes nothing"
    return each_and_together(f"inventory update {kind}", work, quick=quick)


def workers_case(
    title: str, query: dict[str, str], limit: int, *, goals: tuple[Goal, ...] = (WORKERS_GOAL,)
) -> Case:
    """Measure what a second worker adds to searches that keep nothing but a worker busy.

    Without the peer, which takes minutes for some of them.
    """
    case = search(
        f"{title}, {READ_CONNECTIONS} at a time",
        query,
        limit,
        connections=READ_CONNECTIONS,
        goals=goals,
    )
    return msgspec.structs.replace(case, workers=True, peer=False)


def small_workers_cases() -> Iterator[Case]:
    """Measure what a second worker adds where two cores are too few for it to add much.

    A small search costs the load generator and the database a good part of what it costs the
    worker, so that one worker and they keep both cores busy; hence no goal.
    """
    for limit in (10, 1_000):
        case = workers_case("candidates", FLAT_QUERY, limit, goals=())
        yield msgspec.structs.replace(case, peer=True)


def project_usages() -> Iterator[Case]:
    """Measure what projects use that hold the same in both: they were there from the start."""

    def work(_cloud: Cloud, _turn: int) -> Work:
        # The first may lack some: consumers are counted from 1.
        projects = [project(number * CONSUMERS_A_PROJECT) for number in range(1, READERS)]
        # From 1.38 on, openstack-placement answers 500 to this on PostgreSQL.
        return Fixed(
            [request("GET", f"/usages?project_id={each}", version="1.37") for each in projects]
        )

    return each_and_together("usages of a project", work)


FLAT_1000: Final = (
    search("candidates", FLAT_QUERY, 10, goals=ours("cpu", 150), quick=True),
    search("candidates", FLAT_QUERY, 1_000),
    *small_workers_cases(),
    *reads("provider show", "/resource_providers/{}", quick=True),
    *reads("tree list", "/resource_providers?in_tree={}"),
    claim_case(1),
    claim_case(4),
    claim_case(16),
    claim_case(64, goals=ours("per_s", 50), quick=True),
    *reads("usages of a provider", "/resource_providers/{}/usages"),
    *project_usages(),
    *updates(changing=False, quick=True),
    *updates(changing=True),
    schedule_case(8, goals=ours("per_s", 300), quick=True),
    schedule_case(64, goals=ours("per_s", 300), quick=True),
    schedule_case(MOST_CALLERS, quick=True, peer=False),
    schedule_case(64, flavors=FLAVORS),
)


def scenes() -> tuple[Scene, ...]:
    """Give everything that there is to measure, in order."""
    return (
        Scene(
            clouds.flat(1_000, consumers=READERS * CONSUMERS_A_PROJECT),
            FLAT_1000,
            at_best={SCHEDULE: Goal("per_s", 300)},
        ),
        Scene(
            clouds.flat(10_000),
            (
                search(
                    "candidates",
                    FLAT_QUERY,
                    10,
                    goals=(*ours("cpu", 1_000), *ours("p50", 500)),
                    quick=True,
                ),
                search("candidates", FLAT_QUERY, 1_000, goals=ours("cpu", 400)),
                schedule_case(8, goals=ours("per_s", 2_000)),
                schedule_case(16, goals=ours("per_s", 2_000)),
                schedule_case(MOST_CALLERS, peer=False),
            ),
            goals=ours("memory_mb", 150),
            at_best={SCHEDULE: Goal("per_s", 2_000)},
        ),
        Scene(clouds.small(1_000), (schedule_case(64),)),
        Scene(
            clouds.nested(1_000),
            (
                search("candidates", NESTED_QUERY, 10, goals=ours("cpu", 200)),
                search("candidates", NESTED_QUERY, 1_000, goals=ours("cpu", 200)),
                workers_case("candidates", NESTED_QUERY, 1_000),
            ),
        ),
        Scene(clouds.gpus(200, 8), _gpu_cases()),
        Scene(
            clouds.perfload_flat(),
            (search("its query", PERFLOAD_QUERY, connections=PERFLOAD_CONNECTIONS),),
        ),
        Scene(
            clouds.perfload_nested(),
            (search("its query", PERFLOAD_NESTED_QUERY, connections=PERFLOAD_CONNECTIONS),),
        ),
        Scene(
            clouds.wide(8),
            (search("8 isolated groups", wide_query(8), 1_000, peer_cap=PEER_CAP),),
        ),
        *_alone(),
    )


def _gpu_cases() -> tuple[Case, ...]:
    return (
        search("1 group", gpu_query(1), 1_000),
        search("2 isolated groups", gpu_query(2), 1_000),
        search("4 isolated groups", gpu_query(4), 10, goals=ours("p50_ms", 20), peer_cap=PEER_CAP),
        search(
            "8 isolated groups", gpu_query(8), 1_000, goals=ours("p50_ms", 50), peer_cap=PEER_CAP
        ),
        workers_case("4 isolated groups", gpu_query(4), 1_000),
        workers_case("8 isolated groups", gpu_query(8), 1_000),
    )


def _alone() -> tuple[Scene, ...]:
    def goal(metric: Metric, bound: float) -> Goal:
        return Goal(metric, bound, "innkeeper-sqlite")

    return (
        Scene(
            clouds.flat(100_000),
            (
                search("candidates", FLAT_QUERY, 10, goals=(goal("p50_ms", 5),)),
                search("candidates", FLAT_QUERY, 1_000),
                claim_case(64),
                schedule_case(64),
            ),
            goals=(goal("start_s", 15),),
            alone=True,
        ),
        Scene(
            clouds.flat(1_000_000),
            (search("candidates", FLAT_QUERY, 10, goals=(goal("p50_ms", 40),)),),
            goals=(goal("memory_mb", 3 * 1024),),
            alone=True,
        ),
        Scene(
            clouds.wide(5_000),
            (
                search("2 isolated groups", wide_query(2), 1_000),
                search("8 isolated groups", wide_query(8), 1_000),
            ),
            alone=True,
        ),
    )
