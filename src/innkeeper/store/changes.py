"""The change feed: each writer numbers its transactions and says what each touched.

A reader holds a vector (writer -> sequence) and asks for what came after it. There is no
global sequence: late commits leave no gaps, no row is hot, and any SQL engine will do.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import islice
from types import MappingProxyType
from typing import Final

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

from innkeeper.core.errors import NotEnrolled, StoreError, StoreTaken
from innkeeper.store.for_each import ForEach, Sent
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Prepared, Scalar, integer
from innkeeper.store.tables import changes, writers
from innkeeper.store.touched import Touched, decode, encode
from innkeeper.store.txn import Txn

Vector = dict[str, int]
"""Sequence number of the last change seen, by writer."""

MAX_CATCH_UP: Final = 1_000
"""Changes read in one step, so that a reader far behind stays responsive."""

GUESSED: Final = 4
"""Changes of a writer that are asked for before it is known whether there are any."""

TURN: Final = "turn"
"""A row of ``writers`` that belongs to nobody and never changes: who writes beside others locks it
for as long as his transaction lasts."""

_number = bindparam("number", type_=BigInteger)
_raise = (
    update(writers)
    .where(writers.c.id == bindparam("of"), writers.c.sequence == _number - 1)
    .values(sequence=_number)
)
_RAISE: Final = Prepared(_raise)
_TURN: Final = Prepared(
    select(writers.c.id).where(writers.c.id == bindparam("of")).with_for_update()
)
_ADD: Final = Prepared(
    insert(changes)
    .inline()
    .values(
        writer=bindparam("of"),
        sequence=_number,
        at=bindparam("at", type_=BigInteger),
        body=bindparam("body", type_=LargeBinary),
    )
)
_RAISE_AND_ADD: Final = Prepared(
    insert(changes)
    .inline()
    .values(
        # Of nobody, if no number was raised; which the table does not take.
        writer=select(_raise.returning(writers.c.id).cte("raised")).scalar_subquery(),
        sequence=_number,
        at=bindparam("at", type_=BigInteger),
        body=bindparam("body", type_=LargeBinary),
    )
)
"""What `_RAISE` and `_ADD` do, as a strict statement."""

VECTOR: Final = Prepared(select(writers.c.id, writers.c.sequence))
"""Gives where every writer is."""
_CHANGES: Final = ForEach(
    # Joined, a table that was empty when that was planned would be walked through.
    lambda row: select(
        row["writer"],
        row["number"],
        select(changes.c.body)
        .where(changes.c.writer == row["writer"], changes.c.sequence == row["number"])
        .scalar_subquery(),
    ),
    writer=str,
    number=int,
)


_Key = tuple[str, int]
"""A writer, and the number of a transaction of his."""


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


def take_turn(txn: Txn) -> None:
    """Wait until nobody else writes; until this transaction ends nobody else will.

    Raises StoreError: there is nothing to wait for.
    """
    _TURN.run(txn.cursor, txn.dialect, {"of": TURN}, strict=txn.strict)
    txn.check(
        lambda: txn.cursor.fetchone() is not None,
        lambda: StoreError("The store was not made ready for several processes. Run db sync."),
    )


def last_of(conn: Connection, writer: str) -> int | None:
    """Give the number of a writer's last transaction; None if it is not enrolled.

    Waits for one that is under way, where rows are locked.
    """
    query = select(writers.c.sequence).where(writers.c.id == writer)
    return conn.scalar(query.with_for_update())


def record(txn: Txn, writer: str, number: int, touched: Touched) -> None:
    """Give this transaction a number, and say what it touched.

    Raises NotEnrolled; and StoreTaken: it is not the one after the writer's last.
    """
    named: dict[str, Scalar] = {"of": writer, "number": number}
    whole = {**named, "at": txn.now_us, "body": encode(touched)}
    if txn.strict:
        _RAISE_AND_ADD.run(txn.cursor, txn.dialect, whole)
        return
    _RAISE.run(txn.cursor, txn.dialect, named)
    txn.check(lambda: txn.cursor.rowcount == 1, lambda: _why_not(txn, writer))
    _ADD.run(txn.cursor, txn.dialect, whole)


def _why_not(txn: Txn, writer: str) -> StoreError:
    if last_of(txn.conn, writer) is None:
        return NotEnrolled(f"The writer {writer} is not enrolled.")
    return taken()


def taken() -> StoreTaken:
    """Give what is raised where a writer's number is not what it left."""
    return StoreTaken(
        "Another process has written the store meanwhile, or the database has lost what was"
        " committed. What this process knows of it may be wrong: start it again."
    )


def vector(conn: Connection) -> Vector:
    """Give where every writer is: the barrier of a linearizable read."""
    with closing(cursor_of(conn)) as cursor:
        VECTOR.run(cursor, conn.dialect, {})
        return {str(writer): integer(number) for writer, number in cursor.fetchall()}


def since(conn: Connection, seen: Mapping[str, int], *, limit: int = MAX_CATCH_UP) -> list[Change]:
    """Give up to ``limit`` changes after the vector ``seen``, each writer's in its order."""
    return _since(conn, seen, vector(conn), limit=limit)


def guessed(conn: Connection, seen: Mapping[str, int], busy: Iterable[str]) -> Sent:
    """Ask for what probably comes next: a few changes of each of the writers that are ``busy``.

    Goes along with the question for the vector, where that is a trip.
    """
    rows = [(of, seen[of] + step) for of in busy for step in range(1, GUESSED + 1)]
    return _CHANGES.send(conn, rows)


def ahead(there: Mapping[str, int], seen: Mapping[str, int]) -> int:
    """Give how many changes ``there`` is ahead of the vector ``seen``."""
    return sum(number - seen.get(writer, 0) for writer, number in there.items())


def between(
    conn: Connection,
    seen: Mapping[str, int],
    there: Mapping[str, int],
    *,
    most: int,
    known: Sent | None = None,
) -> Touched | None:
    """Give all that was touched after ``seen`` and up to ``there``, the vector of this snapshot.

    ``known`` need not be asked for. None if that cannot be said, or not cheaply: changes were
    trimmed, a writer's number fell (the database lost commits), or there are more than ``most``.
    Numbers have no gaps, so whatever is missing shows.
    """
    if any(there.get(writer, number) < number for writer, number in seen.items()):
        return None
    wanted = ahead(there, seen)
    if wanted > most:
        return None
    touched, at = Touched(), dict(seen)
    found = {} if known is None else _by_key(known)
    while wanted:
        page = _since(conn, at, there, limit=MAX_CATCH_UP, known=found)
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
    conn: Connection,
    seen: Mapping[str, int],
    there: Mapping[str, int],
    *,
    limit: int,
    known: Mapping[_Key, bytes] = MappingProxyType({}),
) -> list[Change]:
    # Numbers have no gaps, so each is asked for by its key.
    all_wanted = (
        (writer, number)
        for writer, last in sorted(there.items())
        for number in range(seen.get(writer, 0) + 1, last + 1)
    )
    wanted = list(islice(all_wanted, limit))
    asked = _CHANGES.send(conn, [key for key in wanted if key not in known])
    found = {**known, **_by_key(asked)}
    return [Change(*key, decode(found[key])) for key in wanted if key in found]


def _by_key(asked: Sent) -> dict[_Key, bytes]:
    return {
        (str(writer), integer(number)): body
        for writer, number, body in asked.rows()
        if isinstance(body, bytes)
    }
