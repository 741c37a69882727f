"""Statements that libpq sends without waiting for each: its pipeline mode, below psycopg's cursors.

psycopg has a pipeline too, which costs as much as waiting does: most of the cost is in its cursors.
Here a statement is prepared once, its values go as text, and one wait takes all answers that are
outstanding. In between, when nothing is outstanding, the connection is psycopg's as ever.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.waiting import Wait

from innkeeper.store.dialects.libpq_statement import LibpqStatement
from innkeeper.store.prepared import Cursor, Scalar

NAME: Final = b"innkeeper_sent_%d"
"""Of a statement that is prepared. A line of the same connection has other names."""
MOST_WAITING: Final = 256
"""Statements under way, of each of which an answer is kept somewhere until it is read."""
_GOOD: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class _Outcome:
    """What came of a statement, once the pipeline is drained."""

    __slots__ = ("prepared", "result")

    def __init__(self, prepared: LibpqStatement | None = None) -> None:
        self.prepared = prepared
        """What it was to prepare, if it did only that."""
        self.result: PGresult | None = None


class LibpqPipeline:
    """The pipeline of one connection. Whoever uses that in another way must ``drain`` it first."""

    def __init__(self, driver: "psycopg.Connection[tuple[object, ...]]") -> None:
        """Send on the connection of ``driver``."""
        self._driver = driver
        self._pgconn = driver.pgconn
        # As many as there are statements in the code that cursors are given.
        self._statements: dict[str, LibpqStatement] = {}
        self._waiting: list[_Outcome] = []
        self._begun = 0

    def cursor(self) -> Cursor:
        """Give a cursor that knows the last statement that it has sent."""
        return LibpqCursor(self)

    def send(self, sql: str, values: Mapping[str, Scalar]) -> _Outcome:
        """Send a statement, and what begins a transaction before it if there is none.

        Raises DataError, and sends nothing: a text has a NUL, which PostgreSQL does not keep.
        """
        statement = self._statement(sql)
        sent, formats = statement.sent(values)
        if len(self._waiting) >= MOST_WAITING:
            self.drain()
        if not self._waiting:
            idle = self._pgconn.transaction_status == TransactionStatus.IDLE
            self._pgconn.enter_pipeline_mode()
            if idle:
                self._begin()
        return self._run(statement, sent, formats)

    def commit(self) -> None:
        """Send COMMIT along, where a transaction is open."""
        self.send("COMMIT", {})

    def drain(self) -> None:
        """Wait until all is answered; raise the first error, which undid what came after it."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._pgconn.pipeline_sync()
        failed: PGresult | None = None
        for outcome in waiting:
            result = self._next()
            if result.status in _GOOD:
                outcome.result = result
                continue
            # Of those that came after it, it is said only that they were left out.
            failed = failed or result
            if outcome.prepared is not None:
                outcome.prepared.is_prepared = False
        # The answer to the sync itself.
        self._next()
        self._pgconn.exit_pipeline_mode()
        if failed is not None:
            raise error_from_result(failed)

    def drop(self) -> None:
        """Do what ``drain`` does, and raise nothing: all of it is to be undone."""
        # If the connection is gone, so is what was done on it; its next use will say so.
        with contextlib.suppress(psycopg.Error):
            self.drain()

    def rows(self, result: PGresult) -> list[tuple[Scalar, ...]]:
        """Give the rows of a result."""
        transformer = Transformer(self._driver)
        transformer.set_pgresult(result)
        return cast("list[tuple[Scalar, ...]]", transformer.load_rows(0, result.ntuples, tuple))

    def _begin(self) -> None:
        """Begin a transaction; drop the plans that are kept whenever these have doubled.

        Tables perhaps have too. Joined with given rows, a table that was empty when that was
        planned would be walked through for each of them, until the server gathers statistics by
        itself.
        """
        if not self._driver.autocommit:
            self._run(self._statement("BEGIN"), [], [])
        self._begun += 1
        if self._begun & (self._begun - 1) == 0:
            self._run(self._statement("DISCARD PLANS"), [], [])

    def _statement(self, sql: str) -> LibpqStatement:
        found = self._statements.get(sql)
        if found is None:
            found = LibpqStatement(sql, NAME % len(self._statements))
            self._statements[sql] = found
        return found

    def _run(
        self, statement: LibpqStatement, sent: Sequence[bytes | None], formats: Sequence[int]
    ) -> _Outcome:
        if not statement.is_prepared:
            self._pgconn.send_prepare(statement.name, statement.text)
            self._waiting.append(_Outcome(statement))
            statement.is_prepared = True
        self._pgconn.send_query_prepared(statement.name, sent, formats)
        outcome = _Outcome()
        self._waiting.append(outcome)
        return outcome

    def _next(self) -> PGresult:
        """Wait for the next result. Raises OperationalError: the connection is gone."""
        self._wait()
        result = self._pgconn.get_result()
        if result is None:
            raise psycopg.OperationalError(self._pgconn.get_error_message())
        if result.status != ExecStatus.PIPELINE_SYNC:
            # With the result of a statement there is a None that ends it, for which nobody waits.
            self._pgconn.get_result()
        return result

    def _wait(self) -> None:
        """Wait until a result is there. Raises OperationalError: the connection is gone."""
        if self._pgconn.is_busy():
            self._driver.wait(self._arrival())

    def _arrival(self) -> PQGen[None]:
        """Say what is waited for, until a result is there."""
        pgconn = self._pgconn
        unsent = pgconn.flush()
        while pgconn.is_busy():
            yield Wait.RW if unsent else Wait.R
            pgconn.consume_input()
            if unsent:
                # While much is sent, the server may wait for us to read.
                unsent = pgconn.flush()


class LibpqCursor:
    """A bare cursor: what it sends goes along; it waits when it is asked what came of it."""

    __slots__ = ("_outcome", "_pipeline", "_rows")

    def __init__(self, pipeline: LibpqPipeline) -> None:
        self._pipeline = pipeline
        self._outcome: _Outcome | None = None
        self._rows: Iterator[tuple[Scalar, ...]] | None = None

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed or found."""
        return self._result().command_tuples or 0

    def execute(self, sql: str, parameters: object = None, /) -> None:
        """Send one statement, with its values by name."""
        self._outcome = self._pipeline.send(sql, cast("Mapping[str, Scalar]", parameters or {}))
        self._rows = None

    def fetchone(self) -> tuple[Scalar, ...] | None:
        """Give the next row."""
        return next(self._left(), None)

    def fetchall(self) -> list[tuple[Scalar, ...]]:
        """Give the rows that are left."""
        return list(self._left())

    def close(self) -> None:
        """Do nothing: what was sent is under way."""

    def _left(self) -> Iterator[tuple[Scalar, ...]]:
        if self._rows is None:
            self._rows = iter(self._pipeline.rows(self._result()))
        return self._rows

    def _result(self) -> PGresult:
        self._pipeline.drain()
        if self._outcome is None or self._outcome.result is None:
            raise psycopg.ProgrammingError("No statement of this cursor has succeeded.")
        return self._outcome.result
