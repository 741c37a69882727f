"""A question that psycopg's libpq asks on the loop: it costs a fraction of a trip to a thread.

Only a whole answer counts. Whatever else happens to the connection, a cut, an error, silence for
too long, is told as no answer.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from innkeeper.store.question import Row, Told

NAME: Final = "innkeeper_question"
"""Of the prepared statement. A connection has one."""


class LibpqQuestion:
    """A query that was prepared as ``NAME`` on a connection, which is in autocommit."""

    def __init__(self, pgconn: PGconn, *, limit_s: float) -> None:
        """Ask through ``pgconn``, and wait for at most ``limit_s`` seconds for an answer."""
        self._pgconn = pgconn
        self._limit_s = limit_s
        self._limit: asyncio.TimerHandle | None = None
        self._told: Told = _ignore
        self._watched: int | None = None
        self._rows: Sequence[Row] | None = None

    def ask(self, told: Told) -> None:
        """Send the query now; ``told`` learns the answer."""
        self._told, self._rows = told, None
        try:
            self._send()
        except psycopg.Error:
            self._end(None)
            return
        self._limit = asyncio.get_running_loop().call_later(self._limit_s, self._end, None)

    def _send(self) -> None:
        """Send it and wait for an answer. Raises what the driver raises."""
        self._pgconn.send_query_prepared(NAME.encode(), None)
        # All that was sent before was answered, so these few bytes always fit.
        if self._pgconn.flush():
            raise psycopg.OperationalError("The question was not sent.")
        self._watch()

    def _watch(self) -> None:
        self._watched = self._pgconn.socket
        asyncio.get_running_loop().add_reader(self._watched, self._read)

    def _unwatch(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None

    def _read(self) -> None:
        # Before libpq reads: if the connection is lost, it closes the socket by itself.
        self._unwatch()
        try:
            whole = self._take()
            if not whole:
                self._watch()
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
            if result.status != ExecStatus.TUPLES_OK:
                self._rows = None
                return True
            self._rows = _rows(result)
        return False

    def _end(self, rows: Sequence[Row] | None) -> None:
        self._unwatch()
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        told, self._told = self._told, _ignore
        told(rows)


def _rows(result: PGresult) -> Sequence[Row]:
    columns = range(result.nfields)
    return [
        [result.get_value(row, column) or b"" for column in columns]
        for row in range(result.ntuples)
    ]


def _ignore(_rows: Sequence[Row] | None) -> None:
    """Take an answer that nobody wants."""
