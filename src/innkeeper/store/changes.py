"""The change feed: each writer numbers its transactions and says what each touched.

A reader holds a vector (writer -> sequence) and asks for what came after it. There is no
global sequence: late commits leave no gaps, no row is hot, and any SQL engine will do.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, false, insert, or_, select, update

from innkeeper.core.errors import StoreError
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import changes, writers
from innkeeper.store.touched import Touched, decode, encode
from innkeeper.store.txn import Txn

Vector = dict[str, int]
"""Sequence number of the last change seen, by writer."""

MAX_CATCH_UP: Final = 1_000
"""Changes read in one step, so that a reader far behind stays responsive."""

_RAISE: Final = Prepared(
    update(writers).where(writers.c.id == bindparam("of")).values(sequence=writers.c.sequence + 1)
)
_SEQUENCE: Final = Prepared(select(writers.c.sequence).where(writers.c.id == bindparam("of")))
_ADD: Final = Prepared(
    insert(changes).values(
        writer=bindparam("writer"),
        sequence=bindparam("sequence"),
        at=bindparam("at"),
        body=bindparam("body"),
    )
)


class Change(msgspec.Struct, frozen=True):
    """One transaction of one writer."""

    writer: str
    sequence: int
    touched: Touched


def enroll(txn: Txn, writer: str) -> int:
    """Add the row of a writer if it has none yet; give the number of its last transaction."""
    found = last_of(txn.conn, writer)
    if found is None:
        txn.conn.execute(insert(writers).values(id=writer, sequence=0, started_at=txn.now))
    return found or 0


def last_of(conn: Connection, writer: str) -> int | None:
    """Give the number of a writer's last transaction; None if it is not enrolled.

    Waits for one that is under way, where rows are locked.
    """
    query = select(writers.c.sequence).where(writers.c.id == writer)
    return conn.scalar(query.with_for_update())


def record(txn: Txn, writer: str, touched: Touched) -> int:
    """Number this transaction, say what it touched, and give the number."""
    _RAISE.run(txn.cursor, txn.dialect, {"of": writer})
    _SEQUENCE.run(txn.cursor, txn.dialect, {"of": writer})
    row = txn.cursor.fetchone()
    if row is None:
        raise StoreError(f"The writer {writer} is not enrolled.")
    number = integer(row[0])
    _ADD.run(
        txn.cursor,
        txn.dialect,
        {"writer": writer, "sequence": number, "at": txn.now_us, "body": encode(touched)},
    )
    return number


def vector(conn: Connection) -> Vector:
    """Give where every writer is: the barrier of a linearizable read."""
    return {row.id: row.sequence for row in conn.execute(select(writers.c.id, writers.c.sequence))}


def since(conn: Connection, seen: Mapping[str, int], *, limit: int = MAX_CATCH_UP) -> list[Change]:
    """Give up to ``limit`` changes after the vector ``seen``, each writer's in its order."""
    after = [
        and_(changes.c.writer == writer, changes.c.sequence > seen.get(writer, 0))
        for writer in vector(conn)
    ]
    query = (
        select(changes.c.writer, changes.c.sequence, changes.c.body)
        .where(or_(false(), *after))
        .order_by(changes.c.writer, changes.c.sequence)
        .limit(limit)
    )
    return [
        Change(writer, sequence, decode(body)) for writer, sequence, body in conn.execute(query)
    ]
