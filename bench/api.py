"""What a request to the Placement API costs inside the application: CPU, without a socket.

    python -m bench api

Each case sends the same request straight into the application, in turns with a bare
one that answers a constant: the ratio says what the API adds. Candidates are measured
against the plain encoder too, which builds dicts for each answer and encodes them. All threads
of the process count, the writer's too; SQLite syncs as in earnest.
"""

import asyncio
import json
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bench.search import cloud, flat, provider
from innkeeper.api.cors import Cors
from innkeeper.api.http import App, Request, Response
from innkeeper.api.placement.app import PlacementApp
from innkeeper.api.placement.candidate_json import encoded_candidates
from innkeeper.api.placement.versions import LATEST
from innkeeper.auth.open_access import OpenAccess
from innkeeper.auth.policy import EverythingAllowed
from innkeeper.core.ids import RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import NamePicture, Picture
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.index import Index
from innkeeper.index.search import candidates
from innkeeper.placement.providers import row_of
from innkeeper.placement.service import Placement
from innkeeper.store import inventories, providers
from innkeeper.store.store import Store
from innkeeper.store.txn import Txn
from innkeeper.wiring.uuids import new_uuid
from tests.conformance.plain_candidates import plain_answer

HOSTS: Final = 100
"""In the store, for the cases that write."""
MAX_CASE_S: Final = 1.0
MIN_ROUNDS: Final = 3
MAX_ROUNDS: Final = 1_000
BURST: Final = 20
"""Requests between two looks at the clock, at most: so many of ours, so many of the bare one."""
NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
BODY: Final = b"{}"
ENCODINGS: Final = 10
"""How often an answer is written, by each encoder in turn."""
CLASSES: Final = ("DISK_GB", "MEMORY_MB", "PGPU", "VCPU")
FLAVOR: Final = "resources=VCPU:1,MEMORY_MB:512,DISK_GB:10"


class Asked(msgspec.Struct, frozen=True):
    """What is sent. A body has a fresh content each time, for writes."""

    method: str
    target: str
    body: Callable[[], object] | None = None

    def request(self) -> Request:
        """Give the request as the server would."""
        path, _, query = self.target.partition("?")
        content = b"" if self.body is None else json.dumps(self.body()).encode()

        async def read() -> bytes:
            return content

        headers = {
            "host": "127.0.0.1:8778",
            "user-agent": "nova-scheduler keystoneauth1/5.8.0 python-requests/2.32.3",
            "accept-encoding": "gzip, deflate",
            "accept": "application/json",
            "connection": "keep-alive",
            "x-auth-token": "admin",
            "openstack-api-version": "placement 1.39",
            "x-openstack-request-id": "req-5b6ee4ac-3a3b-4cf5-a8a0-0d2a2b3c4d5e",
        }
        if content:
            headers |= {"content-type": "application/json", "content-length": str(len(content))}
        return Request(self.method, path, headers, query, read=read)


async def bare(_request: Request) -> Response:
    """Answer a constant, as the least application does."""
    return Response(200, BODY, [("content-type", "application/json")])


def app_of(index: Index, store: Store) -> PlacementApp:
    """Give the application over a picture and a store."""
    return PlacementApp(
        Placement(store, index, clock=lambda: datetime.now(UTC), new_uuid=new_uuid),
        authenticator=OpenAccess(),
        policy=EverythingAllowed(),
        cors=Cors(),
        new_uuid=new_uuid,
    )


async def measure(
    name: str,
    app: App,
    asked: Asked,
    *,
    beside: App = bare,
    before: Callable[[], None] = lambda: None,
) -> float:
    """Print what a request costs, ``before`` included, in turns with ``beside``; give it in us."""
    answer = await app(asked.request())
    if answer.status >= 400:
        raise SystemExit(f"{name}: {answer.status} {answer.body[:300]!r}")
    ours = others = 0.0
    rounds = 0
    burst = 1
    began = time.perf_counter()
    while rounds < MIN_ROUNDS or (rounds < MAX_ROUNDS and time.perf_counter() - began < MAX_CASE_S):
        started = time.process_time()
        for _ in range(burst):
            before()
            await app(asked.request())
        between = time.process_time()
        for _ in range(burst):
            await beside(asked.request())
        ours += between - started
        others += time.process_time() - between
        rounds += burst
        burst = BURST
    us, other_us = 1e6 * ours / rounds, 1e6 * others / rounds
    print(
        f"{name:52} {us:9.1f} us  {us / other_us:7.1f} x bare ({other_us:.1f} us)"
        f"  {len(answer.body):7} bytes",
        flush=True,
    )
    return us


async def search(name: str, app: App, index: Index, target: str) -> None:
    """Print what a search costs of which no answer is kept, and one of which it is."""
    asked = Asked("GET", target)
    await measure(name, app, asked, before=index.answers.drop)
    await measure(f"{name}, kept", app, asked)


def named(index: Index) -> Index:
    """Tell an index the names that the requests use."""
    index.apply(Picture(resource_classes=tuple(NamePicture(each, NOW) for each in CLASSES)))
    return index


def nested(hosts: int) -> Index:
    """Give hosts of seven providers: a root, two NUMA nodes, two devices below each."""
    trees = []
    for number in range(hosts):
        root = 1 + 7 * number
        tree = [provider(root, None, {"DISK_GB": 4_000})]
        for numa in (root + 1, root + 4):
            tree.append(provider(numa, root, {"MEMORY_MB": 65_536, "VCPU": 32}, root=root))
            tree += [provider(numa + n, numa, {"PGPU": 1}, root=root) for n in (1, 2)]
        trees.append(tree)
    return cloud(trees).index


