"""The change feed: each writer numbers its transactions and says what each touched.

A reader holds a vector (writer -> sequence) and asks for what came after it. There is no
global sequence: late commits leave no gaps, no row is hot, and any SQL engine will do.
"""

from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from typing import Final, cast

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    bindparam,
    insert,
    select,
    update,
)

from innkeeper.core.errors import NotEnrolled, StoreError
from innkeeper.store.for_each import ForEach
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Cursor, Prepared, integer
from innkeeper.store.tables import changes, writers
from innkeeper.store.touched import Touched, decode, encode
from innkeeper.store.txn import Txn

Vector = dict[str, int]
"""Sequence number of the last change seen, by writer."""

MAX_CATCH_UP: Final = 1_000
"""Changes read in one step, so that a reader far behind stays responsive."""

TURN: Final = "turn"
"""A row of ``writers`` that belongs to nobody and never changes: who writes beside others locks it
for as long as his transaction lasts."""

_RAISE: Final = Prepared(
    update(writers).where(writers.c.id == bindparam("of")).values(sequence=writers.c.sequence + 1)
)
_TURN: Final = Prepared(
    select(writers.c.id).where(writers.c.id == bindparam("of")).with_for_update()
)
_ADD: Final = Prepared(
    insert(changes)
    .from_select(
        ["writer", "sequence", "at", "body"],
        select(
            writers.c.id,
            writers.c.sequence,
            bindparam("at", type_=BigInteger),
            bindparam("body", type_=LargeBinary),
        ).where(writers.c.id == bindparam("of")),
    )
    .returning(changes.c.sequence)
)

VECTOR: Final = Prepared(select(writers.c.id, writers.c.sequence))
"""Gives where every writer is."""
_CHANGES: Final = ForEach(
    lambda row: select(changes.c.writer, changes.c.sequence, changes.c.body).where(
        changes.c.writer == row["writer"], changes.c.sequence == row["number"]
    ),
    writer=str,
    number=int,
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


def make_turn(txn: Txn) -> None:
    """Add the row that writers beside each other take turns by, if it is not there yet."""
    enroll(txn, TURN)


def has_turn(conn: Connection) -> bool:
    """Tell whether ``make_turn`` was called once."""
    return conn.scalar(select(writers.c.id).where(writers.c.id == TURN)) is not None


def take_turn(txn: Txn) -> Cursor:
    """Wait until nobody else writes; until this transaction ends nobody else will.

    Gives what `check_turn` is to look at before that.
    """
    cursor = cursor_of(txn.conn)
    _TURN.run(cursor, txn.dialect, {"of": TURN})
    return cursor


def check_turn(turn: Cursor) -> None:
    """Raise StoreError if ``take_turn`` found nothing to wait for."""
    if turn.fetchone() is None:
        raise StoreError("The store was not made ready for several processes. Run db sync.")


def last_of(conn: Connection, writer: str) -> int | None:
    """Give the number of a writer's last transaction; None if it is not enrolled.

    Waits for one that is under way, where rows are locked.
    """
    query = select(writers.c.sequence).where(writers.c.id == writer)
    return conn.scalar(query.with_for_update())


def record(txn: Txn, writer: str, touched: Touched) -> None:
    """Number this transaction, and say what it touched."""
    _RAISE.run(txn.cursor, txn.dialect, {"of": writer})
    body = encode(touched)
    _ADD.run(txn.cursor, txn.dialect, {"of": writer, "at": txn.now_us, "body": body})


def recorded(txn: Txn, writer: str) -> int:
    """Give the number that ``record``, of which this must come next, gave the transaction."""
    row = txn.cursor.fetchone()
    if row is None:
        raise NotEnrolled(f"The writer {writer} is not enrolled.")
    return integer(row[0])


def vector(conn: Connection) -> Vector:
    """Give where every writer is: the barrier of a linearizable read."""
    with closing(cursor_of(conn)) as cursor:
        VECTOR.run(cursor, conn.dialect, {})
        return {str(writer): integer(number) for writer, number in cursor.fetchall()}


def since(conn: Connection, seen: Mapping[str, int], *, limit: int = MAX_CATCH_UP) -> list[Change]:
    """Give up to ``limit`` changes after the vector ``seen``, each writer's in its order."""
    return _since(conn, seen, vector(conn), limit=limit)


def between(
    conn: Connection, seen: Mapping[str, int], there: Mapping[str, int], *, most: int
) -> Touched | None:
    """Give all that was touched after ``seen`` and up to ``there``, the vector of this snapshot.

    None if that cannot be said, or not cheaply: changes were trimmed, a writer's number fell (the
    database lost commits), or there are more than ``most``. Numbers have no gaps, so whatever is
    missing shows.
    """
    if any(there.get(writer, number) < number for writer, number in seen.items()):
        return None
    wanted = sum(number - seen.get(writer, 0) for writer, number in there.items())
    if wanted > most:
        return None
    touched, at = Touched(), dict(seen)
    while wanted:
        page = _since(conn, at, there, limit=MAX_CATCH_UP)
        for change in page:
            if change.sequence != at.get(change.writer, 0) + 1:
                return None
            at[change.writer] = change.sequence
            touched.merge(change.touched)
        wanted -= len(page)
        if not page:
            return None
    return touched


def _since(
    conn: Connection, seen: Mapping[str, int], there: Mapping[str, int], *, limit: int
) -> list[Change]:
    # Numbers have no gaps, so each is asked for by its key.
    wanted = (
        (writer, number)
        for writer, last in sorted(there.items())
        for number in range(seen.get(writer, 0) + 1, last + 1)
    )
    found = _CHANGES.send(conn, list(islice(wanted, limit))).rows()
    return [
        Change(str(writer), integer(number), decode(cast("bytes", body)))
        for writer, number, body in sorted(found)
    ]
