from random import Random

import numpy as np
import pytest

from innkeeper.core.ids import HostName
from innkeeper.core.picture import Picture, WorkloadPicture
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import GroupPolicy, ServerGroup
from innkeeper.replay.openb import OPENB, Node, Task, candidate_request
from innkeeper.scheduler.asked import Asked, GpuAsk, asked_by
from innkeeper.scheduler.devices import BestFitDevice, DeviceChooser, RandomDevice
from innkeeper.scheduler.group_picks import GroupPicks
from innkeeper.scheduler.weighers.base import Weigher, Weighted
from innkeeper.scheduler.weighers.best_fit import BestFitWeigher
from innkeeper.scheduler.weighers.chance import RandomWeigher
from innkeeper.scheduler.weighers.cpu import CpuWeigher
from innkeeper.scheduler.weighers.disk import DiskWeigher
from innkeeper.scheduler.weighers.dot_product import DotProductWeigher
from innkeeper.scheduler.weighers.gpu_clustering import GpuClusteringWeigher
from innkeeper.scheduler.weighers.gpu_norm import GpuNorm
from innkeeper.scheduler.weighers.gpu_packing import GpuPackingWeigher
from innkeeper.scheduler.weighers.ram import RamWeigher
from innkeeper.scheduler.weighers.soft_affinity import ServerGroupSoftAffinityWeigher
from innkeeper.scheduler.weighers.soft_anti_affinity import ServerGroupSoftAntiAffinityWeigher
from tests.unit.scheduler.cluster import Cluster, flat_request

FLAT = asked_by(RequestSpec(flat_request(VCPU=1)), OPENB)
WITHOUT_GPU = Task("cpu", 4000, 1024, 0, 0)
SHARE = Task("share", 4000, 1024, 1, 300)
WHOLE = Task("whole", 4000, 1024, 2, 1000)


def asked(task: Task, **fields: object) -> Asked:
    spec = RequestSpec(candidate_request(task), workload=task.workload, **fields)  # type: ignore[arg-type]
    return asked_by(spec, OPENB)


def gpu_cluster(*nodes: tuple[int, list[int]]) -> Cluster:
    """Give nodes by free milli-CPU and what each GPU has left."""
    cluster = Cluster()
    for number, (cpu, left) in enumerate(nodes):
        cluster.add_node(Node(f"n{number}", cpu, 2**20, len(left), "T4" if left else ""))
        if left:
            cluster.use(f"n{number}", OPENB.gpu, [1000 - milli for milli in left])
    return cluster


def scores(cluster: Cluster, weigher: Weigher, of: Asked) -> list[float] | None:
    hosts = cluster.index.hosts
    found = weigher.score(of, hosts, hosts.alive)
    return None if found is None else found.tolist()


@pytest.mark.parametrize(
    ("weigher", "expected"),
    [(RamWeigher(), [900, 2048]), (CpuWeigher(), [4, 8]), (DiskWeigher(), [70, 0])],
)
def test_by_what_is_free(weigher: Weigher, expected: list[float]) -> None:
    cluster = Cluster()
    cluster.add_host("a", {"VCPU": 6, "MEMORY_MB": 1024, "DISK_GB": 70})
    cluster.add_host("b", {"VCPU": 8, "MEMORY_MB": 2048})
    cluster.use("a", "VCPU", [2])
    cluster.use("a", "MEMORY_MB", [124])
    assert scores(cluster, weigher, FLAT) == expected


@pytest.mark.parametrize(
    ("multiplier", "expected"), [(1.0, [0.0, 0.5, 1.0]), (-2.0, [0.0, -1.0, -2.0])]
)
def test_unit_scale_goes_from_the_least_to_the_greatest_in_question(
    multiplier: float, expected: list[float]
) -> None:
    cluster = Cluster()
    for name, cpu in (("a", 2), ("b", 4), ("c", 6), ("d", 100)):
        cluster.add_host(name, {"VCPU": cpu})
    free = cluster.index.hosts.free_floats("VCPU")
    found = Weighted(CpuWeigher(), multiplier).scaled(free, 2, 6)
    assert found is not None
    assert found[:3].tolist() == pytest.approx(expected)


def test_equal_hosts_get_no_score_from_a_scaled_weigher() -> None:
    assert Weighted(CpuWeigher()).scaled(np.array([2.0, 2.0]), 2, 2) is None
    assert Weighted(CpuWeigher()).scaled(np.array([np.nan]), np.nan, np.nan) is None


def test_percent_scale_gives_whole_numbers() -> None:
    weighted = Weighted(CpuWeigher(), 1.0, "percent")
    found = weighted.scaled(np.array([10.0, 13.0, 17.0]), 10, 17)
    assert found is not None
    assert found.tolist() == [0.0, 42.0, 100.0]
    assert weighted.scaled(13.0, 10, 17) == 42.0


def test_raw_scale_leaves_the_scores() -> None:
    assert Weighted(CpuWeigher(), 2.0, "raw").scaled(3.0, 3, 3) == 6.0


def test_random_gives_every_host_a_chance() -> None:
    cluster = gpu_cluster((4000, []), (4000, []), (4000, []))
    weigher = RandomWeigher(np.random.default_rng(3))
    best = [int(np.argmax(scores(cluster, weigher, FLAT) or [])) for _ in range(300)]
    assert min(best.count(position) for position in range(3)) > 60


def test_dot_product_truncates_to_whole_numbers() -> None:
    cluster = gpu_cluster((128_000, [1000] * 8), (64_000, [500, 1000]), (96_000, []))
    weigher = DotProductWeigher(OPENB, GpuNorm())
    cpu, gpu = 4000 / 128_000, 2000 / 8000
    expected = [
        int(100 * (1 - (1.0 * cpu + 1.0 * gpu) / 2)),
        int(100 * (1 - (0.5 * cpu + 0.1875 * gpu) / 2)),
        int(100 * (1 - 0.75 * cpu / 2)),
    ]
    assert scores(cluster, weigher, asked(WHOLE)) == expected


