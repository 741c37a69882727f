"""Durable claims per second through the scheduler, with 10,000 flat hosts and 64 callers.

    python bench/schedule.py [--hosts 10000] [--claims 6000] [--callers 64] [--alternates 0]
                             [--flavors 32] [--group-size 100]

Every claim is chosen by ``select_destinations`` among all hosts and written to a SQLite
database with synchronous=FULL before it is answered: first of equal instances, then of instances
of several flavors in turn, then of members of anti-affinity groups, one group after the other.
Beside it, the same scheduler and store with one caller: one commit a claim.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import msgspec

from innkeeper.core.allocation import Consumer
from innkeeper.core.claim import Claim
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, ConsumerUuid, HostName, InstanceUuid, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import ServerGroup
from innkeeper.index.index import Index
from innkeeper.scheduler.claimer import Placed
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.store import cells, groups, hosts, inventories, providers
from innkeeper.store.claims import Claiming
from innkeeper.store.store import Store
from innkeeper.store.txn import Txn
from innkeeper.wiring.loop import run, settle
from innkeeper.wiring.uuids import new_uuid

GOAL_PER_S = 5_000
GOAL_IN_GROUPS_PER_S = 3_000
HOSTS_PER_WRITE = 500
CELL = CellName("c1")
INVENTORIES = (
    Inventory("DISK_GB", 4_000),
    Inventory("MEMORY_MB", 512 * 1024, reserved=4096),
    Inventory("VCPU", 128, allocation_ratio=4.0),
)


def requested(*, disk_gb: int) -> CandidateRequest:
    """Give what one instance needs of a host."""
    resources = (("DISK_GB", disk_gb), ("MEMORY_MB", 4096), ("VCPU", 2))
    return CandidateRequest(groups=(RequestGroup(resources=resources),))


SPEC = RequestSpec(request=requested(disk_gb=20), project_id="bench", user_id="bench")


class Form(msgspec.Struct, frozen=True):
    """What is measured at once: by whom, of what, and how fast it shall be."""

    name: str
    specs: Sequence[RequestSpec]
    """Each is asked for by as many claims as every other."""
    callers: int
    goal_per_s: int = 0
    in_turn: bool = False
    """Whether each claim is of another spec than the one before."""


class Result(msgspec.Struct, frozen=True):
    """How fast one kind of caller was."""

    per_s: float
    cpu_us: float
    """Processor time of the whole process per claim: what is left where the machine is shared."""
    latency_ms_p50: float
    latency_ms_p99: float


class StoreClaimer:
    """Claims in the store, one write per request of one instance."""

    def __init__(self, store: Store, spec: RequestSpec) -> None:
        self._store, self._spec = store, spec

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        """Write the claim. Raises ClaimLost."""
        (each,) = placed
        claim = Claim(
            consumer=Consumer(
                ConsumerUuid(each.instance), self._spec.project_id, self._spec.user_id
            ),
            host=each.selections[0].host,
            allocations=each.selections[0].allocations,
            group=self._spec.group,
        )
        await self._store.write(Claiming([claim]), settle=settle)


async def fill(store: Store, count: int) -> None:
    """Register ``count`` equal flat hosts."""

    def add(numbers: range, txn: Txn) -> None:
        for number in numbers:
            rp_uuid = RpUuid(str(uuid.UUID(int=number + 1)))
            provider = providers.create(txn, providers.NewProvider(rp_uuid, f"host-{number:05}"))
            inventories.put(txn, provider, INVENTORIES)
            hosts.put_host(txn, Host(HostName(provider.name), CELL, rp_uuid))

    await store.write(lambda txn: cells.ensure(txn, CELL))
    for first in range(0, count, HOSTS_PER_WRITE):
        numbers = range(first, min(first + HOSTS_PER_WRITE, count))
        await store.write(partial(add, numbers))


async def add_groups(store: Store, count: int) -> list[RequestSpec]:
    """Add anti-affinity groups; give a spec for the members of each."""
    uuids = [str(uuid.uuid4()) for _ in range(count)]

    def add(txn: Txn) -> None:
        for each in uuids:
            groups.add_group(txn, ServerGroup(each, "bench", "anti-affinity"))

    await store.write(add)
    return [msgspec.structs.replace(SPEC, group=each) for each in uuids]


def flavors(count: int) -> list[RequestSpec]:
    """Give specs that ask for different amounts of disk."""
    return [
        msgspec.structs.replace(SPEC, request=requested(disk_gb=20 + number))
        for number in range(count)
    ]


async def measure(
    scheduler: Scheduler, store: Store, form: Form, *, claims_wanted: int, alternates: int
) -> Result:
    """Make ``claims_wanted`` claims, shared out among the callers of ``form``."""
    per_spec = -(-claims_wanted // len(form.specs))
    one_by_one = [spec for spec in form.specs for _ in range(per_spec)]
    turns = islice(cycle(form.specs if form.in_turn else one_by_one), claims_wanted)
    latencies_ms: list[float] = []

    async def call() -> None:
        for spec in turns:
            began = time.perf_counter()
            await scheduler.select_destinations(
                spec,
                [InstanceUuid(new_uuid())],
                alternates=alternates,
                claimer=StoreClaimer(store, spec),
            )
            latencies_ms.append((time.perf_counter() - began) * 1000)

    cpu_began = time.process_time()
    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(form.callers)))
    took_s = time.perf_counter() - began
    latencies_ms.sort()
    return Result(
        per_s=len(latencies_ms) / took_s,
        cpu_us=(time.process_time() - cpu_began) * 1e6 / len(latencies_ms),
        latency_ms_p50=latencies_ms[len(latencies_ms) // 2],
        latency_ms_p99=latencies_ms[len(latencies_ms) * 99 // 100],
    )


async def bench(arguments: argparse.Namespace, folder: Path) -> int:
    """Measure each form, print what came of it; give 0 if all goals are met."""
    store = Store.open(
        f"sqlite:///{folder / 'bench.db'}", clock=lambda: datetime.now(UTC), writer_id="bench"
    )
    index = Index()
    index.apply(store.load())
    store.start(index.apply)
    missed = 0
    print(
        f"{arguments.hosts} flat hosts, policy {arguments.policy},"
        f" {arguments.alternates} alternates, SQLite synchronous=FULL"
    )
    try:
        await fill(store, arguments.hosts)
        in_groups = await add_groups(store, -(-arguments.claims // arguments.group_size))
        scheduler = Scheduler(
            index,
            settings=SchedulerSettings(policy=arguments.policy),
            random=random.Random(1),
        )
        settle()  # As a server does that has loaded.
        alone = Form("alone", [SPEC], 1)
        # Whatever is done once only (compiled requests, warm caches) is not counted.
        await measure(scheduler, store, alone, claims_wanted=50, alternates=0)
        for form, wanted in (
            (alone, arguments.claims // 10),
            (Form("together", [SPEC], arguments.callers, GOAL_PER_S), arguments.claims),
            (
                Form("flavors", flavors(arguments.flavors), arguments.callers, in_turn=True),
                arguments.claims,
            ),
            (
                Form("in groups", in_groups, arguments.callers, GOAL_IN_GROUPS_PER_S),
                arguments.claims,
            ),
        ):
            found = await measure(
                scheduler, store, form, claims_wanted=wanted, alternates=arguments.alternates
            )
            print(shown(form, found))
            missed += found.per_s < form.goal_per_s
    finally:
        await store.close()
    return min(missed, 1)


def shown(form: Form, found: Result) -> str:
    """Give the line of a form."""
    line = (
        f"{form.name:9} {form.callers:3} callers: {found.per_s:6.0f} claims/s"
        f"   p50 {found.latency_ms_p50:6.2f} ms   p99 {found.latency_ms_p99:6.2f} ms"
        f"   {found.cpu_us:5.0f} us CPU/claim"
    )
    if not form.goal_per_s:
        return line
    share = found.per_s / form.goal_per_s
    return f"{line}   {share:4.0%} of the goal of {form.goal_per_s:,}"


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Durable claims per second.")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--claims", type=int, default=6_000)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--alternates", type=int, default=0)
    parser.add_argument("--flavors", type=int, default=32)
    parser.add_argument("--group-size", type=int, default=100)
    parser.add_argument("--policy", default="spread")
    with tempfile.TemporaryDirectory() as folder:
        # The loop is the one on which the server runs, too.
        return run(bench(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