def roomy(hosts: int) -> Index:
    """Give flat hosts that all have room."""
    amounts = {"DISK_GB": 4_000, "MEMORY_MB": 262_144, "VCPU": 64}
    trait = "HW_CPU_X86_AVX2"
    return cloud([[provider(each, None, amounts, trait)] for each in range(1, hosts + 1)]).index


def against_plain(name: str, index: Index, request: CandidateRequest) -> None:
    """Print what writing an answer takes, in turns with the plain encoder."""
    found = candidates(index, request)
    ours = plain = 0.0
    for _ in range(ENCODINGS):
        started = time.process_time()
        encoded_candidates(index, LATEST, request, found)
        between = time.process_time()
        plain_answer(index, LATEST, request, found)
        ours += between - started
        plain += time.process_time() - between
    us, plain_us = 1e6 * ours / ENCODINGS, 1e6 * plain / ENCODINGS
    print(f"{name:52} {us:9.1f} us  {plain_us / us:7.1f} x as quick as plain ({plain_us:.0f} us)")


async def read_cases(store: Store) -> None:
    """Measure what only reads."""
    host = "/resource_providers/00000000-0000-0000-0000-000000000007"
    large_index = named(roomy(10_000))
    large = app_of(large_index, store)
    await measure("version document", large, Asked("GET", "/"))
    await measure("provider show", large, Asked("GET", host))
    await measure("usages of a provider", large, Asked("GET", f"{host}/usages"))
    await measure("inventories of a provider", large, Asked("GET", f"{host}/inventories"))
    resources = (("DISK_GB", 10), ("MEMORY_MB", 512), ("VCPU", 1))
    asked = CandidateRequest(groups=(RequestGroup(resources=resources),), limit=1000)
    against_plain("writing 1,000 candidates of flat hosts", large_index, asked)
    for limit in (1, 10, 1000):
        target = f"/allocation_candidates?{FLAVOR}&limit={limit}"
        await search(f"candidates, 10,000 flat, limit {limit}", large, large_index, target)
    target = f"/allocation_candidates?{FLAVOR}&limit=10"
    full_index = named(flat(10_000).index)
    full = app_of(full_index, store)
    await search("candidates, 10,000 flat and nearly full, limit 10", full, full_index, target)
    nested_index = named(nested(1_000))
    device = RequestGroup(suffix="1", resources=(("PGPU", 1),))
    asked = CandidateRequest(groups=(RequestGroup(resources=resources), device), limit=1000)
    against_plain("writing 1,000 candidates of trees of 7", nested_index, asked)
    trees = app_of(nested_index, store)
    for limit in (10, 1000):
        target = f"/allocation_candidates?{FLAVOR}&resources1=PGPU:1&limit={limit}"
        await search(f"candidates, 1,000 trees of 7, limit {limit}", trees, nested_index, target)
    half = app_of(named(roomy(5_000)), store)
    target = "/resource_providers?resources=VCPU:1000"
    await measure("providers of 5,000 that have room: none", half, Asked("GET", target))
    target = "/resource_providers?resources=VCPU:1"
    await measure("providers of 5,000 that have room: all", half, Asked("GET", target))
    target = "/resource_providers?name=provider-77"
    await measure("provider of 5,000 by name", half, Asked("GET", target))


def main() -> None:
    """Measure and print."""
    asyncio.run(_main())


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(
            f"sqlite:///{Path(folder)}/bench.db", clock=lambda: datetime.now(UTC), writer_id="bench"
        )
        index = Index()
        index.apply(store.load())
        store.start(index.apply)
        try:
            await read_cases(store)
            await write_cases(store, index)
        finally:
            await store.close()


async def write_cases(store: Store, index: Index) -> None:
    """Measure what writes, one at a time and so one commit each."""

    def add(txn: Txn) -> list[str]:
        uuids = [str(uuid.uuid4()) for _ in range(HOSTS)]
        for each in uuids:
            created = providers.create(txn, providers.NewProvider(RpUuid(each), each))
            inventories.put(txn, created, [Inventory(n, 10**6) for n in CLASSES if n != "PGPU"])
        return uuids

    hosts = await store.write(add)
    app = app_of(index, store)

    def generation(host: str) -> int:
        return index.provider(row_of(index, host)).generation

    def same() -> object:
        stock = {n: {"total": 10**6} for n in CLASSES if n != "PGPU"}
        return {"resource_provider_generation": generation(hosts[0]), "inventories": stock}

    put = Asked("PUT", f"/resource_providers/{hosts[0]}/inventories", same)
    await measure("inventories of a provider, set to the same", app, put)

    def claim() -> object:
        return {
            "allocations": {hosts[1]: {"resources": {n: 1 for n in CLASSES if n != "PGPU"}}},
            "project_id": "project",
            "user_id": "user",
            "consumer_generation": None,
            "consumer_type": "INSTANCE",
        }

    class Claim(Asked, frozen=True):
        def request(self) -> Request:
            path = f"/allocations/{uuid.uuid4()}"
            return msgspec.structs.replace(super().request(), path=path)

    await measure("claim of three classes", app, Claim("PUT", "/", claim))


if __name__ == "__main__":
    main()
