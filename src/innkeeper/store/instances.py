"""Instances in the store: one record each, changed by compare-and-set of its generation.

The record is one document; beside it stand the columns that lists and conditions look at.
"""

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, tuple_, update

from innkeeper.core.errors import DuplicateName, NotFound, StaleState, StoreError
from innkeeper.core.ids import InstanceUuid
from innkeeper.core.instance import LIVE, Instance
from innkeeper.core.instance_filter import InstanceFilter, InstancePage, Marker
from innkeeper.core.moment import to_us
from innkeeper.store.chunks import chunks
from innkeeper.store.prepared import Prepared, Scalar
from innkeeper.store.tables import instances
from innkeeper.store.txn import Txn

MAX_PAGE: Final = 1_000
"""Records in one page, as in the Compute API."""

_c = instances.c
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Instance]] = msgspec.msgpack.Decoder(Instance)

_ADD: Final = Prepared(
    insert(instances).values({column.name: bindparam(column.name) for column in _c})
)
_CHANGED: Final = (
    "status",
    "task_state",
    "cell",
    "host",
    "attempt",
    "generation",
    "updated_at",
    "deleted_at",
    "body",
)
_REPLACE: Final = Prepared(
    update(instances)
    .where(_c.uuid == bindparam("of"), _c.generation == bindparam("seen"))
    .values({name: bindparam(name) for name in _CHANGED})
)
_BODY: Final = Prepared(select(_c.body).where(_c.uuid == bindparam("of")))


def add(txn: Txn, instance: Instance) -> None:
    """Add a record; raise DuplicateName if its uuid is taken."""
    _BODY.run(txn.cursor, txn.dialect, {"of": instance.uuid})
    if txn.cursor.fetchone() is not None:
        raise DuplicateName(f"There is an instance {instance.uuid} already.")
    _ADD.run(txn.cursor, txn.dialect, _row(instance))
    _touch(txn, None, instance)


def replace(txn: Txn, before: Instance, after: Instance) -> None:
    """Write ``after`` over ``before``; raise StaleState if the record is no longer ``before``.

    The generation of ``after`` must be one more than that of ``before``.
    """
    row = _row(after)
    values = {name: row[name] for name in _CHANGED}
    _REPLACE.run(txn.cursor, txn.dialect, {**values, "of": before.uuid, "seen": before.generation})
    if txn.cursor.rowcount != 1:
        raise StaleState(f"Instance {before.uuid} was changed by somebody else.")
    _touch(txn, before, after)


def get(conn: Connection, uuid: InstanceUuid) -> Instance:
    """Give an instance, be it deleted or not; NotFound if there never was one."""
    body = conn.scalar(select(_c.body).where(_c.uuid == uuid))
    if body is None:
        raise NotFound(f"There is no instance {uuid}.")
    return read_body(body)


def read_body(body: bytes) -> Instance:
    """Read the document of a record; raise StoreError if it is none."""
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise StoreError(f"The record of an instance cannot be read: {error}.") from error


def bodies(conn: Connection, uuids: Collection[str]) -> dict[str, bytes]:
    """Give the documents of those of ``uuids`` that there are, by uuid."""
    return {
        uuid: body
        for chunk in chunks(uuids)
        for uuid, body in conn.execute(select(_c.uuid, _c.body).where(_c.uuid.in_(chunk)))
    }


def page(
    conn: Connection,
    wanted: InstanceFilter,
    *,
    after: Marker | None = None,
    limit: int = MAX_PAGE,
    newest_first: bool = False,
) -> InstancePage:
    """Give up to ``limit`` instances by (created_at, uuid), of all cells alike.

    A walk over the pages gives each record that is there throughout exactly once: a page
    begins after a place in the order, not after a count.
    """
    limit = max(1, min(limit, MAX_PAGE))
    order = (_c.created_at.desc(), _c.uuid.desc()) if newest_first else (_c.created_at, _c.uuid)
    query = select(_c.body).where(*_conditions(wanted)).order_by(*order).limit(limit + 1)
    if after is not None:
        place = tuple_(_c.created_at, _c.uuid)
        mark = tuple_(bindparam("at", after.created_at, _c.created_at.type), after.uuid)
        query = query.where(place < mark if newest_first else place > mark)
    found = [read_body(body) for body in conn.scalars(query)]
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else Marker(last.created_at, last.uuid)
    return InstancePage(tuple(found[:limit]), following)


def _conditions(wanted: InstanceFilter) -> list[ColumnElement[bool]]:
    conditions = [
        _c[name] == getattr(wanted, name)
        for name in ("status", "host", "cell", "project_id")
        if getattr(wanted, name) is not None
    ]
    if wanted.status is None:
        conditions.append(_c.status != "DELETED")
    if wanted.name:
        # LIKE looks at the case on some engines only; to replace a text does on all.
        without = func.replace(_c.name, wanted.name, "")
        conditions.append(func.length(without) < func.length(_c.name))
    return conditions


def _row(instance: Instance) -> dict[str, Scalar]:
    return {
        "uuid": instance.uuid,
        "name": instance.name,
        "project_id": instance.project_id,
        "user_id": instance.user_id,
        "status": instance.status,
        "task_state": instance.task_state,
        "cell": instance.cell,
        "host": instance.host,
        "workload": instance.spec.workload or None,
        "attempt": instance.attempt,
        "generation": instance.generation,
        "created_at": to_us(instance.created_at),
        "updated_at": to_us(instance.updated_at),
        "deleted_at": None if instance.deleted_at is None else to_us(instance.deleted_at),
        "body": _encoder.encode(instance),
    }


def _touch(txn: Txn, before: Instance | None, after: Instance) -> None:
    txn.instance_changed(after.uuid)
    if after.spec.workload and _place(before) != _place(after):
        for host in {_place(before), _place(after)} - {None}:
            txn.workloads_changed(str(host))


def _place(instance: Instance | None) -> str | None:
    """Give the host where the instance counts as a workload."""
    counts = instance is not None and instance.status in LIVE
    return instance.host if instance is not None and counts else None
