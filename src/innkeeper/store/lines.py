"""Lines: a few connections on which the loop itself asks for what one statement gives.

A trip to a thread, and what a pool does for a connection, cost several times as much as many a
statement does. It must never keep anybody waiting who could be answered by a thread: while a line
is made, or is lost, there is no answer here.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from innkeeper.store.line import Connect, Line, Rows
from innkeeper.store.prepared import Prepared, Scalar

MOST: Final = 2
"""One is enough for what a process can answer; the other is there while something long is asked."""
MOST_WAITING: Final = 256
"""Statements that wait for a line: some hundredths of a second of work."""


class _Open(msgspec.Struct, frozen=True, eq=False):
    line: Line
    conn: Connection


class Lines:
    """The lines of one store. They belong to the loop."""

    def __init__(self, engine: Engine, connect: Connect, *, threads: Executor) -> None:
        """Make lines by ``connect`` of connections of ``engine``, on one of ``threads``."""
        self._engine = engine
        self._connect = connect
        self._threads = threads
        self._open: list[_Open] = []
        self._free: list[_Open] = []
        self._waiting: deque[asyncio.Future[_Open | None]] = deque()
        self._opening: Future[_Open | None] | None = None
        self._over = False
        """Whether no line is ever made again: the store is closed, or its driver cannot."""

    async def ask(self, statement: Prepared, values: Mapping[str, Scalar]) -> Rows | None:
        """Give the rows of a statement; None: there is no line now, or it gave no answer."""
        if len(self._open) < MOST and not self._free:
            self._open_one_more()
        if self._free:
            mine = self._free.pop()
        elif self._open and len(self._waiting) < MOST_WAITING:
            given = await self._wait()
            if given is None:
                return None
            mine = given
        else:
            return None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Rows | None] = loop.create_future()
        dialect = self._engine.dialect
        mine.line.ask(
            statement.sql(dialect),
            statement.named(dialect, values),
            partial(self._answered, mine, answer),
        )
        return await answer

    def close(self) -> None:
        """Let go of all connections; whoever waits has no answer. The threads have ended."""
        self._over = True
        self._came()
        for each in tuple(self._open):
            self._lose(each)

    async def _wait(self) -> _Open | None:
        waiter: asyncio.Future[_Open | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (given := waiter.result()) is not None:
                self._release(given)
            raise

    def _answered(
        self, mine: _Open, answer: "asyncio.Future[Rows | None]", rows: Rows | None
    ) -> None:
        if rows is None:
            self._lose(mine)
        else:
            self._release(mine)
        if not answer.done():
            answer.set_result(rows)

    def _release(self, mine: _Open) -> None:
        """Give a line to the first who waits, or keep it for whoever comes."""
        if mine not in self._open:
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(mine)
                return
        self._free.append(mine)

    def _lose(self, mine: _Open) -> None:
        if mine not in self._open:
            return
        self._open.remove(mine)
        if mine in self._free:
            self._free.remove(mine)
        mine.line.rest()
        # It is only a socket that is closed: that waits for nobody.
        mine.conn.invalidate()
        mine.conn.close()
        if not self._open:
            for waiter in self._waiting:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiting.clear()

    def _open_one_more(self) -> None:
        if self._opening is not None or self._over:
            return
        loop = asyncio.get_running_loop()
        self._opening = self._threads.submit(self._make)
        self._opening.add_done_callback(lambda _: loop.call_soon_threadsafe(self._came))

    def _make(self) -> _Open | None:
        """Make a line, in a thread; None: the driver cannot. Raises what the driver raises."""
        conn = self._engine.connect()
        try:
            line = self._connect(conn)
        except BaseException:
            conn.close()
            raise
        if line is None:
            conn.close()
            return None
        return _Open(line, conn)

    def _came(self) -> None:
        """Take the line that was made."""
        opening, self._opening = self._opening, None
        # If the database cannot be reached, who asks next tries again; a thread tells him why.
        if opening is None or opening.exception() is not None:
            return
        made = opening.result()
        if made is None:
            self._over = True
            return
        self._open.append(made)
        if self._over:
            self._lose(made)
        else:
            self._release(made)
