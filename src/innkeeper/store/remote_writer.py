"""The writer of an engine behind a socket: a batch and its COMMIT in one go.

Where statements go along, COMMIT goes along with them: all of the batch is strict, so that whatever
does not do what it must keeps COMMIT from being carried out. Then it is run again, without those
whose refusal is foreseen, or step by step.

A connection may break at any moment. Before COMMIT is sent that undid everything, and the batch is
run again on the next connection; after that nobody knows, and the writer's own row is looked at:
the transaction that was to raise its number either did or did not. Nothing is repeated blindly.

This must never write beside another process: a number that is not the next one fails the batch.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from innkeeper.core.errors import (
    AmbiguousCommit,
    ConnectionLost,
    InnkeeperError,
    StoreError,
    StoreTaken,
    Transient,
    Unavailable,
)
from innkeeper.core.picture import Picture
from innkeeper.store import changes, on_loop, pipeline
from innkeeper.store.patience import Patience
from innkeeper.store.retry import translate
from innkeeper.store.touched import Touched
from innkeeper.store.txn import Txn
from innkeeper.store.writer import Job, Writer, pieces, run_together

CAREFUL_BATCHES: Final = 16
"""Batches that are run in steps after one has failed in a way that was not foreseen."""


class RemoteWriter(Writer):
    """The one writer of a database behind a socket. Only ``write`` is called: all of it waits."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], datetime],
        writer_id: str,
        reconnect_s: float,
    ) -> None:
        super().__init__(engine, clock=clock, writer_id=writer_id)
        self._over = threading.Event()
        self._patience = Patience(reconnect_s, self._over)
        self._touched = Touched()
        # Whose COMMIT was sent and is not answered.
        self._in_doubt: _InDoubt | None = None
        # What took place, and nobody told the index.
        self._unseen: Touched | None = None
        # How many batches more are to be run in steps.
        self._careful_left = 0
        self._taken: StoreTaken | None = None

    def write(self, batch: Sequence[Job]) -> Picture | None:
        """Run a batch and commit it; give each job its outcome.

        Gives what the batch changed, which is durable then; None if all of it failed.
        """
        return self.run(batch)

    def give_up(self) -> None:
        """Wait for a lost database no longer."""
        self._over.set()

    def _try(self, batch: Sequence[Job]) -> Picture | None:
        while True:
            if self._taken is not None:
                raise self._taken
            try:
                picture = self._run_once(batch)
            except (*self._driver_errors, StoreError) as error:
                failure = error if isinstance(error, StoreError) else translate(error)
                if not isinstance(failure, ConnectionLost) or not self._wait_for_it():
                    raise failure from error
            else:
                self._patience.renew()
                return picture

    def _run_once(self, batch: Sequence[Job]) -> Picture | None:
        self._settle()
        try:
            picture = self._run_ops(batch)
            if picture is not None:
                self._doubt()
                self.commit()
        except (*self._driver_errors, StoreError) as error:
            lost = error if isinstance(error, StoreError) else translate(error)
            if not isinstance(lost, ConnectionLost):
                # It was answered: it did not take place.
                self._in_doubt = None
                raise
            if self._in_doubt is None:
                raise
            picture = self._found(self._in_doubt, lost)
            if picture is None:
                raise
        self._in_doubt = None
        if self._number is not None:
            self._unseen = None
        return picture

    def _run_ops(self, batch: Sequence[Job]) -> Picture | None:
        """Run the ops without savepoints, which cost two round trips each, while none fails.

        What fails for want of room can be foreseen, for a trip more.
        """
        if self._careful_left:
            self._careful_left -= 1
            return self._run_carefully(batch)
        if not self._wary_left or len(batch) == 1:
            try:
                return self._run(batch, self._attempt_bare, strict=True)
            except (_OpFailed, *self._driver_errors) as error:
                self._look_into(error, batch)
            if len(batch) == 1:
                return self._run_carefully(batch) if batch[0].error is None else None
            if all(len(jobs) == 1 for jobs in pieces(batch)):
                self._careful_left = CAREFUL_BATCHES
                return self._run_carefully(batch)
        try:
            picture = self._run(batch, partial(self._attempt_bare, wary=True), strict=True)
        except (_OpFailed, *self._driver_errors) as error:
            self._look_into(error, batch)
            self._careful_left = CAREFUL_BATCHES
            return self._run_carefully(batch)
        return self._unless_all_failed(batch, picture)

    def _look_into(self, error: Exception, batch: Sequence[Job]) -> None:
        """Raise what concerns the whole batch; give an op that is alone what it raised itself."""
        if isinstance(error, _OpFailed):
            if len(batch) == 1:
                batch[0].error = error.cause
        else:
            cause = translate(error)
            if isinstance(cause, (Transient, ConnectionLost)):
                raise error
            if len(batch) == 1 and isinstance(cause, Unavailable):
                raise error
            # Somebody's statement did not do what it must, or was refused.
        self._in_doubt = None

    def _run_carefully(self, batch: Sequence[Job]) -> Picture | None:
        """Run the ops in savepoints."""
        picture = self._run(batch, self._attempt_warily)
        return self._unless_all_failed(batch, picture)

    def _unless_all_failed(self, batch: Sequence[Job], picture: Picture) -> Picture | None:
        """Give what the batch changed; None: all of it failed, and nothing is to be committed."""
        if any(job.error is None for job in batch) or self._open is None:
            return picture
        conn, self._open = self._open, None
        try:
            conn.rollback()
        except BaseException as error:
            self._undo(conn, error)
            raise
        self._kept = conn
        return None

    def _attempt_bare(self, txn: Txn, jobs: Sequence[Job], *, wary: bool = False) -> Touched:
        """Run ops as one; a ``wary`` run leaves out what is foreseen to fail. Or all is undone."""
        txn.touched = Touched()
        try:
            run_together(txn, self._hopeful(txn, jobs) if wary else jobs)
        except self._driver_errors:
            raise
        except Exception as error:  # fence: writer
            # Had all been done that came before, this might not have failed.
            pipeline.drain(txn.conn)
            # It must be known for an op's, so that its sender alone is told when all are run again.
            raise _OpFailed(error) from error
        return txn.touched

    def _record(self, txn: Txn, touched: Touched) -> None:
        if self._unseen is not None:
            touched.merge(self._unseen)
            # Nor is all known of what they both touched.
            txn.stocks.clear()
        try:
            super()._record(txn, touched)
        except StoreTaken as taken:
            self._taken = taken
            raise

    def _end(self, txn: Txn, touched: Touched) -> None:
        self._touched = touched
        # What leaves no record could not be looked up.
        if txn.strict and self._number is not None:
            self._doubt()
            pipeline.commit(txn.conn)
        else:
            _know_of_it(txn.conn)

    def _undo(self, conn: Connection, error: BaseException) -> None:
        """Roll back, or drop a connection that is broken: its end is the end of all it did.

        Who knows what is under way on it if it was left in the midst of a wait?
        """
        answered = isinstance(error, self._driver_errors) and not isinstance(
            translate(error), ConnectionLost
        )
        if not answered and not isinstance(error, (InnkeeperError, _OpFailed)):
            conn.invalidate()
        else:
            _know_of_it(conn)
        conn.close()

    def _wait_for_it(self) -> bool:
        """Wait a little for the database; tell whether trying again is worth it."""
        return on_loop.elsewhere(self._patience.wait)

    def _doubt(self) -> None:
        """Take note that COMMIT is about to be sent."""
        self._in_doubt = _InDoubt(self._number, self._touched)

    def _settle(self) -> None:
        """Find out what came of an earlier transaction of which nobody could say it in time.

        Those who sent it were told so. What it touched is touched again, so that the index knows.
        """
        doubt = self._in_doubt
        if doubt is not None and self._look_up(doubt) is not None:
            self._unseen = doubt.touched

    def _found(self, doubt: "_InDoubt", lost: ConnectionLost) -> Picture | None:
        """Find out what came of the transaction whose COMMIT nobody answered; None: nothing did.

        Raises AmbiguousCommit if that cannot be said.
        """
        if doubt.number is None:
            self._in_doubt = None
            raise AmbiguousCommit(
                f"{lost.detail} It broke during a commit of which the store keeps no record."
            ) from lost
        while True:
            try:
                return self._look_up(doubt)
            except (*self._driver_errors, StoreError) as error:
                if self._taken is not None:
                    raise
                if not self._wait_for_it():
                    raise AmbiguousCommit(
                        "The connection to the database was lost during a commit, and did not"
                        f" come back in time to look what came of it: {error}."
                    ) from error

    def _look_up(self, doubt: "_InDoubt") -> Picture | None:
        """Give what the transaction changed that is in doubt; None: it did not take place.

        Raises StoreTaken: another process has written since.
        """
        with self._connect() as conn:
            found = changes.last_of(conn, self._id)
            picture = self._picture(conn, doubt.touched)()
            # That waits until a copy has it, where commits do: by then it has what was found, too.
            conn.commit()
        if found is not None and found == doubt.number:
            self._in_doubt, self._last = None, found
            return picture
        # What is gone went with the transaction that began it, or could not be raised.
        if found not in (None, self._last):
            self._taken = changes.taken()
            raise self._taken
        self._in_doubt = None
        return None


def _know_of_it(conn: Connection) -> None:
    """Have SQLAlchemy know that it is in a transaction, which it is to end."""
    if not conn.in_transaction():
        conn.begin()


class _InDoubt(msgspec.Struct, frozen=True):
    """A transaction that may or may not have been carried out."""

    number: int | None
    """None: it leaves no record."""
    touched: Touched


class _OpFailed(Exception):
    """An op failed where there was no savepoint."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause
