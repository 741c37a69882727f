"""Mends: one conditional write for each kind of finding that a program can put right.

Each says in its condition what was seen when it was planned, and raises StaleState if that is
no longer so: what was shown to a person is what is done, or nothing.
"""

from collections.abc import Mapping

from sqlalchemy import and_, delete, func, insert, select, update

from innkeeper.core.errors import StaleState
from innkeeper.core.ids import CellName, RpId
from innkeeper.core.instance import TaskState
from innkeeper.store import claims, groups, tasks
from innkeeper.store.breaches import Key
from innkeeper.store.providers import raise_any
from innkeeper.store.tables import (
    allocations,
    consumers,
    instances,
    inventories,
    resource_providers,
    server_group_hosts,
    server_group_members,
    server_groups,
)
from innkeeper.store.tables import tasks as table
from innkeeper.store.txn import Txn

_i, _a, _p = inventories.c, allocations.c, resource_providers.c


def correct_used(txn: Txn, key: Key, *, by: int) -> None:
    """Take ``by`` from ``used`` if it is still that far above the sum of its allocations.

    Below zero: it is below the sum, and raised. Claims may go on meanwhile: they move both by
    the same amount.
    """
    held = (
        select(func.coalesce(func.sum(_a.used), 0))
        .where(_a.rp_id == key[0], _a.rc_id == key[1])
        .scalar_subquery()
    )
    _once(
        txn.conn.execute(
            update(inventories)
            .where(_i.rp_id == key[0], _i.rc_id == key[1], _i.used - held == by)
            .values(used=_i.used - by)
        ).rowcount,
        f"inventory {key}",
    )
    raise_any(txn, RpId(key[0]))


def set_capacity(txn: Txn, key: Key, *, seen: tuple[int, int, float, int], to: int) -> None:
    """Set ``capacity`` where total, reserved, ratio and capacity are still as ``seen``."""
    total, reserved, ratio, capacity = seen
    _once(
        txn.conn.execute(
            update(inventories)
            .where(
                *(_i.rp_id == key[0], _i.rc_id == key[1], _i.total == total),
                *(_i.reserved == reserved, _i.allocation_ratio == ratio, _i.capacity == capacity),
            )
            .values(capacity=to)
        ).rowcount,
        f"inventory {key}",
    )
    raise_any(txn, RpId(key[0]))


def drop_ownerless(txn: Txn, consumer_id: int, *, held: Mapping[Key, int]) -> None:
    """Drop allocations of a consumer that does not exist, and what of ``used`` is theirs."""
    owner = txn.conn.scalar(select(consumers.c.id).where(consumers.c.id == consumer_id))
    rows = txn.conn.execute(
        select(_a.rp_id, _a.rc_id, _a.used).where(_a.consumer_id == consumer_id)
    )
    if owner is not None or {(rp, rc): used for rp, rc, used in rows} != dict(held):
        raise _stale(f"consumer {consumer_id}")
    txn.conn.execute(delete(allocations).where(_a.consumer_id == consumer_id))
    for key, amount in sorted(held.items()):
        _once(
            txn.conn.execute(
                update(inventories)
                .where(_i.rp_id == key[0], _i.rc_id == key[1], _i.used >= amount)
                .values(used=_i.used - amount)
            ).rowcount,
            f"inventory {key}",
        )
    for rp_id in sorted({rp_id for rp_id, _ in held}):
        raise_any(txn, RpId(rp_id))


def end_consumer(txn: Txn, uuid: str, *, generation: int, held: int) -> None:
    """End a consumer of that generation that has ``held`` allocations, and give all back."""
    c = consumers.c
    count = select(func.count()).where(_a.consumer_id == c.id).scalar_subquery()
    row = txn.conn.execute(select(c.generation, count).where(c.uuid == uuid)).one_or_none()
    if row is None or (row[0], row[1]) != (generation, held):
        raise _stale(f"consumer {uuid}")
    claims.release(txn, uuid)


def empty_instance(txn: Txn, uuid: str, *, generation: int) -> None:
    """Give back what an instance holds that is neither built nor building, if it still is."""
    c = instances.c
    found = txn.conn.scalar(select(c.generation).where(c.uuid == uuid, c.task_state.is_(None)))
    if found != generation:
        raise _stale(f"instance {uuid}")
    claims.release(txn, uuid)


def set_root(txn: Txn, rp_id: int, *, parent: int | None, seen: int, to: int) -> None:
    """Set the root of a provider that still has this parent and this root."""
    below = _p.parent_id.is_(None) if parent is None else _p.parent_id == parent
    _once(
        txn.conn.execute(
            update(resource_providers)
            .where(and_(_p.id == rp_id, _p.root_id == seen, below))
            .values(root_id=to)
        ).rowcount,
        f"provider {rp_id}",
    )
    raise_any(txn, RpId(rp_id))


def set_group_count(txn: Txn, group: str, host: str, *, seen: int, to: int) -> None:
    """Set how many members a group has on a host, if it still says ``seen``."""
    h = server_group_hosts.c
    here = and_(h.group_uuid == group, h.host == host)
    members = select(func.count()).where(server_group_members.c.group_uuid == group)
    on_host = members.where(server_group_members.c.host == host)
    # Claims of members raise this row first, so they wait until we are done.
    txn.conn.execute(
        update(server_groups)
        .where(server_groups.c.uuid == group)
        .values(members=members.scalar_subquery())
    )
    if txn.conn.scalar(on_host) != to:
        raise _stale(f"server group {group}")
    kept = txn.conn.scalar(select(h.members).where(here))
    if (kept or 0) != seen:
        raise _stale(f"server group {group}")
    if kept is None:
        txn.conn.execute(insert(server_group_hosts).values(group_uuid=group, host=host, members=to))
    elif to:
        txn.conn.execute(update(server_group_hosts).where(here).values(members=to))
    else:
        txn.conn.execute(delete(server_group_hosts).where(here))
    txn.group_changed(group)


def end_membership(txn: Txn, uuid: str) -> None:
    """Take a consumer out of its server group, if it still does not exist."""
    if txn.conn.scalar(select(consumers.c.id).where(consumers.c.uuid == uuid)) is not None:
        raise _stale(f"consumer {uuid}")
    groups.leave(txn, uuid)


def add_task(
    txn: Txn, uuid: str, *, cell: CellName, task_state: TaskState, generation: int
) -> None:
    """Add the task that ends what an instance is in the midst of, if it still is and has none."""
    c = instances.c
    found = txn.conn.scalar(
        select(c.generation)
        .outerjoin(table, table.c.key == c.uuid)
        .where(c.uuid == uuid, c.cell == cell, c.task_state == task_state, table.c.id.is_(None))
    )
    if found != generation:
        raise _stale(f"instance {uuid}")
    tasks.add(txn, "build" if task_state == "building" else "delete", uuid, cell=cell)


def _once(rowcount: int, subject: str) -> None:
    if rowcount != 1:
        raise _stale(subject)


def _stale(subject: str) -> StaleState:
    return StaleState(f"Since the repair was planned, {subject} was changed. Plan it anew.")
