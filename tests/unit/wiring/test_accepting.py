"""How workers share the connections of one socket: evenly, and nobody waits for one who is away."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from innkeeper.api.http import Request, Response
from innkeeper.wiring.accepting import Accepting
from innkeeper.wiring.ports import Ports
from innkeeper.wiring.serve import HttpServer
from innkeeper.wiring.shares import ABSENT, Share, Shares
from tests.unit.wiring.test_http_protocol import PATIENCE_S

CLIENTS = 24


@pytest.fixture(autouse=True)
def long_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine too, who has fewer must come in time."""
    monkeypatch.setattr("innkeeper.wiring.accepting.LEAVES_S", (0.001, 0.2, 0.2))


class Worker:
    """One that says its place."""

    def __init__(self, place: int) -> None:
        self.place = place

    async def __call__(self, _request: Request) -> Response:
        return Response(200, str(self.place).encode())


@asynccontextmanager
async def serving(places: int, *, away: int = 0) -> AsyncIterator[tuple[int, Shares]]:
    """Serve one port by so many workers, of which the last ones never take a connection."""
    bound = HttpServer.bind("127.0.0.1", 0)
    shares = Shares(places)
    servers = []
    for place in range(places):
        share = Share(shares.fileno, place)
        if place < places - away:
            server = Ports.inherited((socket.dup(bound.fileno),), share).http
            await server.start(Worker(place))
            servers.append(server)
        else:
            share.join()
    yield int(bound.url.rpartition(":")[2]), shares
    for server in servers:
        await server.stop()
        server.release()
    bound.release()
    shares.close()


class Client:
    """A connection that stays open."""

    async def connect(self, port: int) -> str:
        """Give who took it."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        return await self.ask()

    async def ask(self) -> str:
        self.writer.write(b"GET / HTTP/1.1\r\nhost: inn\r\n\r\n")
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 1\r\n" in head
        return (await self.reader.readexactly(1)).decode()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def burst(port: int, count: int) -> tuple[list[Client], list[str]]:
    clients = [Client() for _ in range(count)]
    async with asyncio.timeout(PATIENCE_S):
        return clients, list(await asyncio.gather(*(each.connect(port) for each in clients)))


async def test_connections_are_shared_evenly() -> None:
    async with serving(3) as (port, _):
        clients, took = await burst(port, CLIENTS)
        assert sorted(took) == sorted("012" * (CLIENTS // 3))
        for each in clients:
            await each.close()


async def test_what_was_closed_is_made_up_for() -> None:
    async with serving(2) as (port, shares):
        clients, took = await burst(port, CLIENTS)
        for each, place in zip(clients, took, strict=True):
            if place == "0":
                await each.close()
        async with asyncio.timeout(PATIENCE_S):
            while shares._numbers[0]:  # noqa: ASYNC110 - it is memory
                await asyncio.sleep(0)
        more, took = await burst(port, CLIENTS // 2)
        assert took == ["0"] * (CLIENTS // 2)
        for each in (*clients, *more):
            await each.close()


async def test_nobody_waits_for_a_worker_that_is_away() -> None:
    async with serving(2, away=1) as (port, _):
        clients, took = await burst(port, CLIENTS)
        assert took == ["0"] * CLIENTS
        for each in clients:
            await each.close()


async def test_where_there_is_no_room_connections_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        tries = 0

        def fileno(self) -> int:
            return bound.fileno()

        def accept(self) -> tuple[socket.socket, object]:
            self.tries += 1
            if self.tries == 1:
                raise OSError(errno.EMFILE, "Too many open files")
            return bound.accept()

    monkeypatch.setattr("innkeeper.wiring.accepting.PAUSE_S", 0.001)
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)
    shares = Shares(1)
    full, made = Full(), asyncio.Event()

    class Made(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set()
            transport.close()  # type: ignore[attr-defined]

    accepting = Accepting(full, Made, share=Share(shares.fileno, 0))  # type: ignore[arg-type]
    _, writer = await asyncio.open_connection(*bound.getsockname())
    async with asyncio.timeout(PATIENCE_S):
        await made.wait()
    assert full.tries >= 2
    writer.close()
    await accepting.close()
    bound.close()
    shares.close()


def test_who_does_not_run_is_never_waited_for() -> None:
    shares = Shares(2)
    share, other = Share(shares.fileno, 0), Share(shares.fileno, 1)
    for _ in range(2):
        share.join()
        share.more()
    share.fewer()
    assert not share.is_ahead
    other.join()
    assert share.is_ahead
    assert not other.is_ahead
    shares.leave(1)
    assert not share.is_ahead
    assert list(shares._numbers) == [1, ABSENT]
    share.fewer()
    assert list(shares._numbers) == [0, ABSENT]
    shares.close()
