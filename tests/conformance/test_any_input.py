"""Whatever is sent: never a 5xx; and what is refused is said as documented and changes nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from innkeeper.api.placement.routes import ROUTES
from tests.conformance.in_process import Client, client_of

HOST = "aaaaaaaa-0000-4000-8000-000000000001"
NUMA = "aaaaaaaa-0000-4000-8000-000000000002"
CONSUMER = "bbbbbbbb-0000-4000-8000-000000000001"
AGGREGATE = "cccccccc-0000-4000-8000-000000000001"

WORDS = [
    *(HOST, NUMA, CONSUMER, AGGREGATE, HOST.replace("-", ""), HOST.upper(), "x", "", "\n"),
    *("VCPU", "MEMORY_MB", "CUSTOM_GOLD", "CUSTOM_NEW", "HW_CPU_X86_AVX", "vcpu", "CUSTOM_A\n"),
    *("VCPU:1", "VCPU:1,CUSTOM_GOLD:2", "VCPU:99999999999999999999", "VCPU:x", "VCPU:-1", ":"),
    *(f"in:{AGGREGATE},{HOST}", f"!{AGGREGATE}", "!in:", "in:", "in:CUSTOM_X,HW_CPU_X86_AVX"),
    *("!CUSTOM_X", "!!CUSTOM_X", "1", "2", "1,2", "_A", "none", "isolate", "true", "all"),
    *("0", "99999999999999999999999999", "unknown", "in:a,b", "startswith:CUSTOM_", "\x00"),
    *("é", "😀", "%", "%ff", "%00", "a" * 256, "null", "INSTANCE"),
]
KEYS = [
    *("name", "uuid", "parent_provider_uuid", "resources", "required", "member_of", "in_tree"),
    *("resources1", "required1", "member_of1", "in_tree1", "resources_A", "required_A", "limit"),
    *("group_policy", "root_required", "same_subtree", "associated", "project_id", "user_id"),
    *("consumer_type", "allocations", "inventories", "consumer_generation", "mappings", "total"),
    *("resource_provider_generation", "traits", "aggregates", "reserved", "allocation_ratio"),
    *("min_unit", "max_unit", "step_size", "resource_class", "resource_provider", "generation"),
    *(HOST, NUMA, CONSUMER, "VCPU", "MEMORY_MB", "CUSTOM_GOLD", "CUSTOM_NONE", "vcpu", ""),
]

words = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
numbers = st.one_of(
    st.sampled_from(
        [0, 1, 2, 3, 4, 5, 1.0, 0.5, -1, 2**31 - 1, 2**31, 2**63, 2**70, 3e38, 1e300, -1e308]
    ),
    st.floats(),
    st.integers(),
)
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), words), inner, max_size=4),
    ),
    max_leaves=8,
)

# Stand for the generations that the provider and the consumer have when the request is made.
RP_GENERATION = "<provider generation>"
CONSUMER_GENERATION = "<consumer generation>"

INVENTORY = {"total": 8, "reserved": 1, "min_unit": 1, "max_unit": 4, "step_size": 1}
HELD = {"allocations": {HOST: {"resources": {"VCPU": 2}}}, "project_id": "p", "user_id": "u"}
SEEN = {"resource_provider_generation": RP_GENERATION}
OWNED = {**HELD, "consumer_generation": CONSUMER_GENERATION, "consumer_type": "INSTANCE"}
INVENTORIES = {
    "VCPU": INVENTORY,
    "CUSTOM_GOLD": {"total": 1, "allocation_ratio": 1.5},
    "MEMORY_MB": {"total": 64},
}
_HOST = f"/resource_providers/{HOST}"

# Requests that are good, or were but for the state: one place of each is altered.
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/resource_providers", {"name": "n", "parent_provider_uuid": HOST}),
    ("PUT", f"/resource_providers/{NUMA}", {"name": "numa", "parent_provider_uuid": HOST}),
    ("POST", "/resource_classes", {"name": "CUSTOM_NEW"}),
    ("PUT", "/resource_classes/CUSTOM_NEWER", None),
    ("PUT", "/traits/CUSTOM_NEWER", None),
    ("POST", f"{_HOST}/inventories", {"resource_class": "PGPU", **INVENTORY}),
    ("PUT", f"{_HOST}/inventories/VCPU", {**SEEN, **INVENTORY}),
    ("PUT", f"{_HOST}/inventories", {**SEEN, "inventories": INVENTORIES}),
    ("PUT", f"{_HOST}/traits", {**SEEN, "traits": ["HW_CPU_X86_AVX", "CUSTOM_X"]}),
    ("PUT", f"{_HOST}/aggregates", {**SEEN, "aggregates": [AGGREGATE]}),
    ("PUT", f"/allocations/{CONSUMER}", {**OWNED, "mappings": {"": [HOST]}}),
    ("POST", "/allocations", {CONSUMER: OWNED}),
    (
        "POST",
        "/reshaper",
        {
            "inventories": {HOST: {**SEEN, "inventories": INVENTORIES}},
            "allocations": {CONSUMER: OWNED},
        },
    ),
]
READS: list[tuple[str, list[tuple[str, str]]]] = [
    (
        "/allocation_candidates",
        [
            ("resources", "VCPU:1"),
            ("required", "HW_CPU_X86_AVX"),
            ("member_of", f"in:{AGGREGATE},{HOST}"),
            ("in_tree", HOST),
            ("resources_A", "MEMORY_MB:8"),
            ("required_A", "!CUSTOM_X"),
            ("limit", "2"),
            ("group_policy", "none"),
            ("same_subtree", "_A"),
            ("root_required", "!CUSTOM_X"),
        ],
    ),
    (
        "/resource_providers",
        [
            ("resources", "VCPU:1"),
            ("required", "HW_CPU_X86_AVX"),
            ("member_of", AGGREGATE),
            ("in_tree", NUMA),
            ("name", "host"),
            ("uuid", HOST),
        ],
    ),
    ("/usages", [("project_id", "p"), ("user_id", "u"), ("consumer_type", "all")]),
    ("/traits", [("name", "startswith:CUSTOM"), ("associated", "true")]),
]


@st.composite
def nearly_good(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Take a good write and put something else into one place of it."""
    method, path, body = draw(st.sampled_from(WRITES))
    if not draw(st.integers(0, 9)):
        path = draw(paths)
    return method, path, _altered(draw, body) if draw(st.integers(0, 5)) else body


