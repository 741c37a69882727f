"""One run of the published protocol: every task scheduled and durably claimed, in order.

The instances are recorded as active, and nothing is built: what is measured is how well a
policy packs, through the same scheduler and the same claims that serve an API request.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from innkeeper.conductor.hosts import register_hosts
from innkeeper.config import Config
from innkeeper.core.audit import AuditReport
from innkeeper.core.ids import CellName
from innkeeper.core.instance import Instance
from innkeeper.replay import placing
from innkeeper.replay.inflation import arrivals, gpu_capacity_milli, node_order
from innkeeper.replay.measure import Curve, Measure
from innkeeper.replay.openb import OPENB, Task
from innkeeper.replay.trace import Trace
from innkeeper.scheduler.weighers.fgd import FgdWeigher
from innkeeper.store.audit import audit
from innkeeper.wiring.parts import Parts, make_parts, open_store

CELL: Final = CellName("openb")
"""The one cell of such a run: the protocol knows none."""

MAX_UNDER_WAY: Final = 64
"""Claims on their way to the disk: enough to fill the time that one commit takes."""

COUNTS_WORKLOADS: Final = frozenset({"gpu-clustering"})
"""Policies that look at what the store says is running; they wait for each claim."""

PROGRESS_EVERY: Final = 50
"""Tasks between two reports of progress: some ten reports a second."""


class RunAsked(msgspec.Struct, frozen=True):
    """Which run to make."""

    policy: str
    seed: int
    data_dir: Path
    """An empty directory for its database."""


class Progress(msgspec.Struct, frozen=True):
    """How far a run is."""

    done: int
    tasks: int
    """How many there are."""
    refused: int
    arrived_percent: float
    allocated_percent: float
    elapsed_s: float


class RunResult(msgspec.Struct, frozen=True):
    """What a run came to."""

    asked: RunAsked
    curve: Curve
    last: Progress
    audit: AuditReport


async def run(asked: RunAsked, trace: Trace, *, tell: Callable[[Progress], None]) -> RunResult:
    """Make one run. ``tell`` is called with its progress now and then. Raises SetupError."""
    random = Random(asked.seed)
    capacity = gpu_capacity_milli(trace.nodes)
    sequence = arrivals(trace.tasks, capacity_milli=capacity, random=random)
    order = node_order(trace.nodes, random=random)
    config = msgspec.structs.replace(Config(), data_dir=str(asked.data_dir))
    store = open_store(config)
    try:
        parts = make_parts(
            config,
            store,
            scheduling=placing.scheduling(trace, policy=asked.policy),
            random=random,
            is_ready=lambda: True,
        )
        store.start(parts.index.apply)
        await register_hosts(store, CELL, [placing.host_report(node) for node in order])
        await parts.watch.look()
        runner = _Runner(parts, asked, sequence, measure=Measure(capacity), trace=trace)
        last = await runner.place_all(tell)
        report = await store.read(audit)
    finally:
        await store.close()
    return RunResult(asked, curve=runner.measure.curve(), last=last, audit=report)


class _Arrival(msgspec.Struct, frozen=True):
    """A task whose place is chosen, and the cluster's fragmentation just after that."""

    task: Task
    creation: asyncio.Task[tuple[Instance, ...]]
    fragmented_milli: float


class _Runner:
    """Places the tasks of one run, one after the other, as the protocol demands.

    A place is chosen only when all earlier choices are made, and sees them all; but their
    claims may still be on their way to the disk, several in one transaction. A task that found
    no place while others' claims were in flight looks again once they are settled; as nothing
    is ever released here, it is refused then too.
    """

    def __init__(
        self,
        parts: Parts,
        asked: RunAsked,
        sequence: list[Task],
        *,
        measure: Measure,
        trace: Trace,
    ) -> None:
        self.measure = measure
        self._parts = parts
        self._policy = asked.policy
        self._sequence = sequence
        # Fragmentation is measured by FGD's own measure, whatever the policy.
        typical = placing.scheduling(trace, policy=asked.policy).typical
        self._meter = FgdWeigher(OPENB, typical)
        self._began = time.monotonic()
        self._done = 0

    async def place_all(self, tell: Callable[[Progress], None]) -> Progress:
        """Place all; give the progress at the end."""
        under_way: deque[_Arrival] = deque()
        limit = 1 if self._policy in COUNTS_WORKLOADS else MAX_UNDER_WAY
        for task in self._sequence:
            if len(under_way) == limit:
                await self._account(under_way.popleft(), tell)
            under_way.append(await self._begin(task))
        while under_way:
            await self._account(under_way.popleft(), tell)
        return self._progress()

    async def _begin(self, task: Task) -> "_Arrival":
        spec = placing.request_spec(task, policy=self._policy)
        creation = asyncio.create_task(
            self._parts.conductor.create_instances(spec, [task.name], alternates=0, build=False)
        )
        # It now runs as far as its claim: the place is chosen and held, so that the next task
        # sees it taken, though the claim is not durable yet.
        await asyncio.sleep(0)
        return _Arrival(task, creation, self._meter.fragmentation(self._parts.index.hosts))

    async def _account(self, arrival: "_Arrival", tell: Callable[[Progress], None]) -> None:
        (instance,) = await arrival.creation
        self.measure.arrived(
            arrival.task.asked_gpu_milli,
            placed=instance.status == "ACTIVE",
            fragmented_milli=arrival.fragmented_milli,
        )
        self._done += 1
        if self._done % PROGRESS_EVERY == 0 or self._done == len(self._sequence):
            tell(self._progress())

    def _progress(self) -> Progress:
        measure = self.measure
        return Progress(
            done=self._done,
            tasks=len(self._sequence),
            refused=measure.failed,
            arrived_percent=100 * measure.arrived_milli / measure.capacity_milli,
            allocated_percent=100 * measure.used_milli / measure.capacity_milli,
            elapsed_s=time.monotonic() - self._began,
        )
