"""One request, one answer, and the two that are asked: the reference and Innkeeper."""

import asyncio
import http.client
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from tests.conformance.gabbi_live import server
from tests.conformance.in_process import ADMIN, client_of

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
PEERS = CHECKOUT / ".venv-peers" / "bin" / "python"
HOST = "inn.example:8080"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - no disk to wait for
ANSWER_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Request:
    """What is sent, to the byte."""

    method: str
    target: str
    """Path and query, percent-encoded."""
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")

    @property
    def version(self) -> tuple[int, int]:
        """The microversion that is asked for; (1, 0) if that cannot be told."""
        text = self.header("openstack-api-version").rpartition(" ")[2]
        if text == "latest":
            return (1, 39)
        major, _, minor = text.partition(".")
        return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (1, 0)

    def __str__(self) -> str:
        headers = ", ".join(f"{name}: {value}" for name, value in self.headers)
        content = self.content.decode("utf-8", "backslashreplace")
        return f"{self.method} {self.target}\n    [{headers}]\n    {content}".rstrip()


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_json(self) -> bool:
        return self.headers.get("content-type") == "application/json"

    def __str__(self) -> str:
        headers = "\n      ".join(
            f"{name}: {value}" for name, value in sorted(self.headers.items())
        )
        return f"{self.status}\n      {headers}\n      {self.body.decode('utf-8', 'replace')}"


def with_host(request: Request) -> dict[str, str]:
    """Give all headers; one without a value is one that is usual and shall not be sent."""
    said = {"host": HOST, **ADMIN, **dict(request.headers)}
    sent = {name: value for name, value in said.items() if value}
    if request.content:
        sent.setdefault("content-length", str(len(request.content)))
    return sent


class Clock:
    """The time of both servers, which passes only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def tick(self) -> None:
        self.seconds += 1


class Reference:
    """openstack-placement in a process of its own, behind one kept connection."""

    def __init__(self, port: int, clock: Clock) -> None:
        self._clock = clock
        self._conn = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)

    def ask(self, request: Request) -> Answer:
        self._conn.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        for name, value in with_host(request).items():
            self._conn.putheader(name, value)
        self._conn.putheader("x-now", str(self._clock.seconds))
        self._conn.endheaders(request.content or None)
        response = self._conn.getresponse()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body)

    def reset(self) -> None:
        assert self.ask(Request("POST", "/.reset")).status == 204

    def close(self) -> None:
        self._conn.close()


@contextmanager
def reference_in(data_dir: Path, clock: Clock) -> Iterator[Reference]:
    """Run the reference with its state in ``data_dir`` until the block ends."""
    port = server.free_port()
    command = f"{PEERS} {HERE / 'reference.py'} {{port}} {{data_dir}}"
    with server.running(command, port=port, data_dir=data_dir, environment={}):
        reference = Reference(port, clock)
        try:
            yield reference
        finally:
            reference.close()


class Innkeeper:
    """An empty Innkeeper in this process, asked without a socket."""

    def __init__(self, runner: asyncio.Runner, clock: Clock) -> None:
        self._clock = clock
        self._runner = runner
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY)))
        start = self._stack.enter_async_context(client_of(folder, clock=self._clock))
        self._client = self._runner.run(start)
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())

    def ask(self, request: Request) -> Answer:
        exchange = self._client.exchange(
            request.method, request.target, headers=with_host(request), content=request.content
        )
        answer = self._runner.run(exchange)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, answer.body)