def _altered(draw: st.DrawFn, document: Any) -> Any:
    choice = draw(st.integers(0, 5))
    if isinstance(document, dict) and document and choice:
        key = draw(st.sampled_from(sorted(document)))
        altered = dict(document)
        if choice == 1:
            altered[draw(st.one_of(st.sampled_from(KEYS), words))] = altered.pop(key)
        else:
            altered[key] = _altered(draw, document[key])
        return altered
    if isinstance(document, list) and document and choice:
        return [_altered(draw, document[0]), *document[1:]]
    return draw(documents)


@st.composite
def nearly_good_reads(draw: st.DrawFn) -> str:
    """Take some parameters of a good query, and perhaps put something else into one."""
    path, parameters = draw(st.sampled_from(READS))
    pairs = draw(st.lists(st.sampled_from(parameters), max_size=8))
    if draw(st.booleans()):
        key = draw(st.sampled_from(parameters))[0] if draw(st.booleans()) else draw(keys)
        pairs.append((key, draw(words)))
    return f"{path}?" + "&".join(f"{key}={value}" for key, value in pairs)


keys = st.sampled_from(KEYS)
paths = st.sampled_from(sorted(ROUTES)).flatmap(
    lambda template: st.tuples(
        *(
            words.map(lambda word: word.replace("/", "").replace("?", "") or "x")
            if part.startswith("{")
            else st.just(part)
            for part in template.split("/")
        )
    ).map("/".join)
)
queries = st.lists(st.tuples(keys, words), max_size=4).map(
    lambda pairs: "&".join(f"{key}={value}" for key, value in pairs)
)
versions = st.one_of(st.just("1.39"), st.integers(0, 39).map(lambda minor: f"1.{minor}"))


