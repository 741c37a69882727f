"""The writer of a process that writes beside others: batches take turns.

A batch of many ops locks rows in the order of its ops, so two batches side by side would wait for
each other in a circle; taking turns there are no deadlocks, and each op finds the store as if it
were alone. What the batch changed is not read back: the pictures of several processes could be
applied in another order than that of their commits. The follower alone feeds the index.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from innkeeper.core.errors import NotEnrolled
from innkeeper.core.picture import Picture, StockPicture
from innkeeper.store import changes
from innkeeper.store.remote_writer import RemoteWriter
from innkeeper.store.touched import Touched
from innkeeper.store.txn import Txn


class SharedWriter(RemoteWriter):
    """One of several writers of a database behind a socket, each with an id of its own."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        reconnect_s: float,
    ) -> None:
        """Write as ``new_id()``, an id that nobody ever had."""
        super().__init__(engine, clock=clock, writer_id=new_id(), reconnect_s=reconnect_s)
        self._new_id = new_id

    def _begin(self, txn: Txn) -> None:
        changes.take_turn(txn)
        # Since our last turn others may have renamed or removed them.
        self._names.forget_custom()

    def _record(self, txn: Txn, touched: Touched) -> None:
        try:
            super()._record(txn, touched)
        except NotEnrolled:
            # Silent for long, we were taken for dead. The old id's numbers must not come again.
            self._id = self._new_id()
            self._last = changes.enroll(txn, self._id)
            super()._record(txn, touched)

    def _picture(
        self, conn: Connection, touched: Touched, known: Sequence[StockPicture] = ()
    ) -> Callable[[], Picture]:
        return Picture
