"""Group commit: one thread that writes, and puts all that waits into its next transaction.

An op that fails is rolled back alone, to its savepoint, and gets its own error; the others are
left as they are. Nobody is answered before the commit that holds his write is durable.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from innkeeper.core.errors import InnkeeperError, Transient, Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import changes, pictures
from innkeeper.store.names import Names
from innkeeper.store.retry import MAX_TRIES, translate
from innkeeper.store.touched import Touched
from innkeeper.store.txn import Txn

MAX_BATCH: Final = 256
"""Ops in one transaction: at 150 us each, nobody waits more than 40 ms for his neighbours."""


class Job(msgspec.Struct, eq=False):
    """One op that waits for its turn, and then its outcome."""

    op: Callable[[Txn], Any]
    deliver: Callable[["Job"], None]
    """Called on the loop thread once the outcome is there and the index is up to date."""
    settle: Callable[[], None] | None = None
    """Called on the loop thread before the index learns of the batch."""
    value: Any = None
    error: Exception | None = None


Delivery = Callable[[Sequence[Job], Picture], None]


class Writer:
    """The writer thread of one process."""

    def __init__(
        self, engine: Engine, *, clock: Callable[[], datetime], writer_id: str, deliver: Delivery
    ) -> None:
        """Make it ready; ``deliver`` is called on the writer's thread after each batch."""
        self._engine = engine
        # What SQLAlchemy raises, and what the bare cursor does.
        self._driver_errors = (DBAPIError, engine.dialect.loaded_dbapi.Error)
        self._clock = clock
        self._id = writer_id
        self._deliver = deliver
        self._names = Names()
        self._waiting: deque[Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Enroll in ``writers`` and start the thread."""
        with self._engine.begin() as conn:
            changes.enroll(Txn(conn, names=self._names, now=self._clock()), self._id)
        self._thread.start()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queue jobs. Raises Unavailable, for all of them, once the writer is closing."""
        with self._wake:
            if self._closing:
                raise Unavailable("The store is shutting down.")
            self._waiting.extend(jobs)
            self._wake.notify()

    def close(self) -> None:
        """Write what waits, then end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._deliver(batch, self._write(batch))

    def _next_batch(self) -> list[Job]:
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closing)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]

    def _write(self, batch: Sequence[Job]) -> Picture:
        """Write a batch, trying again what the engine says may do the next time."""
        failure: Exception | None = None
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                return self._try(batch)
            except self._driver_errors as error:
                self._names.clear()
                failure = translate(error)
                if not isinstance(failure, Transient) or not tries_left:
                    break
            except Exception as error:  # fence: writer
                # A defect of ours: those who wait hear of it, and the thread lives on.
                self._names.clear()
                failure = error
                break
        for job in batch:
            job.value, job.error = None, failure
        return Picture()

    def _try(self, batch: Sequence[Job]) -> Picture:
        touched = Touched()
        with self._engine.begin() as conn:
            txn = Txn(conn, names=self._names, now=self._clock())
            for job in batch:
                txn.touched = Touched()
                self._attempt(txn, job)
                if job.error is None:
                    touched.merge(txn.touched)
            if not touched:
                return Picture()
            changes.record(txn, self._id, touched)
            return pictures.of(txn, touched)

    def _attempt(self, txn: Txn, job: Job) -> None:
        """Run one op inside a savepoint of its own."""
        job.value = job.error = None
        txn.cursor.execute("SAVEPOINT op")
        try:
            job.value = job.op(txn)
        except InnkeeperError as error:
            job.error = error
        except self._driver_errors as error:
            failure = translate(error)
            if isinstance(failure, Transient):
                raise
            job.error = failure
        except Exception as error:  # fence: writer
            # A defect of one op is handed to whoever sent it, and leaves the others alone.
            job.error = error
        if job.error is not None:
            txn.cursor.execute("ROLLBACK TO op")
            self._names.clear()
        txn.cursor.execute("RELEASE op")
