"""A line by libpq: a whole answer or none, told once; where there was none the socket is left."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec
import psycopg
import pytest
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from innkeeper.store.dialects import libpq
from innkeeper.store.dialects.libpq import LibpqLine
from innkeeper.store.line import Rows
from innkeeper.store.prepared import Scalar

LIMIT_S: Final = 3600.0
SQL: Final = "SELECT b, %(a)s FROM t WHERE a = %(a)s AND c LIKE 'x%%' AND d = %(d)s"


class Result(msgspec.Struct):
    """What the server said."""

    status: ExecStatus
    ntuples: int = 2


ROWS: Final = Result(ExecStatus.TUPLES_OK)
DONE: Final = Result(ExecStatus.COMMAND_OK)
FATAL: Final = Result(ExecStatus.FATAL_ERROR)
Part = Result | psycopg.Error | None
LOADED: Final[Rows] = [(1, "a"), (2, None)]


class Transformer:
    """What makes values of a result."""

    def __init__(self, _driver: object) -> None:
        pass

    def set_pgresult(self, result: Result) -> None:
        assert result is ROWS

    def load_rows(self, first: int, last: int, make: type) -> Rows:
        assert (first, last, make) == (0, 2, tuple)
        return LOADED


class Connection:
    """A connection on which ``parts`` of an answer arrive."""

    def __init__(self) -> None:
        self.server, self._ours = socket.socketpair()
        self.parts: list[Part] = []
        self.unsent = 0
        self.refusal: psycopg.Error | None = None
        self.sent: list[tuple[object, ...]] = []

    @property
    def pgconn(self) -> PGconn:
        return cast("PGconn", self)

    @property
    def socket(self) -> int:
        return self._ours.fileno()

    @property
    def is_watched(self) -> bool:
        return asyncio.get_running_loop().remove_reader(self.socket)

    def say(self, *parts: Part) -> None:
        self.parts += parts
        self.server.send(b"x")

    def send_prepare(self, name: bytes, text: bytes) -> None:
        self._send(name, text)

    def send_query_prepared(
        self, name: bytes, values: Sequence[bytes | None], formats: Sequence[int]
    ) -> None:
        self._send(name, values, formats)

    def _send(self, *sent: object) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(sent)

    def flush(self) -> int:
        return self.unsent

    def consume_input(self) -> None:
        self._ours.recv(1)

    def is_busy(self) -> bool:
        return not self.parts

    def get_result(self) -> Result | None:
        part = self.parts.pop(0) if self.parts else None
        if isinstance(part, psycopg.Error):
            raise part
        return part

    def close(self) -> None:
        self.server.close()
        self._ours.close()


class Asked:
    """A line that is asked, and what it tells."""

    def __init__(self, connection: Connection) -> None:
        self.answers: list[Rows | None] = []
        self.told = asyncio.Event()
        self.line = LibpqLine(
            cast("psycopg.Connection[tuple[object, ...]]", connection), limit_s=LIMIT_S
        )

    def ask(self, sql: str = SQL, **values: Scalar) -> "Asked":
        self.told.clear()
        self.line.ask(sql, values or {"a": 1, "d": None}, self._tell)
        return self

    def _tell(self, rows: Rows | None) -> None:
        self.answers.append(rows)
        self.told.set()


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr(libpq, "Transformer", Transformer)
    found = Connection()
    yield found
    found.close()


async def prepared(connection: Connection) -> Asked:
    """Give a line that has answered once."""
    asked = Asked(connection).ask()
    connection.say(DONE, None)
    while len(connection.sent) < 2:  # noqa: ASYNC110 - the loop reads
        await asyncio.sleep(0)
    connection.say(ROWS, None)
    await asked.told.wait()
    return asked


async def test_a_statement_is_prepared_once(connection: Connection) -> None:
    asked = await prepared(connection)
    asked.ask(a="x", d=b"y")
    connection.say(ROWS, None)
    await asked.told.wait()
    assert asked.answers == [LOADED, LOADED]
    text = b"SELECT b, $1 FROM t WHERE a = $1 AND c LIKE 'x%' AND d = $2"
    assert connection.sent == [
        (b"innkeeper_0", text),
        (b"innkeeper_0", [b"1", None], [0, 0]),
        (b"innkeeper_0", [b"x", b"y"], [0, 1]),
    ]
    asked.ask("SELECT 1")
    assert connection.sent[3:] == [(b"innkeeper_1", b"SELECT 1")]
    asked.line.rest()


async def test_an_answer_counts_once_it_is_whole(connection: Connection) -> None:
    asked = (await prepared(connection)).ask()
    for part in (ROWS, None):
        assert not asked.told.is_set()
        connection.say(part)
        # The loop reads what has come.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asked.told.wait()
    assert asked.answers == [LOADED, LOADED]
    asked.line.rest()
    assert not connection.is_watched


@pytest.mark.parametrize(
    "parts",
    [(FATAL, None), (ROWS, FATAL), (ROWS, psycopg.OperationalError()), (None,), (DONE, None)],
)
async def test_whatever_else_comes_is_no_answer(
    connection: Connection, parts: tuple[Part, ...]
) -> None:
    asked = (await prepared(connection)).ask()
    connection.say(*parts)
    await asked.told.wait()
    assert asked.answers == [LOADED, None]
    assert not connection.is_watched


@pytest.mark.parametrize("parts", [(FATAL, None), (psycopg.OperationalError(),), (DONE, FATAL)])
async def test_what_cannot_be_prepared_has_no_answer(
    connection: Connection, parts: tuple[Part, ...]
) -> None:
    asked = Asked(connection).ask()
    connection.say(*parts)
    await asked.told.wait()
    assert asked.answers == [None]
    assert len(connection.sent) == 1


async def test_silence_is_no_answer(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await prepared(connection)
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)
    now += LIMIT_S / 2
    asked.ask()
    # The first question's time is over by now, not this one's.
    now += LIMIT_S * 3 / 4
    for _ in range(2):
        await asyncio.sleep(0)
    assert asked.answers == [LOADED]
    now += LIMIT_S / 2
    await asked.told.wait()
    connection.say(ROWS, None)
    await asyncio.sleep(0)
    assert asked.answers == [LOADED, None]
    assert not connection.is_watched


async def test_who_waits_has_no_answer_once_others_use_the_connection(
    connection: Connection,
) -> None:
    asked = (await prepared(connection)).ask()
    asked.line.rest()
    connection.say(ROWS, None)
    await asyncio.sleep(0)
    assert asked.answers == [LOADED, None]
    assert not connection.is_watched


@pytest.mark.parametrize(("part", "watched"), [(None, True), (psycopg.OperationalError(), False)])
async def test_what_comes_unasked_is_told_to_nobody(
    connection: Connection, part: Part, *, watched: bool
) -> None:
    asked = await prepared(connection)
    connection.say(part)
    while connection.parts:  # noqa: ASYNC110 - the loop reads
        await asyncio.sleep(0)
    assert connection.is_watched == watched
    assert asked.answers == [LOADED]


@pytest.mark.parametrize(("refusal", "unsent"), [(psycopg.OperationalError(), 0), (None, 1)])
async def test_what_cannot_be_sent_has_no_answer(
    connection: Connection, refusal: psycopg.Error | None, unsent: int
) -> None:
    connection.refusal, connection.unsent = refusal, unsent
    assert Asked(connection).ask().answers == [None]
