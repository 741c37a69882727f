"""A replay through the whole system: each task becomes an instance that agents build.

Every task of the list is sent once. It is scheduled and claimed, its cell's conductor has it
built by the agent of its host, and where a build fails it goes to an alternate, until it is
ACTIVE or in ERROR.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from random import Random
from typing import Final

import msgspec

from innkeeper.config import Config
from innkeeper.core.audit import AuditReport
from innkeeper.core.ids import CellName
from innkeeper.core.instance_filter import InstanceFilter, InstancePage
from innkeeper.core.report import HostReport
from innkeeper.replay import placing
from innkeeper.replay.inflation import gpu_capacity_milli, node_order
from innkeeper.replay.openb import GPU_MILLI, OPENB, Task
from innkeeper.replay.trace import Trace
from innkeeper.store.audit import audit
from innkeeper.store.tally import Tally, tally
from innkeeper.wiring.system import System

SENDERS: Final = 32
"""Requests under way at once, as from so many clients."""
MAX_BUILDING: Final = 96
"""Builds under way at once: as many as keep all conductors busy. With many more, an alternate
is full by the time that its turn comes: a policy that packs fills the best hosts first."""
BREATH_S: Final = 0.005
"""Pause of a client who found that many builds under way."""
LOOK_S: Final = 0.5
"""Pause between two looks at how far the instances are."""
QUIET_S: Final = 120.0
"""Without any change for this long, what is unfinished is stuck, and we say so."""


class ServersProgress(msgspec.Struct, frozen=True):
    """How far the replay is."""

    tasks: int
    """How many there are."""
    sent: int
    active: int
    building: int
    refused: int
    """No host had room."""
    failed: int
    """In ERROR for another reason."""
    retried: int
    """Built, or tried, on more than one host."""
    allocated_percent: float
    """GPU that is claimed, of all."""
    per_second: float
    """Instances that came to their end, a second, since the start."""
    elapsed_s: float


class ServersResult(msgspec.Struct, frozen=True):
    """What the replay came to."""

    policy: str
    seed: int
    hosts: int
    cells: int
    last: ServersProgress
    errors: Mapping[str, int]
    """How many are in ERROR, by the code of the fault."""
    arrived_percent: float
    """GPU asked by all tasks, of all there is."""
    gpus: int
    unallocated_gpus: float
    unallocated_percent: float
    audit: AuditReport

    @property
    def unfinished(self) -> int:
        """How many are neither ACTIVE nor in ERROR: none, unless something is stuck."""
        return self.last.tasks - self.last.active - self.last.refused - self.last.failed


def hosts_of_cells(config: Config, trace: Trace, *, seed: int) -> dict[CellName, list[HostReport]]:
    """Share the nodes out among the configured cells, in turn, in a random order."""
    cells = [CellName(name) for name in config.cells.names]
    order = node_order(trace.nodes, random=Random(seed))
    return {
        cell: [placing.host_report(node) for node in islice(order, number, None, len(cells))]
        for number, cell in enumerate(cells)
    }


class ServersReplay:
    """Sends the tasks of a trace to a system that runs, and follows what becomes of them."""

    def __init__(self, system: System, trace: Trace, *, policy: str, seed: int) -> None:
        self._parts = system.parts
        self._cells = system.cells
        self._turn = asyncio.Lock()
        self._policy = policy
        self._seed = seed
        self._trace = trace
        self._sent = 0
        self._began = time.monotonic()

    async def run(
        self, *, alternates: int, tell: Callable[[ServersProgress], None]
    ) -> ServersResult:
        """Send everything and wait for the end of it; ``tell`` hears of progress now and then."""
        tasks = sorted(self._trace.tasks, key=lambda task: task.name)
        Random(self._seed).shuffle(tasks)
        self._began = time.monotonic()
        source = iter(tasks)
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send(source, alternates=alternates))
            following = group.create_task(self._follow(tell))
        return await self._result(following.result())

    async def _send(self, tasks: Iterable[Task], *, alternates: int) -> None:
        for task in tasks:
            await self._until_there_is_room()
            spec = placing.request_spec(task, policy=self._policy)
            await self._parts.conductor.create_instances(spec, [task.name], alternates=alternates)
            self._sent += 1

    async def _until_there_is_room(self) -> None:
        """Wait while enough builds are under way; one client looks, the others queue up."""
        async with self._turn:
            # Looked at again and again, as conductors tell nobody how busy they are.
            while sum(cell.busy for cell in self._cells) >= MAX_BUILDING:  # noqa: ASYNC110
                await asyncio.sleep(BREATH_S)

    async def _follow(self, tell: Callable[[ServersProgress], None]) -> ServersProgress:
        """Look until all have come to their end, or nothing changes any more."""
        before, changed_at = None, time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            count = await self._parts.store.read(tally)
            now = time.monotonic()
            if count != before:
                before, changed_at = count, now
            progress = self._progress(count)
            tell(progress)
            ended = count.finished == len(self._trace.tasks)
            if ended or now - changed_at > QUIET_S:
                return progress

    def _progress(self, count: Tally) -> ServersProgress:
        elapsed_s = time.monotonic() - self._began
        return ServersProgress(
            tasks=len(self._trace.tasks),
            sent=self._sent,
            active=count.active,
            building=count.building,
            refused=count.refused,
            failed=count.failed,
            retried=count.retried,
            allocated_percent=100 * self._used_milli() / gpu_capacity_milli(self._trace.nodes),
            per_second=count.finished / elapsed_s,
            elapsed_s=elapsed_s,
        )

    def _used_milli(self) -> int:
        return int(self._parts.index.hosts.used(OPENB.gpu).sum())

    async def _result(self, last: ServersProgress) -> ServersResult:
        capacity = gpu_capacity_milli(self._trace.nodes)
        asked = sum(task.asked_gpu_milli for task in self._trace.tasks)
        free = capacity - self._used_milli()
        hosts = self._parts.index.hosts
        return ServersResult(
            policy=self._policy,
            seed=self._seed,
            hosts=len(hosts),
            cells=len(hosts.cells),
            last=last,
            errors=await self._errors(),
            arrived_percent=100 * asked / capacity,
            gpus=capacity // GPU_MILLI,
            unallocated_gpus=free / GPU_MILLI,
            unallocated_percent=100 * free / capacity,
            audit=await self._parts.store.read(audit),
        )

    async def _errors(self) -> dict[str, int]:
        codes: Counter[str] = Counter()
        page: InstancePage | None = None
        while page is None or page.next is not None:
            page = await self._parts.conductor.list_instances(
                InstanceFilter(status="ERROR"), after=None if page is None else page.next
            )
            codes.update(each.fault.code for each in page.instances if each.fault is not None)
        return dict(codes)
