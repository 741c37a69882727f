"""Limits on what a client may send, and how slowly, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from innkeeper.config import Config, SimulationSettings
from innkeeper.wiring.parts import scheduler_settings
from innkeeper.wiring.system import running

PATIENCE_S = 30.0
HOST = b"host: localhost\r\n"
GOOD = b"GET /placement/ HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /placement/ HTTP/1.1\r\nconnection: close\r\n" + HOST + b"\r\n"
JSON = b"content-type: application/json\r\n"
VERSION = b"openstack-api-version: placement 1.39\r\n"


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Any:
        return json.loads(self.body)["errors"][0]


class Wire:
    """One connection; all that is read from it has a deadline."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        self._writer.write(b"".join(parts))
        await self._writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(PATIENCE_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            headers = {
                name.lower(): text.strip() for name, _, text in (x.partition(":") for x in lines)
            }
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self._reader.read() == b""
            except ConnectionResetError:
                return True

    def close(self) -> None:
        self._writer.close()


class Inn:
    def __init__(self, port: int) -> None:
        self._port = port
        self._wires: list[Wire] = []

    async def wire(self) -> Wire:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self._port))
        self._wires.append(wire)
        return wire

    async def ask(self, *parts: bytes) -> Answer:
        wire = await self.wire()
        await wire.send(*parts)
        return await wire.answer()

    def close(self) -> None:
        for wire in self._wires:
            wire.close()


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"max_body_bytes": 4096, "max_query_bytes": 1024, "max_header_bytes": 1024}


@pytest.fixture
async def inn(tmp_path: Path, settings: dict[str, Any]) -> AsyncIterator[Inn]:
    config = msgspec.structs.replace(
        Config(),
        data_dir=str(tmp_path),
        api=msgspec.structs.replace(Config().api, port=0, **settings),
        simulation=SimulationSettings(hosts=0),
    )
    scheduling = scheduler_settings(config)
    async with running(config, {}, scheduling=scheduling, random=Random(1)) as system:
        inn = Inn(int(system.url.rpartition(":")[2]))
        yield inn
        inn.close()


def head(method: str, target: str, *headers: bytes) -> bytes:
    return f"{method} {target} HTTP/1.1\r\n".encode() + HOST + b"".join(headers) + b"\r\n"


def check_placement(answer: Answer, status: int) -> None:
    assert answer.status == answer.error["status"] == status
    assert answer.error["request_id"] == answer.headers["x-openstack-request-id"]
    assert answer.error["code"] == "placement.undefined_code"
    assert answer.headers["openstack-api-version"] == "placement 1.39"


def check_native(answer: Answer, status: int, code: str) -> None:
    assert answer.status == answer.error["status"] == status
    assert answer.error["request_id"] == answer.headers["x-openstack-request-id"]
    assert answer.error["code"] == code


PROVIDERS = "/placement/resource_providers"
HOSTS = "/v1/hosts/x/disable"


async def test_a_body_that_is_announced_too_long_is_refused_before_it_is_sent(inn: Inn) -> None:
    length = b"content-length: 4097\r\n"
    wire = await inn.wire()
    await wire.send(head("POST", PROVIDERS, VERSION, JSON, length))
    check_placement(await wire.answer(), 413)
    await wire.send(b"x" * 4097, GOOD)
    assert (await wire.answer()).status == 200
    check_native(await inn.ask(head("POST", HOSTS, JSON, length)), 413, "innkeeper.too_large")


@pytest.mark.parametrize("length", ["9" * 19, "18446744073709551615"])
async def test_a_length_beyond_all_measure_is_refused(inn: Inn, length: str) -> None:
    announced = f"content-length: {length}\r\n".encode()
    check_placement(await inn.ask(head("POST", PROVIDERS, VERSION, JSON, announced)), 413)


def chunks(count: int) -> Iterable[bytes]:
    return [b"400\r\n" + b" " * 1024 + b"\r\n"] * count


CHUNKED = b"transfer-encoding: chunked\r\n"


async def test_a_chunked_body_is_refused_when_it_becomes_too_long(inn: Inn) -> None:
    wire = await inn.wire()
    await wire.send(head("POST", PROVIDERS, VERSION, JSON, CHUNKED), *chunks(5))
    check_placement(await wire.answer(), 413)
    await wire.send(b"0\r\n\r\n", GOOD)
    assert (await wire.answer()).status == 200
    native = await inn.ask(head("POST", HOSTS, JSON, CHUNKED), *chunks(5))
    check_native(native, 413, "innkeeper.too_large")


async def test_a_refused_body_is_not_read_forever(inn: Inn) -> None:
    wire = await inn.wire()
    await wire.send(head("POST", PROVIDERS, VERSION, JSON, CHUNKED), *chunks(5))
    check_placement(await wire.answer(), 413)
    try:
        for _ in range(1000):
            await wire.send(*chunks(100))
    except ConnectionError:
        pass
    assert await wire.is_closed()


async def test_a_body_of_the_longest_length_is_read(inn: Inn) -> None:
    body = json.dumps({"name": "n"}).encode()
    body += b" " * (4096 - len(body))
    answer = await inn.ask(
        head("POST", PROVIDERS, VERSION, JSON, b"content-length: 4096\r\n"), body
    )
    assert answer.status == 200