class Running:
    """A Placement with something in it, on a loop that runs while it is asked."""

    def __init__(self, data_dir: Path) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.client: Client = self._runner.run(self._start(data_dir))

    async def _start(self, data_dir: Path) -> Client:
        client = await self._stack.enter_async_context(client_of(data_dir))
        await client("PUT", "/traits/CUSTOM_X")
        await client("PUT", "/resource_classes/CUSTOM_GOLD")
        await client("POST", "/resource_providers", body={"name": "host", "uuid": HOST})
        await client(
            "POST",
            "/resource_providers",
            body={"name": "numa", "uuid": NUMA, "parent_provider_uuid": HOST},
        )
        for uuid in (HOST, NUMA):
            path = f"/resource_providers/{uuid}"
            body: dict[str, Any] = {
                "resource_provider_generation": 0,
                "inventories": INVENTORIES,
            }
            await client("PUT", f"{path}/inventories", body=body)
            body = {"resource_provider_generation": 1, "traits": ["HW_CPU_X86_AVX"]}
            await client("PUT", f"{path}/traits", body=body)
            body = {"resource_provider_generation": 2, "aggregates": [AGGREGATE]}
            await client("PUT", f"{path}/aggregates", body=body)
        held = {**HELD, "consumer_generation": None, "consumer_type": "INSTANCE"}
        answer = await client("PUT", f"/allocations/{CONSUMER}", body=held)
        assert answer.status == 204
        return client

    def ask(self, *args: Any, **kwargs: Any) -> Any:
        return self._runner.run(self.client(*args, **kwargs))

    def at_present(self, document: Any) -> Any:
        """Put generations in where something stands for them."""
        return self._runner.run(self._at_present(document))

    async def _at_present(self, document: Any) -> Any:
        if isinstance(document, dict):
            return {key: await self._at_present(value) for key, value in document.items()}
        if document == RP_GENERATION:
            return (await self.client("GET", _HOST)).json["generation"]
        if document == CONSUMER_GENERATION:
            answer = await self.client("GET", f"/allocations/{CONSUMER}")
            return answer.json.get("consumer_generation")
        return document

    def state(self) -> object:
        return self._runner.run(self._state())

    async def _state(self) -> object:
        held = [await self.client("GET", f"/allocations/{c}") for c in (CONSUMER, HOST)]
        return self.client.store.load(), [answer.body for answer in held]

    def stop(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("placement"))
    yield running
    running.stop()


def check(running: Running, before: object, answer: Any) -> None:
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        error = answer.json["errors"][0]
        assert error["status"] == answer.status
        assert error["detail"]
        assert error["title"]
        assert error["request_id"] == answer.headers["x-openstack-request-id"]
        assert running.state() == before


ASKED = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@ASKED
@given(write=nearly_good(), version=versions)
def test_any_write(running: Running, write: tuple[str, str, Any], version: str) -> None:
    method, path, body = write
    body = running.at_present(body)
    before = running.state()
    check(running, before, running.ask(method, path, body=body, version=version))


@ASKED
@given(read=nearly_good_reads(), version=versions)
def test_any_read(running: Running, read: str, version: str) -> None:
    before = running.state()
    check(running, before, running.ask("GET", read, version=version))


@ASKED
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH"]),
    path=paths,
    query=queries,
    body=st.one_of(st.none(), documents),
    version=versions,
)
def test_anything(running: Running, version: str, **asked: Any) -> None:
    before = running.state()
    target = f"{asked['path']}?{asked['query']}"
    answer = running.ask(asked["method"], target, body=asked["body"], version=version)
    check(running, before, answer)


@ASKED
@given(raw=st.binary(min_size=1, max_size=20))
def test_any_bytes(running: Running, raw: bytes) -> None:
    before = running.state()
    check(running, before, running.ask("POST", "/resource_providers", raw=raw))
