"""How the HTTP server treats connections: over real sockets, with an application of a few lines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from innkeeper.api.http import ClientGone, Request, Response
from innkeeper.api.limits import Limits
from innkeeper.wiring.serve import HttpServer

PATIENCE_S = 30.0
HOST = b"host: inn\r\n"
# Far more than the buffers of two sockets hold, which Linux lets grow to 4 MiB and more.
LIMITS = Limits(max_body_bytes=32 * 1024 * 1024)
LARGE = 8 * 1024 * 1024


class Inn:
    """An application that tells what it was asked, and can be held up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.gone = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        self.asked.append(request.path)
        self.arrived.set()
        await self.go_on.wait()
        if request.path == "/defect":
            raise ValueError
        try:
            body = await request.read()
        except ClientGone:
            self.gone.set()
            raise
        if request.path == "/large":
            body = b"x" * LARGE
        said = f"{request.method} {request.path}?{request.query} ".encode()
        return Response(200, said + body, [("x-agent", request.headers.get("user-agent", "\n"))])


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, target: str, *headers: bytes, method: str = "GET", body: bytes = b"") -> None:
        length = f"content-length: {len(body)}\r\n".encode() if body else b""
        head = f"{method} {target} HTTP/1.1\r\n".encode() + HOST + length + b"".join(headers)
        self.writer.write(head + b"\r\n" + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = text.rstrip().split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in lines)

    async def answer(self) -> bytes:
        status, headers = await self.head()
        assert status == 200
        return await self.reader.readexactly(int(headers["content-length"]))

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""


Serve = Callable[[], Awaitable[Client]]


@asynccontextmanager
async def serving(inn: Inn) -> AsyncIterator[tuple[HttpServer, Serve]]:
    server = HttpServer.bind("127.0.0.1", 0)
    await server.start(inn, limits=LIMITS)
    port = int(server.url.rpartition(":")[2])
    clients = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    async with asyncio.timeout(PATIENCE_S):
        yield server, connect
        for client in clients:
            client.writer.close()
        await server.stop()


@pytest.fixture
async def inn() -> Inn:
    return Inn()


@pytest.fixture
async def client(inn: Inn) -> AsyncIterator[Client]:
    async with serving(inn) as (_, connect):
        yield await connect()


async def test_requests_that_are_sent_at_once_are_answered_in_their_order(
    client: Client, inn: Inn
) -> None:
    for number in range(200):
        client.send(f"/{number}?a=%20", method="PUT", body=b"b" * number)
    for number in range(200):
        assert await client.answer() == f"PUT /{number}?a=%20 ".encode() + b"b" * number
    assert len(inn.asked) == 200


async def test_one_that_waits_does_not_begin_before_its_turn(client: Client, inn: Inn) -> None:
    inn.go_on.clear()
    client.send("/first")
    client.send("/second")
    await inn.arrived.wait()
    assert inn.asked == ["/first"]
    inn.go_on.set()
    assert [await client.answer() for _ in range(2)] == [b"GET /first? ", b"GET /second? "]


async def test_a_path_is_decoded_and_a_query_is_not(client: Client) -> None:
    client.send("http://other/a%2Fb%C3%A9?x=%41#part")
    assert await client.answer() == "GET /a/bé?x=%41 ".encode()


async def test_head_has_the_length_and_no_body(client: Client) -> None:
    client.send("/x", method="HEAD")
    client.send("/y")
    status, headers = await client.head()
    assert (status, headers["content-length"]) == (200, str(len("HEAD /x? ")))
    assert headers["date"].endswith(" GMT")
    assert await client.answer() == b"GET /y? "


async def test_no_header_of_an_answer_can_be_two(client: Client) -> None:
    client.send("/", b"user-agent: a\x85\xffb\r\n", method="HEAD")
    assert (await client.head())[1]["x-agent"] == "a\x85\xffb"
    client.send("/", method="HEAD")
    _, headers = await client.head()
    assert headers["x-agent"] == ""


@pytest.mark.parametrize(
    "version",
    [
        b"HTTP/1.0",
        b"HTTP/1.0\r\nconnection: keep-alive",
        b"HTTP/1.0\r\nproxy-connection: keep-alive",
        b"HTTP/1.1\r\nconnection: close",
    ],
)
async def test_a_connection_ends_if_the_client_wants_it(client: Client, version: bytes) -> None:
    client.writer.write(b"GET /x " + version + b"\r\n" + HOST + b"\r\n")
    status, headers = await client.head()
    assert (status, headers["connection"]) == (200, "close")
    assert await client.reader.read() == b"GET /x? "


async def test_a_body_in_chunks_and_after_100_continue(client: Client) -> None:
    client.send("/x", b"transfer-encoding: chunked\r\n", method="PUT")
    client.writer.write(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert await client.answer() == b"PUT /x? abc"
    client.send("/x", b"content-length: 3\r\nexpect: 100-continue\r\n", method="PUT")
    assert (await client.head())[0] == 100
    client.writer.write(b"abc")
    assert await client.answer() == b"PUT /x? abc"


async def test_a_body_that_nobody_wants_yet_is_not_read(client: Client, inn: Inn) -> None:
    inn.go_on.clear()
    body = b"b" * LIMITS.max_body_bytes
    client.send("/x", method="PUT", body=body)
    await inn.arrived.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.writer.drain()
    inn.go_on.set()
    assert await client.answer() == b"PUT /x? " + body


async def test_a_client_that_does_not_read_is_not_answered_further(
    client: Client, inn: Inn
) -> None:
    for _ in range(5):
        client.send("/large")
    await inn.arrived.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(inn.asked) == 1
    for _ in range(5):
        assert len(await client.answer()) > LARGE
    assert len(inn.asked) == 5


async def test_who_goes_away_is_not_waited_for(client: Client, inn: Inn) -> None:
    client.send("/x", b"content-length: 3\r\n", method="PUT")
    await inn.arrived.wait()
    client.writer.close()
    await inn.gone.wait()


async def test_a_defect_is_an_answer(client: Client) -> None:
    client.send("/defect")
    status, headers = await client.head()
    assert (status, headers["connection"]) == (500, "close")


async def test_what_is_under_way_is_answered_before_the_end(inn: Inn) -> None:
    inn.go_on.clear()
    async with serving(inn) as (server, connect):
        idle, busy = await connect(), await connect()
        busy.send("/x")
        await inn.arrived.wait()
        stopping = asyncio.create_task(server.stop())
        assert await idle.is_closed()
        with pytest.raises(ConnectionRefusedError):
            await connect()
        inn.go_on.set()
        status, headers = await busy.head()
        assert (status, headers["connection"]) == (200, "close")
        assert await busy.reader.read() == b"GET /x? "
        await stopping
