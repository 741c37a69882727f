"""Durable claims per second through the scheduler, with 10,000 flat hosts and 64 callers.

    python bench/schedule.py [--hosts 10000] [--claims 6000] [--callers 64] [--alternates 0]

Every claim is chosen by ``select_destinations`` among all hosts and written to a SQLite
database with synchronous=FULL before it is answered. Beside it, the same scheduler and store
with one caller: one commit a claim.
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
from pathlib import Path

import msgspec

from innkeeper.core.allocation import Consumer
from innkeeper.core.claim import Claim
from innkeeper.core.errors import ClaimLost, Conflict
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, ConsumerUuid, HostName, InstanceUuid, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.index import Index
from innkeeper.scheduler.claimer import Placed
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.store import cells, claims, hosts, inventories, providers
from innkeeper.store.store import Store
from innkeeper.store.txn import Txn
from innkeeper.wiring.loop import run

GOAL_PER_S = 2_000
HOSTS_PER_WRITE = 500
CELL = CellName("c1")
INVENTORIES = (
    Inventory("DISK_GB", 4_000),
    Inventory("MEMORY_MB", 512 * 1024, reserved=4096),
    Inventory("VCPU", 128, allocation_ratio=4.0),
)
SPEC = RequestSpec(
    request=CandidateRequest(
        groups=(RequestGroup(resources=(("DISK_GB", 20), ("MEMORY_MB", 4096), ("VCPU", 2))),)
    ),
    project_id="bench",
    user_id="bench",
)


class Result(msgspec.Struct, frozen=True):
    """How fast one kind of caller was."""

    per_s: float
    cpu_us: float
    """Processor time of the whole process per claim: what is left where the machine is shared."""
    latency_ms_p50: float
    latency_ms_p99: float


class StoreClaimer:
    """Claims in the store, one write per request."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        """Write the claims. Raises ClaimLost."""
        wanted = [
            Claim(
                consumer=Consumer(ConsumerUuid(each.instance), SPEC.project_id, SPEC.user_id),
                host=each.selections[0].host,
                allocations=each.selections[0].allocations,
            )
            for each in placed
        ]

        def op(txn: Txn) -> None:
            for position, claim in enumerate(wanted):
                try:
                    claims.claim(txn, claim)
                except Conflict as conflict:
                    raise ClaimLost(position, conflict) from conflict

        await self._store.write(op, settle=settle)


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


async def measure(
    scheduler: Scheduler, store: Store, *, claims_wanted: int, callers: int, alternates: int
) -> Result:
    """Make ``claims_wanted`` claims, shared out among ``callers``."""
    claimer = StoreClaimer(store)
    latencies_ms: list[float] = []

    async def call(count: int) -> None:
        for _ in range(count):
            began = time.perf_counter()
            await scheduler.select_destinations(
                SPEC, [InstanceUuid(str(uuid.uuid4()))], alternates=alternates, claimer=claimer
            )
            latencies_ms.append((time.perf_counter() - began) * 1000)

    cpu_began = time.process_time()
    began = time.perf_counter()
    await asyncio.gather(*(call(claims_wanted // callers) for _ in range(callers)))
    took_s = time.perf_counter() - began
    latencies_ms.sort()
    return Result(
        per_s=len(latencies_ms) / took_s,
        cpu_us=(time.process_time() - cpu_began) * 1e6 / len(latencies_ms),
        latency_ms_p50=latencies_ms[len(latencies_ms) // 2],
        latency_ms_p99=latencies_ms[len(latencies_ms) * 99 // 100],
    )


async def bench(arguments: argparse.Namespace, folder: Path) -> int:
    """Run both, print them; give 0 if the goal is met."""
    store = Store.open(
        f"sqlite:///{folder / 'bench.db'}", clock=lambda: datetime.now(UTC), writer_id="bench"
    )
    index = Index()
    index.apply(store.load())
    store.start(index.apply)
    try:
        await fill(store, arguments.hosts)
        scheduler = Scheduler(
            index,
            settings=SchedulerSettings(policy=arguments.policy),
            random=random.Random(1),
        )
        # Whatever is done once only (compiled requests, warm caches) is not counted.
        await measure(scheduler, store, claims_wanted=50, callers=1, alternates=0)
        one = await measure(
            scheduler,
            store,
            claims_wanted=arguments.claims // 10,
            callers=1,
            alternates=arguments.alternates,
        )
        many = await measure(
            scheduler,
            store,
            claims_wanted=arguments.claims,
            callers=arguments.callers,
            alternates=arguments.alternates,
        )
    finally:
        await store.close()
    print(
        f"{arguments.hosts} flat hosts, policy {arguments.policy}, "
        f"{arguments.alternates} alternates, SQLite synchronous=FULL"
    )
    for callers, result in ((1, one), (arguments.callers, many)):
        print(
            f"{callers:3} callers: {result.per_s:8.0f} claims/s"
            f"   p50 {result.latency_ms_p50:6.2f} ms   p99 {result.latency_ms_p99:6.2f} ms"
            f"   {result.cpu_us:5.0f} us CPU/claim"
        )
    print(f"{many.per_s / one.per_s:.1f} times one caller with a commit of its own per claim")
    met = many.per_s >= GOAL_PER_S
    print(f"goal: {GOAL_PER_S} claims/s: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Durable claims per second.")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--claims", type=int, default=6_000)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--alternates", type=int, default=0)
    parser.add_argument("--policy", default="spread")
    with tempfile.TemporaryDirectory() as folder:
        # The loop is the one on which the server runs, too.
        return run(bench(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
