"""Tasks in the store: durable work, taken by compare-and-set leases.

Taking a task puts its ``run_at`` off to the end of the lease. So "due" and "not leased" are one
condition, on one index; and what a dead conductor had taken becomes due by itself.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from innkeeper.core.build import Leftover
from innkeeper.core.errors import StoreError
from innkeeper.core.ids import CellName, InstanceUuid
from innkeeper.core.task import Task, TaskKind
from innkeeper.store.prepared import Prepared
from innkeeper.store.tables import tasks
from innkeeper.store.txn import Txn

MAX_TAKEN: Final = 500
"""Tasks taken by one write: as many as one IN list may name."""

_c = tasks.c
_ADD: Final = Prepared(
    insert(tasks).values(
        {
            name: bindparam(name)
            for name in ("kind", "key", "cell", "state", "attempt", "run_at", "body")
        }
    )
)
_DROP: Final = Prepared(
    delete(tasks).where(_c.kind == bindparam("of_kind"), _c.key == bindparam("of_key"))
)
_DUE: Final = Prepared(
    select(_c.id)
    .where(_c.cell == bindparam("of_cell"), _c.run_at <= bindparam("by"))
    .order_by(_c.run_at, _c.id)
    .limit(bindparam("most"))
)


class LeftoverGuest(msgspec.Struct, frozen=True):
    """The body of a destroy task."""

    instance: InstanceUuid
    leftover: Leftover


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[LeftoverGuest]] = msgspec.msgpack.Decoder(LeftoverGuest)


def add(txn: Txn, kind: TaskKind, key: str, *, cell: CellName, body: bytes = b"") -> None:
    """Add a task that is due now. There must be none of this kind and key."""
    _ADD.run(
        txn.cursor,
        txn.dialect,
        {
            "kind": kind,
            "key": key,
            "cell": cell,
            "state": "ready",
            "attempt": 0,
            "run_at": txn.now_us,
            "body": body,
        },
    )


def add_destroy(txn: Txn, instance: InstanceUuid, leftover: Leftover, *, cell: CellName) -> None:
    """Add a task that removes a leftover guest of an instance."""
    body = _encoder.encode(LeftoverGuest(instance, leftover))
    add(txn, "destroy", f"{instance}/{leftover.attempt}", cell=cell, body=body)


def leftover_of(task: Task) -> LeftoverGuest:
    """Give what a destroy task is about."""
    try:
        return _decoder.decode(task.body)
    except msgspec.MsgspecError as error:
        raise StoreError(f"Task {task.id} cannot be read: {error}") from error


def drop(txn: Txn, kind: TaskKind, key: str) -> bool:
    """End a task; tell whether there was one."""
    _DROP.run(txn.cursor, txn.dialect, {"of_kind": kind, "of_key": key})
    return txn.cursor.rowcount > 0


def take(txn: Txn, cell: CellName, *, owner: str, limit: int, lease: timedelta) -> list[Task]:
    """Lease up to ``limit`` tasks of ``cell`` that are due, the longest waiting first.

    The UPDATE repeats the condition: what another conductor took meanwhile is left to it.
    """
    most = min(limit, MAX_TAKEN)
    _DUE.run(txn.cursor, txn.dialect, {"of_cell": cell, "by": txn.now_us, "most": most})
    ids = [row[0] for row in txn.cursor.fetchall()]
    if not ids:
        return []
    until = txn.now + lease
    txn.conn.execute(
        update(tasks)
        .where(_c.id.in_(ids), _c.run_at <= txn.now)
        .values(state="taken", run_at=until, lease_owner=owner, lease_expires_at=until)
    )
    mine = (_c.id.in_(ids), _c.lease_owner == owner, _c.lease_expires_at == until)
    rows = txn.conn.execute(select(tasks).where(*mine).order_by(_c.id))
    return [Task(**row._mapping) for row in rows]


def renew(txn: Txn, ids: Collection[int], *, owner: str, lease: timedelta) -> None:
    """Lengthen the leases of those of ``ids`` that ``owner`` still has."""
    until = txn.now + lease
    ordered = sorted(ids)
    for at in range(0, len(ordered), MAX_TAKEN):
        txn.conn.execute(
            update(tasks)
            .where(_c.id.in_(ordered[at : at + MAX_TAKEN]), _c.lease_owner == owner)
            .values(run_at=until, lease_expires_at=until)
        )


def postpone(txn: Txn, task: Task, *, run_at: datetime) -> None:
    """Give a taken task back, to be taken again at ``run_at`` at the earliest.

    Nothing happens if the lease was lost: then it is somebody else's.
    """
    txn.conn.execute(
        update(tasks)
        .where(_c.id == task.id, _c.lease_owner == task.lease_owner)
        .values(
            state="waiting",
            attempt=_c.attempt + 1,
            run_at=run_at,
            lease_owner=None,
            lease_expires_at=None,
        )
    )


def forsake(txn: Txn, cell: CellName, *, owner: str) -> int:
    """End all leases of ``owner`` in ``cell``; give how many there were."""
    return txn.conn.execute(
        update(tasks)
        .where(_c.cell == cell, _c.lease_owner == owner)
        .values(state="ready", run_at=txn.now, lease_owner=None, lease_expires_at=None)
    ).rowcount


def waiting(conn: Connection) -> dict[CellName, int]:
    """Give how many tasks each cell has that are not done."""
    rows = conn.execute(select(_c.cell, func.count()).group_by(_c.cell))
    return {CellName(cell): count for cell, count in rows}
