"""Nodes as hosts, tasks as request specs: a trace in the terms of the system.

Pure. What a task asks of the Placement model is `openb.candidate_request`.
"""

import uuid
from typing import Final

from innkeeper.core.ids import HostName, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.report import HostReport, ProviderReport
from innkeeper.core.request_spec import RequestSpec
from innkeeper.replay.openb import (
    GPU_MILLI,
    OPENB,
    Node,
    Task,
    candidate_request,
    model_trait,
    typical_tasks,
)
from innkeeper.replay.trace import Trace
from innkeeper.scheduler.settings import SchedulerSettings

PROJECT: Final = "openb"
"""Project and user of all instances of a replay."""

POLICIES: Final = (
    "random",
    "dot-product",
    "gpu-clustering",
    "gpu-packing",
    "best-fit",
    "fgd",
)
"""Profiles that were published, the worst first."""

_NAMESPACE: Final = uuid.UUID("7a3f0a52-52a4-5b7c-9a32-2f0cbd0a6d10")
"""Of the uuids of the nodes' providers: a node is the same provider in every replay."""


def host_report(node: Node) -> HostReport:
    """Give a node as a host: a root with CPU and memory, and each GPU as a child of it."""
    root = ProviderReport(
        uuid=_uuid(node.name),
        name=node.name,
        inventories=(_all_of(OPENB.cpu, node.cpu_milli), _all_of("MEMORY_MB", node.memory_mb)),
    )
    gpus = (
        ProviderReport(
            uuid=_uuid(f"{node.name}_gpu{number}"),
            name=f"{node.name}_gpu{number}",
            inventories=(_all_of(OPENB.gpu, GPU_MILLI),),
            traits=(model_trait(node.model),),
            parent=root.uuid,
        )
        for number in range(node.gpus)
    )
    return HostReport(HostName(node.name), (root, *gpus))


def request_spec(task: Task, *, policy: str) -> RequestSpec:
    """Give what a task asks, to be decided by ``policy``."""
    return RequestSpec(
        request=candidate_request(task),
        project_id=PROJECT,
        user_id=PROJECT,
        policy=policy,
        workload=task.workload,
    )


def scheduling(trace: Trace, *, policy: str) -> SchedulerSettings:
    """Give the scheduler's settings for a replay: ties go to the node that was first."""
    return SchedulerSettings(policy=policy, gpu=OPENB, typical=typical_tasks(trace.tasks))


def _all_of(resource_class: str, total: int) -> Inventory:
    return Inventory(resource_class, total, max_unit=total)


def _uuid(name: str) -> RpUuid:
    return RpUuid(str(uuid.uuid5(_NAMESPACE, name)))
