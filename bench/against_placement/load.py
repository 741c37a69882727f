"""The load generator: a process of its own, with raw sockets that stay open and one epoll.

    python -m bench.against_placement.load < plan > outcome

Both are msgpack, a Plan and an Outcome. One round of its loop costs some 15 us a request, so it
is never what is measured. It must not look into an answer unless the next request depends on it;
else the body is not even copied to it, as a large one costs more to read than to make.
"""

import contextlib
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from itertools import count
from random import Random
from typing import Final

import msgspec

from bench.against_placement.requests import (
    CONSUMERS_A_PROJECT,
    claim,
    new_uuid,
    project,
    request,
)

HOST: Final = "127.0.0.1"
READ_BYTES: Final = 262_144
HEAD_BYTES: Final = 16_384
"""More than the head of an answer, and little of a body."""
_SINK: Final = bytearray(16 * READ_BYTES)
"""Where nothing is ever written."""
_ARRIVED: Final = memoryview(bytearray(READ_BYTES))
"""Where all of them read: to make room for each answer would cost more than to read it."""
MAX_SEARCHES: Final = 3
"""How often one schedule searches anew when all that it found was lost."""
MAX_POLL_S: Final = 0.5
NO_BODY: Final = frozenset({b"204", b"304"})
"""Statuses of answers that say nothing of a length."""


class Fixed(msgspec.Struct, frozen=True, tag=True):
    """Requests, in turn; ``once``: each a single time, as it would not be the same again."""

    requests: list[bytes]
    once: bool = False


class Schedule(msgspec.Struct, frozen=True, tag=True):
    """Search, then claim one of what was found, then another if that was lost."""

    searches: list[bytes]
    """In turn."""
    seed: str
    """Of consumers that nobody else has."""


class Stocks(msgspec.Struct, frozen=True, tag=True):
    """Inventories of providers, written again and again at the generation seen last."""

    paths: list[str]
    """One for each provider."""
    inventories: list[dict[str, dict[str, float]]]
    """What is written, in turn."""


Work = Fixed | Schedule | Stocks


class Plan(msgspec.Struct, frozen=True):
    """What to send where, and for how long."""

    port: int
    connections: int
    work: Work
    seconds: float
    """No request begins later, unless fewer than ``least`` have ended."""
    least: int
    most: int
    give_up_s: float
    """What has not been answered by then never is."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of it. Latencies are of what went well."""

    latencies_ms: list[float]
    statuses: dict[int, int]
    took_s: float
    failed: int
    """Answered, but not as they should be."""
    unanswered: int
    cpu_s: float
    """What the load generator itself used meanwhile."""
    retries: int
    """Claims that were lost to others, within what was scheduled all the same."""


class Answer(msgspec.Struct):
    """One answer."""

    status: int
    body: bytes


Job = Generator[bytes, Answer, bool]
"""Gives requests, takes their answers, ends with whether it went well."""


class _Candidate(msgspec.Struct):
    allocations: msgspec.Raw


class _Found(msgspec.Struct):
    allocation_requests: list[_Candidate]


class _Written(msgspec.Struct):
    resource_provider_generation: int


