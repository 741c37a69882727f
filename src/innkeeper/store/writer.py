"""Group commit: all that waits goes into the next transaction together.

An op that fails is rolled back alone, to its savepoint, and gets its own error; the others are
left as they are. Nobody is answered before the commit that holds his write is durable.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from innkeeper.core.errors import ConnectionLost, InnkeeperError, StoreError, Transient
from innkeeper.core.picture import Picture, StockPicture
from innkeeper.store import changes, on_loop, pictures, pipeline
from innkeeper.store.joint import JointOp
from innkeeper.store.names import Names
from innkeeper.store.retry import MAX_TRIES, translate
from innkeeper.store.touched import Touched
from innkeeper.store.txn import Txn

MAX_BATCH: Final = 256
"""Ops in one transaction: at 150 us each, nobody waits more than 40 ms for his neighbours."""

WARY_BATCHES: Final = 16
"""Batches for which it is asked what is refused, after any was: where one is, others soon are."""

PARTS: Final = 4
"""Of ops that failed together. To find one in 64 takes as many steps as by halves, and to find that
all fail two thirds of them."""


class Job(msgspec.Struct, eq=False):
    """One op that waits for its turn, and then its outcome."""

    op: Callable[[Txn], Any]
    deliver: Callable[["Job"], None]
    """Called on the loop thread once the outcome is there and the index is up to date."""
    settle: Callable[[], None] | None = None
    """Called on the loop thread before the index learns of the batch."""
    value: Any = None
    error: Exception | None = None


Attempt = Callable[[Txn, Sequence[Job]], Touched]
"""Runs ops as one, gives each job its outcome, and gives what they touched."""


class Writer:
    """The writer of one process. ``run`` and ``commit`` take turns and never overlap."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime], writer_id: str) -> None:
        self._engine = engine
        # What SQLAlchemy raises, and what the bare cursor does.
        self._driver_errors = (DBAPIError, engine.dialect.loaded_dbapi.Error)
        self._clock = clock
        self._id = writer_id
        self._names = Names()
        # Of the transaction that is to be committed; and the same one between two of them.
        self._open: Connection | None = None
        self._kept: Connection | None = None
        # Number of the last transaction that is known to be committed, and of the open one, if it
        # has one.
        self._last = 0
        self._number: int | None = None
        # For how many batches more it is to be asked what is refused, before they are run.
        self._wary_left = 0

    @property
    def id(self) -> str:
        """The name of this writer in ``writers``."""
        return self._id

    def start(self) -> int:
        """Enroll in ``writers``; give the number of this writer's last transaction."""
        with self._engine.begin() as conn:
            txn = Txn(conn, names=self._names, now=self._clock())
            self._last = changes.enroll(txn, self._id)
        return self._last

    def run(self, batch: Sequence[Job]) -> Picture | None:
        """Run the ops of a batch in one transaction, and give each job its outcome.

        Gives what the batch changed, to be made durable by ``commit`` before anybody is
        answered; None if all of it failed. What the engine says may do the next time is tried
        again.
        """
        failure: Exception | None = None
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                return self._try(batch)
            except (*self._driver_errors, StoreError) as error:
                failure = error if isinstance(error, StoreError) else translate(error)
                if not isinstance(failure, Transient) or not tries_left:
                    break
            except Exception as error:  # fence: writer
                # A defect of ours: those who wait hear of it, and the store goes on.
                failure = error
                break
        fail(batch, failure)
        return None

    def commit_of(self, picture: Picture) -> Picture:
        """Do what ``commit`` does, and give ``picture``: what it made durable."""
        self.commit()
        return picture

    def commit(self) -> None:
        """Make durable what ``run`` did; raise what keeps it from that, and undo it then."""
        conn, self._open = self._open, None
        if conn is None:
            return
        try:
            # It may be in none where COMMIT went along.
            if conn.in_transaction():
                conn.commit()
        except BaseException as error:
            # SQLite keeps the transaction open then: the connection goes, and that with it.
            conn.invalidate()
            conn.close()
            self._names.clear()
            if isinstance(error, self._driver_errors):
                raise translate(error) from error
            raise
        self._kept = conn
        if self._number is not None:
            self._last = self._number

    def close(self) -> None:
        """Let go of the connection, between two batches."""
        conn, self._kept = self._kept, None
        if conn is not None:
            conn.close()

    def _try(self, batch: Sequence[Job]) -> Picture | None:
        return self._run(batch, self._attempt)

    def _run(self, batch: Sequence[Job], attempt: Attempt, *, strict: bool = False) -> Picture:
        """Run the ops, each by ``attempt``, and leave the transaction to be ended by ``commit``."""
        touched = Touched()
        self._number = None
        conn, self._kept = self._kept or self._connect(), None
        try:
            goes_along = strict and pipeline.goes_along(conn)
            if not goes_along:
                conn.begin()
            txn = Txn(conn, names=self._names, now=self._clock(), strict=goes_along)
            self._begin(txn)
            for jobs in pieces(batch):
                touched.merge(attempt(txn, jobs))
            if touched:
                self._record(txn, touched)
            asked = self._picture(conn, touched, txn.stocks)
            self._end(txn, touched)
            picture = asked()
            pipeline.drain(conn)
        except BaseException as error:
            self._names.clear()
            self._undo(conn, error)
            raise
        self._open = conn
        return picture

    def _connect(self) -> Connection:
        return on_loop.elsewhere(self._engine.connect)

    def _begin(self, txn: Txn) -> None:
        """Do what comes before the first op of a transaction."""

    def _record(self, txn: Txn, touched: Touched) -> None:
        """Number the transaction, and say what it touched."""
        number = self._last + 1
        changes.record(txn, self._id, number, touched)
        self._number = number

    def _picture(
        self, conn: Connection, touched: Touched, known: Sequence[StockPicture] = ()
    ) -> Callable[[], Picture]:
        """Ask what the index shall know of the transaction once it is durable."""
        return pictures.asked(conn, touched, known)

    def _end(self, txn: Txn, touched: Touched) -> None:
        """Do what comes after the last question of a transaction."""

    def _undo(self, conn: Connection, error: BaseException) -> None:
        """End a transaction that ``error`` ended, and the connection with it.

        SQLite's driver lets go of all statements when it rolls back, also of those that cursors
        still have; once such a cursor is garbage, it resets what another one is at.
        """
        del error
        conn.invalidate()
        conn.close()

    def _attempt(self, txn: Txn, jobs: Sequence[Job]) -> Touched:
        """Run ops as one inside a savepoint; give what they touched.

        If one fails, those are run of which no refusal is foreseen. If one of them fails, a part of
        all and then another: so each that fails is found in few steps, and gets its own error.
        """
        touched = None if self._wary_left else self._run_in_savepoint(txn, jobs)
        return self._attempt_warily(txn, jobs) if touched is None else touched

    def _attempt_warily(self, txn: Txn, jobs: Sequence[Job]) -> Touched:
        """Do what `_attempt` does, after asking what is refused."""
        touched = self._run_in_savepoint(txn, jobs, wary=True)
        return self._attempt_parts(txn, jobs) if touched is None else touched

    def _attempt_parts(self, txn: Txn, jobs: Sequence[Job]) -> Touched:
        touched = Touched()
        size = -(-len(jobs) // PARTS)
        for first in range(0, len(jobs), size):
            part = jobs[first : first + size]
            of_part = self._run_in_savepoint(txn, part)
            touched.merge(self._attempt_parts(txn, part) if of_part is None else of_part)
        return touched

    def _run_in_savepoint(
        self, txn: Txn, jobs: Sequence[Job], *, wary: bool = False
    ) -> Touched | None:
        """Run ops as one; a ``wary`` run leaves out those that are foreseen to fail.

        None: one of several failed. One that is alone gets its error.
        """
        txn.touched = Touched()
        known = len(txn.stocks)
        self._names.begin()
        txn.cursor.execute("SAVEPOINT op")
        error: Exception | None = None
        try:
            run_together(txn, self._hopeful(txn, jobs) if wary else jobs)
            pipeline.drain(txn.conn)
        except InnkeeperError as refused:
            error = refused
        except self._driver_errors as refused:
            error = translate(refused)
            if isinstance(error, (Transient, ConnectionLost)):
                raise
        except Exception as defect:  # fence: writer
            # A defect of one op is handed to whoever sent it, and leaves the others alone.
            error = defect
        if error is not None:
            pipeline.drop(txn.conn)
            txn.cursor.execute("ROLLBACK TO SAVEPOINT op")
            self._names.undo()
            del txn.stocks[known:]
        txn.cursor.execute("RELEASE SAVEPOINT op")
        if error is None:
            return txn.touched
        if len(jobs) > 1:
            return None
        jobs[0].error = error
        return Touched()

    def _hopeful(self, txn: Txn, jobs: Sequence[Job]) -> Sequence[Job]:
        """Give those of ``jobs`` of which no refusal is foreseen; the others get theirs.

        One alone is run, to be told by what came of it.
        """
        if len(jobs) == 1:
            return jobs
        ops = _joint(jobs)
        left = []
        for job, error in zip(jobs, type(ops[0]).foresee(txn, ops), strict=True):
            job.value, job.error = None, error
            if error is None:
                left.append(job)
        self._wary_left = WARY_BATCHES if len(left) < len(jobs) else max(self._wary_left - 1, 0)
        return left


def run_together(txn: Txn, jobs: Sequence[Job]) -> None:
    """Run the ops of ``jobs`` as one, and give each its value."""
    for job in jobs:
        job.value = job.error = None
    if len(jobs) == 1:
        jobs[0].value = jobs[0].op(txn)
    elif jobs:
        ops = _joint(jobs)
        for job, value in zip(jobs, type(ops[0]).together(txn, ops), strict=True):
            job.value = value


def _joint(jobs: Sequence[Job]) -> list[JointOp]:
    return [job.op for job in jobs if isinstance(job.op, JointOp)]


def pieces(batch: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """Cut a batch into what is run as one; what can be run together comes last.

    All ops of a batch were under way at once, so any order will do. By this one, who takes finds
    what others give back.
    """
    joint: defaultdict[type[JointOp], list[Job]] = defaultdict(list)
    for job in batch:
        if isinstance(job.op, JointOp) and job.op.joins:
            joint[type(job.op)].append(job)
        else:
            yield (job,)
    yield from joint.values()


def fail(batch: Sequence[Job], error: Exception | None) -> None:
    """Give every job of a batch the same error."""
    for job in batch:
        job.value, job.error = None, error
