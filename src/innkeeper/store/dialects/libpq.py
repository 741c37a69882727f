"""A line by psycopg's libpq: what the loop asks costs a fraction of a trip to a thread.

Only a whole answer counts. Whatever else happens to the connection, a cut, an error, silence for
too long, is told as no answer.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, cast

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from innkeeper.store.dialects.libpq_statement import LibpqStatement
from innkeeper.store.line import Rows, Told
from innkeeper.store.prepared import Scalar

NAME: Final = b"innkeeper_%d"
"""Of a statement that is prepared."""


class LibpqLine:
    """A connection in autocommit. Its socket is watched from one question to the next."""

    def __init__(self, driver: "psycopg.Connection[tuple[object, ...]]", *, limit_s: float) -> None:
        """Ask through ``driver``, and wait for at most ``limit_s`` seconds for an answer."""
        self._pgconn = driver.pgconn
        self._transformer = Transformer(driver)
        self._limit_s = limit_s
        self._due_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._told: Told | None = None
        self._watched: int | None = None
        self._rows: Rows | None = None
        self._statements: dict[str, LibpqStatement] = {}
        self._preparing: tuple[str, LibpqStatement, Mapping[str, Scalar]] | None = None

    def ask(self, sql: str, values: Mapping[str, Scalar], told: Told) -> None:
        """Send the statement now, or first have it prepared; ``told`` learns the answer."""
        self._told, self._rows, self._preparing = told, None, None
        try:
            self._send(sql, values)
            self._watch()
        except psycopg.Error:
            self._end(None)
            return
        self._wait()

    def rest(self) -> None:
        """Watch the socket no longer; whoever still waits has no answer."""
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell(None)

    def _send(self, sql: str, values: Mapping[str, Scalar]) -> None:
        """Send what comes first. Raises what the driver raises."""
        statement = self._statements.get(sql)
        if statement is None:
            statement = LibpqStatement(sql, NAME % len(self._statements))
            self._preparing = sql, statement, values
            self._pgconn.send_prepare(statement.name, statement.text)
        else:
            sent, formats = statement.sent(values)
            self._pgconn.send_query_prepared(statement.name, sent, formats)
        # All that was sent before was answered, so these few bytes always fit.
        if self._pgconn.flush():
            raise psycopg.OperationalError("The question was not sent.")

    def _watch(self) -> None:
        if self._watched is None:
            self._watched = self._pgconn.socket
            asyncio.get_running_loop().add_reader(self._watched, self._read)

    def _wait(self) -> None:
        """Set when the answer must have come; the timer is moved only once it goes off."""
        loop = asyncio.get_running_loop()
        self._due_at = loop.time() + self._limit_s
        if self._timer is None:
            self._timer = loop.call_at(self._due_at, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._told is None:
            return
        loop = asyncio.get_running_loop()
        if self._due_at > loop.time():
            self._timer = loop.call_at(self._due_at, self._on_time)
        else:
            self._end(None)

    def _read(self) -> None:
        try:
            whole = self._take()
            if whole and self._rows is None and self._prepared():
                return
        except psycopg.Error:
            self._rows, whole = None, True
        if whole:
            self._end(self._rows)

    def _take(self) -> bool:
        """Take what has arrived; tell whether nothing more will. Raises what the driver raises."""
        self._pgconn.consume_input()
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                return True
            if result.status == ExecStatus.COMMAND_OK and self._preparing is not None:
                continue
            if result.status != ExecStatus.TUPLES_OK:
                self._rows = self._preparing = None
                return True
            self._rows = self._loaded(result)
        return False

    def _prepared(self) -> bool:
        """Go on with the statement that was prepared just now; tell whether there was one."""
        if self._preparing is None:
            return False
        sql, self._statements[sql], values = self._preparing
        self._preparing = None
        self._send(sql, values)
        return True

    def _loaded(self, result: PGresult) -> Rows:
        self._transformer.set_pgresult(result)
        return cast("Rows", self._transformer.load_rows(0, result.ntuples, tuple))

    def _end(self, rows: Rows | None) -> None:
        if rows is None:
            # A connection that is lost closes its socket by itself.
            self.rest()
        else:
            self._tell(rows)

    def _tell(self, rows: Rows | None) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(rows)
