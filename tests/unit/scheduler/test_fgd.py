import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from innkeeper.core.request_spec import RequestSpec
from innkeeper.replay.openb import (
    OPENB,
    Node,
    Task,
    candidate_request,
    load_nodes,
    load_tasks,
    model_trait,
    typical_tasks,
)
from innkeeper.scheduler.asked import Asked, asked_by
from innkeeper.scheduler.weighers.fgd import FgdWeigher
from innkeeper.scheduler.weighers.fragmentation import TypicalTask
from tests.unit.scheduler.cluster import Cluster

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "openb_test_vectors.json").read_text()
)


@pytest.fixture(scope="module")
def tasks(checkout: Path) -> tuple[Task, ...]:
    return load_tasks(checkout / "examples/openb/openb_pod_list_default.csv.gz")


def cases() -> Iterator[tuple[dict[str, Any], dict[str, Any], float]]:
    for case in VECTORS["cases"]:
        for placement in case["placements"]:
            yield case["node"], placement, case["frag_gpu_milli"]


def cluster_of(*nodes: dict[str, Any]) -> Cluster:
    """Give a cluster whose nodes have left what the vectors say."""
    cluster = Cluster()
    for number, node in enumerate(nodes):
        left = node["gpu_milli_left"]
        name = f"n{number}"
        cluster.add_node(Node(name, node["cpu_milli_left"], 10**6, len(left), node["model"]))
        cluster.use(name, OPENB.gpu, [1000 - milli for milli in left])
    return cluster


def asked(pod: dict[str, Any]) -> Asked:
    task = Task("t", pod["cpu_milli"], 1, pod["num_gpu"], pod["gpu_milli"])
    return asked_by(RequestSpec(candidate_request(task)), OPENB)


def test_typical_tasks_are_those_of_the_vectors(tasks: tuple[Task, ...]) -> None:
    expected = VECTORS["typical_pods_default"]
    found = typical_tasks(tasks)
    assert [(t.cpu, t.gpus, t.gpu_milli) for t in found] == [
        (t["cpu_milli"], t["num_gpu"], t["gpu_milli"]) for t in expected
    ]
    assert [t.weight for t in found] == pytest.approx([t["weight"] for t in expected])


def test_fragmentation_of_the_empty_cluster(checkout: Path, tasks: tuple[Task, ...]) -> None:
    cluster = Cluster()
    for node in load_nodes(checkout / "examples/openb/openb_node_list_gpu_node.csv"):
        cluster.add_node(node)
    found = FgdWeigher(OPENB, typical_tasks(tasks)).fragmentation(cluster.index.hosts)
    expected = VECTORS["workloads"]["default"]["empty_cluster_frag_gpu_milli"]
    assert found == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("node", "placement", "before"), list(cases()))
def test_score_and_gpu_are_those_of_the_vectors(
    node: dict[str, Any],
    placement: dict[str, Any],
    before: float,
    tasks: tuple[Task, ...],
) -> None:
    cluster = cluster_of(node)
    hosts = cluster.index.hosts
    weigher = FgdWeigher(OPENB, typical_tasks(tasks))
    assert weigher.fragmentation(hosts) == pytest.approx(before, abs=1e-5)
    if not placement.get("feasible", True):
        return
    wanted = asked(placement["pod"])
    assert weigher.score(wanted, hosts, hosts.alive)[0] == placement["fgd_score"]
    free = hosts.devices(OPENB.gpu).free[0]
    count = len(placement["gpu_index"])
    assert list(weigher.order(wanted, hosts, 0, free))[:count] == placement["gpu_index"]

    # What was predicted is what comes true.
    used = [1000 - milli for milli in node["gpu_milli_left"]]
    for number in placement["gpu_index"]:
        used[number] += placement["pod"]["gpu_milli"]
    cluster.use("n0", OPENB.gpu, used)
    cluster.use("n0", OPENB.cpu, [placement["pod"]["cpu_milli"]])
    assert weigher.fragmentation(hosts) == pytest.approx(placement["frag_after"], abs=1e-5)


def test_kept_scores_are_those_of_a_fresh_weigher(tasks: tuple[Task, ...]) -> None:
    nodes = [case["node"] for case in VECTORS["cases"]]
    cluster = cluster_of(*nodes)
    hosts = cluster.index.hosts
    kept = FgdWeigher(OPENB, typical_tasks(tasks))
    wanted = asked({"cpu_milli": 100, "num_gpu": 1, "gpu_milli": 190})
    for used in (0, 500, 810, 0):
        cluster.use("n0", OPENB.gpu, [used] * 8)
        fresh = FgdWeigher(OPENB, typical_tasks(tasks))
        assert np.array_equal(
            kept.score(wanted, hosts, hosts.alive), fresh.score(wanted, hosts, hosts.alive)
        )


def test_a_host_outside_the_mask_is_computed_once_it_is_inside(tasks: tuple[Task, ...]) -> None:
    cluster = cluster_of(*[case["node"] for case in VECTORS["cases"]])
    hosts = cluster.index.hosts
    weigher = FgdWeigher(OPENB, typical_tasks(tasks))
    wanted = asked({"cpu_milli": 4000, "num_gpu": 1, "gpu_milli": 190})
    some = hosts.alive & (np.arange(len(hosts)) > 2)
    weigher.score(wanted, hosts, some)
    fresh = FgdWeigher(OPENB, typical_tasks(tasks))
    assert np.array_equal(
        weigher.score(wanted, hosts, hosts.alive), fresh.score(wanted, hosts, hosts.alive)
    )


def test_a_new_host_and_a_new_model_are_seen(tasks: tuple[Task, ...]) -> None:
    cluster = cluster_of(VECTORS["cases"][0]["node"])
    hosts = cluster.index.hosts
    weigher = FgdWeigher(OPENB, typical_tasks(tasks))
    before = weigher.fragmentation(hosts)
    cluster.add_node(Node("new", 96_000, 10**6, 8, "G9"))
    assert weigher.fragmentation(hosts) == pytest.approx(2 * before)


def test_a_model_that_a_task_does_not_accept_is_a_fragment() -> None:
    typical = [TypicalTask(1000, 1, 500, frozenset({model_trait("T4")}), 1.0)]
    cluster = cluster_of(
        {"cpu_milli_left": 4000, "gpu_milli_left": [700, 300], "model": "T4"},
        {"cpu_milli_left": 4000, "gpu_milli_left": [700, 300], "model": "G2"},
    )
    weigher = FgdWeigher(OPENB, typical)
    assert weigher.fragmentation(cluster.index.hosts) == 300 + 1000


def test_without_typical_tasks_all_hosts_are_the_same() -> None:
    cluster = cluster_of(*[case["node"] for case in VECTORS["cases"]])
    hosts = cluster.index.hosts
    wanted = asked({"cpu_milli": 100, "num_gpu": 1, "gpu_milli": 100})
    assert set(FgdWeigher(OPENB, ()).score(wanted, hosts, hosts.alive)) == {50.0}
