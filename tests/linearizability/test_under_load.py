"""Right under load: four processes on one database, killed, paused and cut off at random.

Afterwards the books add up, every process shows what the store has, and the history of each
provider, as clients have recorded it, is linearizable.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2
import pytest

from innkeeper.index.index import Index
from innkeeper.store.audit import audit
from innkeeper.store.read_only import ReadOnlyStore
from tests.e2e.conftest import Server
from tests.linearizability.checker import UNANSWERED, is_linearizable
from tests.linearizability.load import CLASS, VERSION, Client, Record, provider_uuid, set_up
from tests.servers.server import DatabaseUrl, children_of

WORKERS: Final = 4
CLIENTS: Final = 8
PROVIDERS: Final = 3
CAPACITY: Final = 8
SHORT_S: Final = 12.0
SEED: Final = 20261121
LOOKS: Final = 40
"""Requests, each to whichever worker takes it: one that none of four gets is one in 100,000."""
CALM_S: Final = 120.0
LONG_PAUSE_S: Final = 60.0
"""Long after the server has ended the session of whoever is paused in the midst of a write."""
MOST_TRIES: Final = 200
"""Of catching a worker in the midst of a write; each has it for a part of the time."""


class Site:
    """A server with its workers, and its database."""

    def __init__(self, server: Server, database: DatabaseUrl) -> None:
        self.server = server
        self.database = database

    def workers(self) -> list[int]:
        assert self.server._process is not None
        return children_of(self.server._process.pid)

    def signal(self, number: signal.Signals, random: Random) -> int | None:
        workers = self.workers()
        if not workers:
            return None
        chosen = random.choice(workers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(chosen, number)
        return chosen


async def kill(site: Site, random: Random) -> None:
    site.signal(signal.SIGKILL, random)


async def cut(site: Site, _random: Random) -> None:
    await asyncio.to_thread(site.database.server.cut, site.database.name)


async def pause(site: Site, random: Random) -> None:
    stopped = site.signal(signal.SIGSTOP, random)
    await asyncio.sleep(random.uniform(0.5, 3.0))
    if stopped is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGCONT)


async def pause_for_long(site: Site, random: Random) -> None:
    """Stop a worker in the midst of a write, so that the server takes the turn from it."""
    for _ in range(MOST_TRIES):
        stopped = site.signal(signal.SIGSTOP, random)
        await asyncio.sleep(0.3)
        database = site.database
        caught = await asyncio.to_thread(database.server.idle_transactions, database.name)
        if caught:
            await asyncio.sleep(LONG_PAUSE_S)
        if stopped is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stopped, signal.SIGCONT)
        if caught:
            return
        await asyncio.sleep(random.uniform(0.05, 0.3))
    raise AssertionError("no worker was ever in the midst of a write")


@pytest.fixture
def database(request: pytest.FixtureRequest) -> DatabaseUrl:
    url: DatabaseUrl = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def site(tmp_path: Path, database: DatabaseUrl) -> Iterator[Site]:
    options = ("--workers", WORKERS, "--database-url", database)
    server = Server(tmp_path / "inn", *options, command="api")
    server.start()
    try:
        yield Site(server, database)
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.xdist_group("load")
@pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)
async def test_right_under_load(site: Site) -> None:
    await load_and_check(site, SHORT_S, SEED)


@pytest.mark.soak
@pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)
async def test_right_under_load_for_long(site: Site, soak_seconds: float) -> None:
    await load_and_check(site, soak_seconds, time.time_ns(), long_pauses=True)


async def load_and_check(
    site: Site, seconds: float, seed: int, *, long_pauses: bool = False
) -> None:
    url, record = site.server.url, Record()
    await set_up(url, providers=PROVIDERS, capacity=CAPACITY)
    until = time.monotonic() + seconds
    breaking = asyncio.create_task(
        break_things(site, Random(seed), until - seconds / 6, long_pauses=long_pauses)
    )
    await asyncio.gather(
        *(
            Client(url, record, Random(seed + number), number=number + 1).run(until)
            for number in range(CLIENTS)
        )
    )
    await breaking
    await calm(url)
    await check_books(site.database)
    await check_every_process(site)
    for number in range(PROVIDERS):
        history = record.of[number]
        lost = sum(each.returned == UNANSWERED for each in history)
        verdict = await asyncio.to_thread(is_linearizable, history, capacity=CAPACITY)
        assert verdict, f"seed {seed}: {len(history)} operations, {lost} unanswered"
        assert len(history) > 10 * lost
    assert sum(map(len, record.of.values())) > 5 * seconds, dict(record.answers)


async def break_things(site: Site, random: Random, until: float, *, long_pauses: bool) -> None:
    if long_pauses:
        await pause_for_long(site, random)
    while time.monotonic() < until:
        await asyncio.sleep(random.uniform(0.5, 2.0))
        rarely = long_pauses and time.monotonic() + LONG_PAUSE_S < until and random.random() < 0.05
        await (pause_for_long if rarely else random.choice((kill, cut, pause)))(site, random)


async def calm(url: str) -> None:
    """Wait until all is well again."""
    end = time.monotonic() + CALM_S
    good = 0
    async with httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0)) as http:
        while good < LOOKS:
            assert time.monotonic() < end, "it does not come back"
            with contextlib.suppress(httpx2.TransportError):
                answer = await http.get(f"{url}/readyz", timeout=10)
                good = good + 1 if answer.status_code == 200 else 0


async def check_books(database: DatabaseUrl) -> None:
    store = ReadOnlyStore.look(database)
    try:
        report = await store.read(audit)
        assert report.clean, report.findings
    finally:
        await store.close()


async def check_every_process(site: Site) -> None:
    """Compare what each process shows with the store."""
    there = stored(site.database)
    limits = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(
        base_url=f"{site.server.url}/placement", headers=VERSION, limits=limits, timeout=30
    ) as http:
        for _ in range(LOOKS):
            assert {n: await shown(http, provider_uuid(n)) for n in range(PROVIDERS)} == there


def stored(database: DatabaseUrl) -> dict[int, object]:
    store = ReadOnlyStore.look(database)
    index = Index()
    index.apply(store.load())
    store.close_readers()
    found = {}
    for number in range(PROVIDERS):
        row = index.row(provider_uuid(number))
        assert row is not None
        (inventory,) = index.inventories(row)
        found[number] = (
            index.provider(row).generation,
            inventory.inventory.total,
            inventory.used,
            sorted(index.traits(row)),
        )
    return found


async def shown(http: httpx2.AsyncClient, uuid: str) -> object:
    async def get(what: str) -> Any:
        return (await http.get(f"/resource_providers/{uuid}{what}")).json()

    return (
        (await get(""))["generation"],
        (await get("/inventories"))["inventories"][CLASS]["total"],
        (await get("/usages"))["usages"][CLASS],
        sorted((await get("/traits"))["traits"]),
    )
