"""Trimming: changes that every reader has long seen are deleted, a bounded number at a time.

Anybody may do it, at any time. A reader that was away for longer than changes are kept finds
numbers missing, and reads everything anew.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select

from innkeeper.store.changes import TURN
from innkeeper.store.tables import changes, writers
from innkeeper.store.txn import Txn

KEEP_S: Final = 3600.0
"""How long changes are kept: whoever is away for longer reads everything anew, which takes less
time than he was away."""
KEEP_WRITERS_S: Final = 86_400.0
"""How long a writer that wrote nothing more is kept after its start."""
MAX_AT_ONCE: Final = 1_000
"""Changes deleted in one transaction, of one writer: a few milliseconds for those who wait."""
MAX_WRITERS: Final = 100
"""Writers forgotten in one transaction."""


def trim(
    mine: str, *, keep_s: float = KEEP_S, keep_writers_s: float = KEEP_WRITERS_S
) -> Callable[[Txn], bool]:
    """Give an op that deletes old changes; it tells whether there may be more of them.

    ``mine`` is the writer that asks for it, which is surely alive.
    """

    def op(txn: Txn) -> bool:
        known = txn.conn.scalars(select(writers.c.id).where(writers.c.sequence > 0)).all()
        limit = txn.now - timedelta(seconds=keep_s)
        more = False
        for writer in known:
            c = changes.c
            oldest = (
                select(c.sequence, c.at)
                .where(c.writer == writer)
                .order_by(c.sequence)
                .limit(MAX_AT_ONCE)
            )
            old = [number for number, at in txn.conn.execute(oldest) if at < limit]
            if old:
                gone = delete(changes).where(c.writer == writer, c.sequence <= old[-1])
                txn.conn.execute(gone)
                more = more or len(old) == MAX_AT_ONCE
        _forget_writers(txn, timedelta(seconds=keep_writers_s), spared={mine, TURN})
        return more

    return op


def _forget_writers(txn: Txn, keep: timedelta, *, spared: Collection[str]) -> None:
    """Delete the rows of writers that are long over, or so idle that they enroll anew."""
    w = writers.c
    has_changes = select(changes.c.writer).where(changes.c.writer == w.id).exists()
    query = (
        select(w.id, w.sequence)
        .where(w.started_at < txn.now - keep, w.id.not_in(spared), ~has_changes)
        .limit(MAX_WRITERS)
    )
    for writer, sequence in txn.conn.execute(query).all():
        # Unless it has written just now.
        txn.conn.execute(delete(writers).where(w.id == writer, w.sequence == sequence))