class Jobs:
    """Makes the jobs of a plan."""

    def __init__(self, work: Work) -> None:
        self.retries = 0
        self._work = work
        self._free: list[str] = []
        self._generations: dict[str, int] = {}
        match work:
            case Fixed():
                self._next = self._fixed(work)
            case Schedule():
                self._next = self._schedules(work)
            case Stocks():
                self._next = self._stocks(work)

    def next(self) -> Job | None:
        """Give the next job, if there is one."""
        return next(self._next, None)

    def _fixed(self, work: Fixed) -> Iterator[Job]:
        while True:
            for each in work.requests:
                yield _one(each)
            if work.once:
                return

    def _schedules(self, work: Schedule) -> Iterator[Job]:
        random = Random(work.seed)
        found = msgspec.json.Decoder(_Found)
        for number in count(random.getrandbits(32) * CONSUMERS_A_PROJECT):
            search = work.searches[number % len(work.searches)]
            yield self._schedule(search, found, random, project(number))

    def _schedule(
        self,
        search: bytes,
        decoder: "msgspec.json.Decoder[_Found]",
        random: Random,
        project_id: str,
    ) -> Job:
        for _ in range(MAX_SEARCHES):
            answer = yield search
            if answer.status != 200:
                return False
            found = decoder.decode(answer.body).allocation_requests
            while found:
                candidate = found.pop(random.randrange(len(found)))
                answer = yield claim(new_uuid(random), candidate.allocations, project_id)
                if answer.status == 204:
                    return True
                self.retries += 1
        return False

    def _stocks(self, work: Stocks) -> Iterator[Job]:
        self._free = list(work.paths)
        turn = 0
        while True:
            yield self._stock(work.inventories[turn // len(work.paths) % len(work.inventories)])
            turn += 1

    def _stock(self, inventories: dict[str, dict[str, float]]) -> Job:
        # No two writes of one provider at a time: each needs the generation of the one before.
        path = self._free.pop(0)
        body = {
            "resource_provider_generation": self._generations[path],
            "inventories": inventories,
        }
        answer = yield request("PUT", path, body)
        self._free.append(path)
        if answer.status != 200:
            return False
        written = msgspec.json.decode(answer.body, type=_Written)
        self._generations[path] = written.resource_provider_generation
        return True

    def learn(self, path: str, answer: Answer) -> None:
        """Take the generation of a provider from an answer."""
        seen = msgspec.json.decode(answer.body, type=_Written)
        self._generations[path] = seen.resource_provider_generation


def _one(each: bytes) -> Job:
    answer = yield each
    return answer.status < 300


class Connection:
    """One connection, with at most one request under way; opened again where it was closed."""

    def __init__(self, port: int, *, skips: bool = False) -> None:
        """Connect to ``port``; with ``skips``, bodies of answers are thrown away."""
        self._port = port
        self._skips = skips
        self._most = HEAD_BYTES if skips else READ_BYTES
        self.socket: socket.socket | None = None
        self.job: Job | None = None
        self.began = 0.0
        self.ends = False
        """Whether the server said that it will close it."""
        self._got = bytearray()
        self._body_at = -1
        self._length = self._skipped = 0

    def connect(self) -> int:
        """Open it; give its file number."""
        self.ends = False
        self.socket = socket.create_connection((HOST, self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.socket.fileno()

    def close(self) -> None:
        """Close it."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def send(self, content: bytes) -> None:
        """Send a request. Requests are small: they fit the socket's buffer."""
        self._got.clear()
        self._body_at, self._skipped = -1, 0
        if self.socket is not None:
            # Where it was closed meanwhile, reading will say so.
            with contextlib.suppress(ConnectionError):
                self.socket.sendall(content)

    def receive(self) -> Answer | None:
        """Read what is there; give the answer once it is whole. ConnectionError: none will come."""
        if not (self._skip() if self._skips and self._body_at >= 0 else self._read()):
            raise ConnectionError("the server closed the connection")
        if self._body_at < 0 and not self._read_head():
            return None
        if len(self._got) + self._skipped < self._body_at + self._length:
            return None
        body = b"" if self._skips else bytes(self._got[self._body_at :])
        return Answer(int(self._got[9:12]), body)

    def _read(self) -> int:
        count = 0 if self.socket is None else self.socket.recv_into(_ARRIVED, self._most)
        self._got += _ARRIVED[:count]
        return count

    def _skip(self) -> int:
        """Throw away what is there of a body: Linux drops it where it is (tcp(7), MSG_TRUNC)."""
        count = 0 if self.socket is None else self.socket.recv_into(_SINK, 0, socket.MSG_TRUNC)
        self._skipped += count
        return count

    def _read_head(self) -> bool:
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._got[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0 and head[9:12] not in NO_BODY:
            raise RuntimeError(f"an answer of unknown length: {head!r}")
        self._length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        self._body_at = end + 4
        self.ends = b"\r\nconnection: close" in head
        return True


class Load:
    """Carries out a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._jobs = Jobs(plan.work)
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._latencies_ms: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._failed = self._begun = self._busy = 0
        self._began = 0.0

    def run(self) -> Outcome:
        """Send until it is over."""
        self._prepare()
        for _ in range(self._plan.connections):
            self._open(Connection(self._plan.port, skips=isinstance(self._plan.work, Fixed)))
        used_s = time.process_time()
        self._began = time.perf_counter()
        end = self._began + self._plan.give_up_s
        for connection in list(self._connections.values()):
            self._next(connection)
        while (left := end - time.perf_counter()) > 0 and self._busy:
            for number, _ in self._poll.poll(min(left, MAX_POLL_S)):
                self._read(number)
        took_s = time.perf_counter() - self._began
        cpu_s = time.process_time() - used_s
        unanswered = self._busy
        self._end()
        return Outcome(
            latencies_ms=self._latencies_ms,
            statuses=dict(self._statuses),
            took_s=took_s,
            failed=self._failed,
            unanswered=unanswered,
            cpu_s=cpu_s,
            retries=self._jobs.retries,
        )

    def _prepare(self) -> None:
        if not isinstance(self._plan.work, Stocks):
            return
        connection = Connection(self._plan.port)
        for path in self._plan.work.paths:
            connection.connect()
            connection.send(request("GET", path))
            while (answer := connection.receive()) is None:
                continue
            self._jobs.learn(path, answer)
            connection.close()

    def _end(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._poll.close()

    def _open(self, connection: Connection) -> None:
        number = connection.connect()
        self._connections[number] = connection
        self._poll.register(number, select.EPOLLIN)

    def _reopen(self, number: int) -> Connection:
        connection = self._connections.pop(number)
        self._poll.unregister(number)
        connection.close()
        self._open(connection)
        return connection

    def _read(self, number: int) -> None:
        connection = self._connections[number]
        try:
            answer = connection.receive()
        except ConnectionError:
            connection = self._reopen(number)
            if connection.job is not None:
                self._failed += 1
                self._next(connection)
            return
        if answer is None or connection.job is None:
            return
        self._statuses[answer.status] += 1
        if connection.ends:
            self._reopen(number)
        try:
            connection.send(connection.job.send(answer))
        except StopIteration as ended:
            if ended.value:
                self._latencies_ms.append((time.perf_counter() - connection.began) * 1000)
            else:
                self._failed += 1
            self._next(connection)

    def _next(self, connection: Connection) -> None:
        if connection.job is not None:
            connection.job = None
            self._busy -= 1
        now = time.perf_counter()
        plan, ended = self._plan, len(self._latencies_ms) + self._failed
        if self._begun >= plan.most or (now > self._began + plan.seconds and ended >= plan.least):
            return
        job = self._jobs.next()
        if job is None:
            return
        self._begun += 1
        self._busy += 1
        connection.job, connection.began = job, now
        connection.send(next(job))


def main() -> None:
    """Carry out the plan on the standard input."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.msgpack.encode(Load(plan).run()))


if __name__ == "__main__":
    main()
