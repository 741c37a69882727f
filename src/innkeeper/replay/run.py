"""One run of the published protocol: every task scheduled and durably claimed, in order.

The instances are recorded as active, and nothing is built: what is measured is how well a
policy packs, through the same scheduler and the same claims that serve an API request.
"""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from innkeeper.conductor.hosts import register_hosts
from innkeeper.config import Config
from innkeeper.core.audit import AuditReport
from innkeeper.core.ids import CellName
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


class _Runner:
    """Places the tasks of one run, one after the other, as the protocol demands."""

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

    async def place_all(self, tell: Callable[[Progress], None]) -> Progress:
        for done, task in enumerate(self._sequence, start=1):
            await self._place(task)
            if done % PROGRESS_EVERY == 0:
                tell(self._progress(done))
        last = self._progress(len(self._sequence))
        tell(last)
        return last

    async def _place(self, task: Task) -> None:
        spec = placing.request_spec(task, policy=self._policy)
        (instance,) = await self._parts.conductor.create_instances(
            spec, [task.name], alternates=0, build=False
        )
        self.measure.arrived(
            task.asked_gpu_milli,
            placed=instance.status == "ACTIVE",
            fragmented_milli=self._meter.fragmentation(self._parts.index.hosts),
        )

    def _progress(self, done: int) -> Progress:
        measure = self.measure
        return Progress(
            done=done,
            tasks=len(self._sequence),
            refused=measure.failed,
            arrived_percent=100 * measure.arrived_milli / measure.capacity_milli,
            allocated_percent=100 * measure.used_milli / measure.capacity_milli,
            elapsed_s=time.monotonic() - self._began,
        )
