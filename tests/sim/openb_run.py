"""One run of the published OpenB protocol against an index and the scheduler, without store."""

from collections.abc import Sequence
from random import Random

from innkeeper.core.errors import NoValidHost
from innkeeper.core.request_spec import RequestSpec
from innkeeper.replay.inflation import arrivals, gpu_capacity_milli, node_order
from innkeeper.replay.measure import Curve, Measure
from innkeeper.replay.openb import OPENB, Node, Task, candidate_request, typical_tasks
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.scheduler.weighers.fgd import FgdWeigher
from tests.unit.scheduler.cluster import Cluster, ClusterClaimer, instances


async def run(policy: str, nodes: Sequence[Node], tasks: Sequence[Task], *, seed: int) -> Curve:
    """Give the curve of one run."""
    random = Random(seed)
    capacity = gpu_capacity_milli(nodes)
    sequence = arrivals(tasks, capacity_milli=capacity, random=random)
    cluster = Cluster()
    for node in node_order(nodes, random=random):
        cluster.add_node(node)
    typical = typical_tasks(tasks)
    scheduler = Scheduler(
        cluster.index,
        settings=SchedulerSettings(policy=policy, typical=typical),
        random=random,
    )
    gauge = FgdWeigher(OPENB, typical)
    measure = Measure(capacity)
    for number, task in enumerate(sequence):
        spec = RequestSpec(candidate_request(task), workload=task.workload)
        try:
            await scheduler.select_destinations(
                spec,
                instances(1, first=number),
                alternates=0,
                claimer=ClusterClaimer(cluster, spec),
            )
            placed = True
        except NoValidHost:
            placed = False
        measure.arrived(
            task.asked_gpu_milli,
            placed=placed,
            fragmented_milli=gauge.fragmentation(cluster.index.hosts),
        )
    return measure.curve()