def test_best_fit_is_what_remains() -> None:
    cluster = gpu_cluster((128_000, [1000] * 8), (4_000, [1000, 1000]))
    weigher = BestFitWeigher(OPENB, GpuNorm())
    assert scores(cluster, weigher, asked(WHOLE)) == [
        int(100 * (1 - 0.5 * 124_000 / 128_000 - 0.5 * 6000 / 8000)),
        100,
    ]


def test_gpu_clustering_prefers_its_own_kind_then_empty_hosts() -> None:
    cluster = gpu_cluster(*[(8000, [500, 1000])] * 4)
    for name, labels in (("n0", ("share",)), ("n1", ("gpu2", "share")), ("n3", ("gpu2",))):
        counts = tuple((label, 1) for label in labels)
        cluster.index.apply(Picture(workloads=(WorkloadPicture(HostName(name), counts),)))
    weigher = GpuClusteringWeigher(OPENB, GpuNorm())
    fullness = (8000 - 1500) * 25 // 8000
    assert scores(cluster, weigher, asked(SHARE)) == [
        75 + fullness,
        50 + fullness,
        25 + fullness,
        fullness,
    ]
    assert scores(cluster, weigher, asked(WITHOUT_GPU)) is None


@pytest.mark.parametrize(
    ("left", "task", "expected"),
    [
        ([1000] * 8, SHARE, 33 - 8),
        ([1000, 1000], SHARE, 33 - 2),
        ([1000] * 20, SHARE, 20),
        ([500, 1000], SHARE, 100 - 50 // 10),
        ([305, 1000], SHARE, 100 - 30 // 10),
        ([200, 1000], SHARE, 50 - 1),
        ([200, 1000, 1000], WHOLE, 50 - 2),
        ([0] * 3 + [1000] * 17, Task("t", 1, 1, 8, 1000), 50 - 8),
    ],
)
def test_gpu_packing_begins_as_little_as_it_can(left: list[int], task: Task, expected: int) -> None:
    cluster = gpu_cluster((96_000, left))
    assert scores(cluster, GpuPackingWeigher(OPENB), asked(task)) == [expected]


def test_gpu_packing_without_gpus() -> None:
    cluster = gpu_cluster((96_000, []))
    assert scores(cluster, GpuPackingWeigher(OPENB), asked(SHARE)) == [0]
    assert scores(cluster, GpuPackingWeigher(OPENB), asked(WITHOUT_GPU)) is None


@pytest.mark.parametrize(
    ("policy", "make", "expected"),
    [
        ("soft-affinity", ServerGroupSoftAffinityWeigher, [0, 3]),
        ("soft-anti-affinity", ServerGroupSoftAntiAffinityWeigher, [0, -3]),
        ("soft-anti-affinity", ServerGroupSoftAffinityWeigher, None),
        ("affinity", ServerGroupSoftAntiAffinityWeigher, None),
    ],
)
def test_soft_policies_count_members(
    policy: GroupPolicy,
    make: type[ServerGroupSoftAffinityWeigher | ServerGroupSoftAntiAffinityWeigher],
    expected: list[float] | None,
) -> None:
    cluster = Cluster()
    for name in "ab":
        cluster.add_host(name, {"VCPU": 2})
    members = ((HostName("b"), 2), (HostName("gone"), 1))
    cluster.add_group(ServerGroup("g", "g", policy, members=members))
    picks = GroupPicks(cluster.index.hosts)
    picks.add("g", 1)
    of = asked_by(RequestSpec(flat_request(VCPU=1), group="g"), OPENB)
    assert scores(cluster, make(cluster.index.groups, picks), of) == expected


# --- what is asked, and which GPU ---------------------------------------------------------


def test_asked_sums_up_all_groups() -> None:
    task = Task("t", 4000, 1024, 2, 1000, "T4|P100")
    of = asked(task)
    assert of.amounts == {OPENB.cpu: 4000, "MEMORY_MB": 1024, OPENB.gpu: 2000}
    assert of.gpu == GpuAsk(
        cpu=4000,
        gpus=2,
        gpu_milli=1000,
        models=frozenset({"CUSTOM_GPU_MODEL_T4", "CUSTOM_GPU_MODEL_P100"}),
    )
    assert of.gpu.total_milli == 2000
    assert not of.gpu.shares
    assert asked(SHARE).gpu.shares


@pytest.mark.parametrize(
    ("left", "task", "expected"),
    [
        ([1000, 400, 300, 200, 400], SHARE, [2, 1, 4, 0, 3]),
        ([0, 1000, 500, 1000], WHOLE, [1, 3, 0, 2]),
    ],
)
def test_best_fit_device(left: list[int], task: Task, expected: list[int]) -> None:
    cluster = gpu_cluster((1, left))
    found = BestFitDevice().order(asked(task), cluster.index.hosts, 0, np.array(left))
    assert found == expected


def test_random_device_takes_any_that_is_enough_but_whole_ones_by_number() -> None:
    left = [1000, 200, 1000, 400]
    hosts = gpu_cluster((1, left)).index.hosts
    chooser: DeviceChooser = RandomDevice(Random(5))
    first = [chooser.order(asked(SHARE), hosts, 0, np.array(left))[0] for _ in range(100)]
    assert set(first) == {0, 2, 3}
    assert list(chooser.order(asked(WHOLE), hosts, 0, np.array(left)))[:2] == [0, 2]