async def test_a_target_that_is_too_long(inn: Inn) -> None:
    query = "name=" + "n" * 2000
    check_placement(await inn.ask(head("GET", f"{PROVIDERS}?{query}", VERSION)), 414)
    check_placement(await inn.ask(head("GET", f"{PROVIDERS}/{query}", VERSION)), 414)
    answer = await inn.ask(head("GET", f"/v1/hosts?{query}"))
    check_native(answer, 414, "innkeeper.target_too_long")


@pytest.mark.parametrize("size", [1100, 15_000])
async def test_headers_that_are_too_large(inn: Inn, size: int) -> None:
    token = b"x-auth-token: " + b"t" * size + b"\r\n"
    check_placement(await inn.ask(head("GET", PROVIDERS, VERSION, token)), 431)
    answer = await inn.ask(head("GET", "/v1/hosts", token))
    check_native(answer, 431, "innkeeper.headers_too_large")


async def test_many_headers(inn: Inn) -> None:
    many = b"".join(b"x-%d: y\r\n" % number for number in range(500))
    wire = await inn.wire()
    await wire.send(head("GET", PROVIDERS, VERSION, many))
    check_placement(await wire.answer(), 431)
    await wire.send(GOOD)
    assert (await wire.answer()).status == 200


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nx: ", b"GET / HTTP/1.1\r\n"])
async def test_a_head_without_end_is_cut_off(inn: Inn, start: bytes) -> None:
    more = b"x: y\r\n" * 100 if start.endswith(b"\n") else b"x" * 600
    wire = await inn.wire()
    await wire.send(start)
    try:
        for _ in range(10_000):
            await wire.send(more)
    except ConnectionError:
        pass
    try:
        assert (await wire.answer()).status == 431
    except ConnectionResetError:
        return
    assert await wire.is_closed()


async def test_whoever_waits_for_100_and_is_refused_may_not_go_on(inn: Inn) -> None:
    wire = await inn.wire()
    await wire.send(
        head("POST", "/placement/nothing", JSON, b"content-length: 5\r\nexpect: 100-continue\r\n")
    )
    answer = await wire.answer()
    assert (answer.status, answer.headers["connection"]) == (404, "close")
    assert await wire.is_closed()


async def test_an_upgrade_is_ignored_and_the_connection_ends(inn: Inn) -> None:
    upgrade = b"connection: upgrade\r\nupgrade: h2c\r\n"
    wire = await inn.wire()
    await wire.send(head("GET", PROVIDERS, VERSION, upgrade))
    answer = await wire.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await wire.is_closed()


async def test_answers_that_are_due_come_before_the_refusal_of_what_is_no_http(inn: Inn) -> None:
    wire = await inn.wire()
    await wire.send(GOOD, GOOD, b"\x00\x01\x02\r\n\r\n")
    assert [(await wire.answer()).status for _ in range(2)] == [200, 200]
    assert await wire.is_closed()


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://inn HTTP/1.1\r\n\r\n",
        head("GET", "/placement/\xff"),
        head("POST", PROVIDERS, b"content-length: 1\r\ncontent-length: 2\r\n") + b"x",
        head("POST", PROVIDERS, b"content-length: 1\r\n" + CHUNKED) + b"x",
        head("POST", PROVIDERS, JSON, CHUNKED) + b"zz\r\n",
    ],
)
async def test_what_is_no_http_is_refused(inn: Inn, text: bytes) -> None:
    wire = await inn.wire()
    await wire.send(text)
    answer = await wire.answer()
    assert answer.status in {400, 404}
    assert b"Traceback" not in answer.body


class TestSlow:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"receive_timeout_s": 0.5}

    async def test_nothing(self, inn: Inn) -> None:
        assert await (await inn.wire()).is_closed()

    async def test_half_a_head(self, inn: Inn) -> None:
        answer = await inn.ask(b"GET /placement/ HTTP/1.1\r\nx: ")
        assert (answer.status, answer.headers["connection"]) == (408, "close")

    async def test_half_a_second_head(self, inn: Inn) -> None:
        wire = await inn.wire()
        await wire.send(GOOD, b"GET ")
        assert (await wire.answer()).status == 200
        assert (await wire.answer()).status == 408
        assert await wire.is_closed()

    @pytest.mark.parametrize("length", [b"content-length: 5\r\n", CHUNKED])
    async def test_half_a_body(self, inn: Inn, length: bytes) -> None:
        wire = await inn.wire()
        await wire.send(head("POST", PROVIDERS, VERSION, JSON, length), b"1")
        answer = await wire.answer()
        check_placement(answer, 408)
        assert answer.headers["connection"] == "close"
        assert await wire.is_closed()
        answer = await inn.ask(head("POST", HOSTS, JSON, length), b"1")
        check_native(answer, 408, "innkeeper.too_slow")

    async def test_half_a_body_that_nobody_reads(self, inn: Inn) -> None:
        wire = await inn.wire()
        await wire.send(head("POST", "/placement/nothing", JSON, b"content-length: 5\r\n"), b"1")
        assert (await wire.answer()).status == 404
        assert await wire.is_closed()
