"""The load generator against a server that answers as it is told."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from bench.against_placement.load import Fixed, Load, Outcome, Plan, Schedule, Stocks, Work
from bench.against_placement.requests import request

Answering = Callable[[bytes], bytes]


def answer(status: int, body: bytes = b"", *, more: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n{more}" if status != 204 else ""
    return f"HTTP/1.1 {status} Such\r\n{length}\r\n".encode() + body


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    """Give a function that starts a server; ``close``: after each answer, as HTTP/1.0 does."""
    listeners = []

    def talk(one: socket.socket, answering: Answering, *, close: bool) -> None:
        with one, contextlib.suppress(ConnectionError):
            while asked := one.recv(65_536):
                said = answering(asked)
                # In two parts: an answer may arrive in any pieces.
                one.sendall(said[:20])
                one.sendall(said[20:])
                if close:
                    return

    def listen(answering: Answering, *, close: bool) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(
                    target=talk, args=(one, answering), kwargs={"close": close}, daemon=True
                ).start()

        threading.Thread(target=accept, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield lambda answering, *, close=False: listen(answering, close=close)
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def load(port: int, work: Work, *, connections: int = 1, most: int = 20) -> Outcome:
    plan = Plan(port, connections, work=work, seconds=60.0, least=most, most=most, give_up_s=60.0)
    return Load(plan).run()


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"])
def test_every_request_is_answered(serve: Callable[..., int], more: str) -> None:
    port = serve(lambda _: answer(200, b"x" * 100_000, more=more), close=bool(more))
    found = load(port, Fixed([request("GET", "/")]), connections=4)
    assert (len(found.latencies_ms), found.statuses, found.unanswered) == (20, {200: 20}, 0)


def test_what_is_sent_once_is_sent_once(serve: Callable[..., int]) -> None:
    seen: list[bytes] = []
    port = serve(lambda asked: (seen.append(asked), answer(204))[1])
    wanted = [request("PUT", f"/{at}", {}) for at in range(7)]
    assert len(load(port, Fixed(wanted, once=True), connections=3).latencies_ms) == 7
    assert sorted(seen) == sorted(wanted)


def test_refusals_are_not_counted_as_requests(serve: Callable[..., int]) -> None:
    port = serve(lambda _: answer(409, b"{}"))
    found = load(port, Fixed([request("GET", "/")]))
    assert (found.latencies_ms, found.failed, found.statuses) == ([], 20, {409: 20})


def test_a_lost_claim_goes_to_another_candidate(serve: Callable[..., int]) -> None:
    found_two = b'{"allocation_requests": [{"allocations": {"a": 1}}, {"allocations": {"b": 2}}]}'

    def answering(asked: bytes) -> bytes:
        if asked.startswith(b"GET"):
            return answer(200, found_two)
        return answer(204 if b'{"b":2}' in asked.replace(b" ", b"") else 409)

    found = load(serve(answering), Schedule([request("GET", "/")], seed="1"))
    assert (len(found.latencies_ms), found.failed) == (20, 0)
    assert 0 < found.retries < 20


def test_searches_are_made_in_turn(serve: Callable[..., int]) -> None:
    seen: list[bytes] = []

    def answering(asked: bytes) -> bytes:
        if asked.startswith(b"GET"):
            seen.append(asked)
            return answer(200, b'{"allocation_requests": [{"allocations": {"a": 1}}]}')
        return answer(204)

    wanted = [request("GET", f"/{at}") for at in range(4)]
    assert load(serve(answering), Schedule(wanted, seed="1")).failed == 0
    assert sorted(seen) == sorted(wanted * 5)


def test_inventories_are_written_at_the_generation_seen_last(serve: Callable[..., int]) -> None:
    generations = {"/a": 5, "/b": 8}

    def answering(asked: bytes) -> bytes:
        path = asked.split()[1].decode()
        if asked.startswith(b"PUT"):
            if f'"resource_provider_generation":{generations[path]},'.encode() not in asked:
                return answer(409)
            generations[path] += 1
        return answer(200, b'{"resource_provider_generation": %d}' % generations[path])

    found = load(serve(answering), Stocks(["/a", "/b"], [{"VCPU": {"total": 1}}]))
    assert (len(found.latencies_ms), found.failed) == (20, 0)
    assert generations == {"/a": 15, "/b": 18}


def test_large_answers_are_read_to_their_end(serve: Callable[..., int]) -> None:
    body = b"HTTP/1.1 500 No\r\n" * 200_000
    port = serve(lambda _: answer(200, body))
    found = load(port, Fixed([request("GET", "/a")]), connections=2, most=10)
    assert (len(found.latencies_ms), found.failed, found.statuses) == (10, 0, {200: 10})
    assert found.cpu_s > 0
