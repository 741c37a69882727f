"""A question by libpq: a whole answer or none, told once, and the socket is let go of."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec
import psycopg
import pytest
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from innkeeper.store.dialects.libpq import LibpqQuestion
from innkeeper.store.question import Row

FOR_EVER_S: Final = 3600.0


class Result(msgspec.Struct):
    """What the server said, of two rows."""

    status: ExecStatus
    ntuples: int = 2
    nfields: int = 2

    def get_value(self, row: int, column: int) -> bytes | None:
        return None if row == column else f"{row}{column}".encode()


ROWS: Final = Result(ExecStatus.TUPLES_OK)
FATAL: Final = Result(ExecStatus.FATAL_ERROR)
Part = Result | psycopg.Error | None


class Connection:
    """A connection on which ``parts`` of an answer arrive."""

    def __init__(self) -> None:
        self.server, self._ours = socket.socketpair()
        self.parts: list[Part] = []
        self.unsent = 0
        self.refusal: psycopg.Error | None = None

    @property
    def socket(self) -> int:
        return self._ours.fileno()

    def say(self, *parts: Part) -> None:
        self.parts += parts
        self.server.send(b"x")

    def send_query_prepared(self, _name: bytes, _values: None) -> None:
        if self.refusal is not None:
            raise self.refusal

    def flush(self) -> int:
        return self.unsent

    def consume_input(self) -> None:
        self._ours.recv(1)

    def is_busy(self) -> bool:
        return not self.parts

    def get_result(self) -> Result | None:
        part = self.parts.pop(0)
        if isinstance(part, psycopg.Error):
            raise part
        return part

    def close(self) -> None:
        self.server.close()
        self._ours.close()


class Asked:
    """A question that was asked."""

    def __init__(self, connection: Connection, limit_s: float = FOR_EVER_S) -> None:
        self.answers: list[Sequence[Row] | None] = []
        self.told = asyncio.Event()
        LibpqQuestion(cast("PGconn", connection), limit_s=limit_s).ask(self._tell)

    def _tell(self, rows: Sequence[Row] | None) -> None:
        self.answers.append(rows)
        self.told.set()


@pytest.fixture
def connection() -> Iterator[Connection]:
    found = Connection()
    yield found
    found.close()


async def test_an_answer_counts_once_it_is_whole(connection: Connection) -> None:
    asked = Asked(connection)
    for part in (ROWS, None):
        assert not asked.told.is_set()
        connection.say(part)
        # The loop reads what has come.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asked.told.wait()
    assert asked.answers == [[[b"", b"01"], [b"10", b""]]]
    assert not asyncio.get_running_loop().remove_reader(connection.socket)


@pytest.mark.parametrize(
    "parts", [(FATAL, None), (ROWS, FATAL), (ROWS, psycopg.OperationalError()), (None,)]
)
async def test_whatever_else_comes_is_no_answer(
    connection: Connection, parts: tuple[Part, ...]
) -> None:
    asked = Asked(connection)
    connection.say(*parts)
    await asked.told.wait()
    assert asked.answers == [None]
    assert not asyncio.get_running_loop().remove_reader(connection.socket)


async def test_silence_is_no_answer(connection: Connection) -> None:
    asked = Asked(connection, limit_s=0.001)
    await asked.told.wait()
    connection.say(ROWS, None)
    await asyncio.sleep(0)
    assert asked.answers == [None]
    assert not asyncio.get_running_loop().remove_reader(connection.socket)


@pytest.mark.parametrize(("refusal", "unsent"), [(psycopg.OperationalError(), 0), (None, 1)])
async def test_what_cannot_be_sent_has_no_answer(
    connection: Connection, refusal: psycopg.Error | None, unsent: int
) -> None:
    connection.refusal, connection.unsent = refusal, unsent
    assert Asked(connection).answers == [None]
