"""Durable claims per second in the store alone, on SQLite, PostgreSQL and MariaDB.

    python -m bench stores

Each claim takes three resource classes of one of 200 hosts, and is answered once it is on the
disk: the servers sync, as in earnest. Callers wait for their answers, so that as many claims as
there are callers are under way. The engines take turns, twice, since a shared machine drifts.
CPU is that of this process and of the server's.
"""

import asyncio
import contextlib
import itertools
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.errors import CapacityExceeded
from innkeeper.core.ids import ConsumerUuid, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.store import inventories, providers
from innkeeper.store.claims import ConsumerWrite, Replacement
from innkeeper.store.store import Store
from innkeeper.store.txn import Txn
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import children_of, running

HOSTS = 200
CALLERS = (1, 16, 64)
REFUSED = (0.02, 1.0)
"""Parts of the claims that ask for what is not there, by as many callers as there are at most."""
CLAIMS = {1: 200, 16: 1_000, 64: 2_000}
"""By the number of callers."""
ROUNDS = 2
ENOUGH, TOO_MUCH = 10**9, 2 * 10**9
CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")


class Result(msgspec.Struct, frozen=True):
    """How fast claims went."""

    per_s: float
    cpu_us: float
    """Of this process, a claim."""
    server_us: float
    """Of the database server, a claim."""


class Place(msgspec.Struct, frozen=True):
    """Where to measure."""

    name: str
    url: str
    pid: int | None = None
    """Of the server."""


@contextmanager
def places() -> Iterator[list[Place]]:
    """Give an empty database of each engine."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(PostgreSQL, safe=True) as postgresql,
        running(MariaDB, safe=True) as mariadb,
        postgresql.database() as first,
        mariadb.database() as second,
    ):
        yield [
            Place("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}"),
            Place("PostgreSQL", first, postgresql.pid),
            Place("MariaDB", second, mariadb.pid),
        ]


def server_cpu_s(pid: int | None) -> float:
    """Give the processor time of a server and those it has started that are alive."""
    total = 0
    for each in () if pid is None else (pid, *children_of(pid)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


async def fill(store: Store) -> list[Allocation]:
    """Add the hosts; give an allocation of each class of the last of them all."""

    def add(txn: Txn) -> list[Allocation]:
        found = []
        for _ in range(HOSTS):
            new = providers.NewProvider(RpUuid(str(uuid.uuid4())), str(uuid.uuid4()))
            provider = providers.create(txn, new)
            inventories.put(txn, provider, [Inventory(name, ENOUGH) for name in CLASSES])
            found.append(Allocation(provider.id, provider.uuid, "", 1))
        return found

    return await store.write(add)


async def measure(place: Place, *, callers: int, wanted: int, refused: float = 0.0) -> Result:
    """Make ``wanted`` claims, shared out among ``callers``; a part asks for more than there is."""
    store = Store.open(place.url, clock=lambda: datetime.now(UTC), writer_id="bench")
    store.start(lambda _picture: None)
    random, left = Random(1), itertools.count()
    try:
        hosts = await fill(store)

        async def call() -> None:
            while next(left) < wanted:
                amount = TOO_MUCH if random.random() < refused else 1
                host = msgspec.structs.replace(random.choice(hosts), amount=amount)
                write = ConsumerWrite(
                    Consumer(ConsumerUuid(str(uuid.uuid4())), "project", "user"),
                    tuple(msgspec.structs.replace(host, resource_class=n) for n in CLASSES),
                    None,
                )
                with contextlib.suppress(CapacityExceeded):
                    await store.write(Replacement((write,)))

        server_began, cpu_began = server_cpu_s(place.pid), time.process_time()
        began = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(callers)))
        took_s = time.perf_counter() - began
        return Result(
            wanted / took_s,
            1e6 * (time.process_time() - cpu_began) / wanted,
            1e6 * (server_cpu_s(place.pid) - server_began) / wanted,
        )
    finally:
        await store.close()


def main() -> int:
    """Measure and print."""
    with places() as there:
        for _ in range(ROUNDS):
            for callers, refused in (*((each, 0.0) for each in CALLERS), *_refused()):
                for place in there:
                    work = measure(place, callers=callers, wanted=CLAIMS[callers], refused=refused)
                    _show(place.name, callers, asyncio.run(work), refused=refused)
    return 0


def _refused() -> Iterator[tuple[int, float]]:
    for each in REFUSED:
        yield max(CALLERS), each


def _show(name: str, callers: int, result: Result, *, refused: float) -> None:
    print(
        f"{name:10} {callers:3} callers, {refused:4.0%} refused: {result.per_s:6.0f} claims/s"
        f"   CPU a claim: {result.cpu_us:5.0f} us here, {result.server_us:5.0f} us the server",
        flush=True,
    )


if __name__ == "__main__":
    main()
