"""Breaches: the rows that break a rule, each with all that a repair of it needs to know.

The audit tells them and the repair mends them, so the two can never mean different things.
Nothing here changes anything.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, select, union_all

from innkeeper.core.ids import CellName
from innkeeper.core.instance import LIVE, TaskState
from innkeeper.core.inventory import Inventory
from innkeeper.store.tables import (
    allocations,
    consumers,
    instances,
    inventories,
    resource_classes,
    resource_providers,
    server_group_hosts,
    server_group_members,
    tasks,
)

Key = tuple[int, int]
"""(provider id, resource class id): an inventory."""

_i, _a, _p = inventories.c, allocations.c, resource_providers.c


class Breach(Protocol):
    """What breaks a rule."""

    @property
    def subject(self) -> str:
        """Name it, for people."""

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""


class UsedOff(msgspec.Struct, frozen=True):
    """An inventory whose ``used`` is not the sum of its allocations."""

    provider: str
    resource_class: str
    key: Key
    used: int
    held: int

    @property
    def subject(self) -> str:
        """Name the inventory."""
        return f"{self.provider} {self.resource_class}"

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        return f"used is {self.used}, its allocations sum up to {self.held}"


def used_off(conn: Connection) -> Iterator[UsedOff]:
    """Give the inventories whose ``used`` is wrong."""
    total = func.coalesce(func.sum(_a.used), 0)
    query = (
        named_inventories(_i.used, total)
        .outerjoin(allocations, and_(_a.rp_id == _i.rp_id, _a.rc_id == _i.rc_id))
        .group_by(_p.uuid, resource_classes.c.name, _i.rp_id, _i.rc_id, _i.used)
        .having(_i.used != total)
    )
    for uuid, name, rp_id, rc_id, used, held in conn.execute(query):
        yield UsedOff(uuid, name, (rp_id, rc_id), int(used), int(held))


class CapacityOff(msgspec.Struct, frozen=True):
    """An inventory whose ``capacity`` is not what its numbers give."""

    provider: str
    resource_class: str
    key: Key
    seen: tuple[int, int, float, int]
    """total, reserved, allocation_ratio, capacity."""
    right: int

    @property
    def subject(self) -> str:
        """Name the inventory."""
        return f"{self.provider} {self.resource_class}"

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        return f"capacity is {self.seen[3]}, should be {self.right}"


def capacity_off(conn: Connection) -> Iterator[CapacityOff]:
    """Give the inventories whose ``capacity`` is wrong."""
    query = named_inventories(_i.total, _i.reserved, _i.allocation_ratio, _i.capacity)
    for uuid, name, rp_id, rc_id, *numbers in conn.execute(query):
        total, reserved, ratio, capacity = numbers
        right = Inventory(name, total, reserved, allocation_ratio=ratio).capacity
        if right != capacity:
            yield CapacityOff(uuid, name, (rp_id, rc_id), (total, reserved, ratio, capacity), right)


def named_inventories(*columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Select uuid, class, provider id and class id of inventories, then ``columns``, in order."""
    return (
        select(_p.uuid, resource_classes.c.name, _i.rp_id, _i.rc_id, *columns)
        .select_from(inventories)
        .join(resource_providers, _p.id == _i.rp_id)
        .join(resource_classes, resource_classes.c.id == _i.rc_id)
        .order_by(_i.rp_id, _i.rc_id)
    )


class Ownerless(msgspec.Struct, frozen=True):
    """Allocations of a consumer that does not exist."""

    consumer_id: int
    held: dict[Key, int]

    @property
    def subject(self) -> str:
        """Name the consumer."""
        return f"consumer {self.consumer_id}"

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        return f"holds {len(self.held)} allocations and does not exist"


def ownerless(conn: Connection) -> Iterator[Ownerless]:
    """Give what consumers hold that do not exist."""
    rows = conn.execute(
        select(_a.consumer_id, _a.rp_id, _a.rc_id, _a.used)
        .outerjoin(consumers, consumers.c.id == _a.consumer_id)
        .where(consumers.c.id.is_(None))
        .order_by(_a.consumer_id, _a.rp_id, _a.rc_id)
    )
    held: dict[int, dict[Key, int]] = {}
    for consumer_id, rp_id, rc_id, used in rows:
        held.setdefault(consumer_id, {})[rp_id, rc_id] = used
    for consumer_id, amounts in held.items():
        yield Ownerless(consumer_id, amounts)


class Empty(msgspec.Struct, frozen=True):
    """A consumer without allocations."""

    subject: str
    """Its uuid."""
    generation: int
    problem: str = "exists without allocations"


def empty(conn: Connection) -> Iterator[Empty]:
    """Give the consumers that hold nothing."""
    c = consumers.c
    query = (
        select(c.uuid, c.generation)
        .outerjoin(allocations, _a.consumer_id == c.id)
        .where(_a.consumer_id.is_(None))
        .order_by(c.id)
    )
    for uuid, generation in conn.execute(query):
        yield Empty(uuid, generation)


class DeadHolder(msgspec.Struct, frozen=True):
    """An instance that is neither built nor building, and holds something."""

    subject: str
    """Its uuid."""
    status: str
    task_state: TaskState | None
    generation: int

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        return f"is {self.status} and still holds allocations"


def dead_holders(conn: Connection) -> Iterator[DeadHolder]:
    """Give the instances that hold something and should not."""
    c = instances.c
    query = (
        select(c.uuid, c.status, c.task_state, c.generation)
        .join(consumers, consumers.c.uuid == c.uuid)
        .join(allocations, _a.consumer_id == consumers.c.id)
        .where(c.status.not_in(LIVE))
        .distinct()
        .order_by(c.uuid)
    )
    for row in conn.execute(query):
        yield DeadHolder(*row)


class Unfinished(msgspec.Struct, frozen=True):
    """An instance in the midst of something that no task will end."""

    subject: str
    """Its uuid."""
    status: str
    task_state: TaskState
    cell: CellName | None
    generation: int

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        return f"is {self.status}/{self.task_state} and nothing will ever finish it"


def unfinished(conn: Connection) -> Iterator[Unfinished]:
    """Give the instances that wait for a task that is not there."""
    c = instances.c
    query = (
        select(c.uuid, c.status, c.task_state, c.cell, c.generation)
        .outerjoin(tasks, tasks.c.key == c.uuid)
        .where(c.task_state.is_not(None), tasks.c.id.is_(None))
        .order_by(c.uuid)
    )
    for row in conn.execute(query):
        yield Unfinished(*row)


class RootOff(msgspec.Struct, frozen=True):
    """A provider whose recorded root is not its topmost ancestor."""

    id: int
    subject: str
    """Its uuid."""
    parent_id: int | None
    root_id: int
    right: int | None
    """Id of its topmost ancestor; None: its parents form a circle or are missing."""

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        if self.right is None:
            return f"its root is {self.root_id}, and its parents lead to none"
        return f"its root is {self.root_id}, its topmost ancestor is {self.right}"


def roots_off(conn: Connection) -> Iterator[RootOff]:
    """Give the providers whose root is wrong, by id."""
    rows = conn.execute(select(_p.id, _p.uuid, _p.parent_id, _p.root_id).order_by(_p.id)).all()
    parents: dict[int, int | None] = {row.id: row.parent_id for row in rows}
    for row in rows:
        right = _topmost(row.id, parents)
        if right != row.root_id:
            yield RootOff(row.id, row.uuid, row.parent_id, row.root_id, right)


def _topmost(rp_id: int, parents: Mapping[int, int | None]) -> int | None:
    """Give the root that parents lead to; None if they lead in a circle or nowhere."""
    seen: set[int] = set()
    while rp_id in parents and rp_id not in seen:
        seen.add(rp_id)
        parent = parents[rp_id]
        if parent is None:
            return rp_id
        rp_id = parent
    return None


class CountOff(msgspec.Struct, frozen=True):
    """A host on which a server group has another number of members than it counts."""

    group: str
    host: str
    kept: int
    counted: int

    @property
    def subject(self) -> str:
        """Name group and host."""
        return f"{self.group} on {self.host}"

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        return f"its count of members is off by {self.kept - self.counted}"


def counts_off(conn: Connection) -> Iterator[CountOff]:
    """Give the hosts of server groups whose members are miscounted."""
    m, h = server_group_members.c, server_group_hosts.c
    counted = select(
        m.group_uuid.label("uuid"),
        m.host.label("host"),
        literal(0).label("kept"),
        literal(1).label("counted"),
    )
    kept = select(h.group_uuid, h.host, h.members, literal(0))
    both = union_all(counted, kept).subquery()
    sums = func.sum(both.c.kept), func.sum(both.c.counted)
    query = (
        select(both.c.uuid, both.c.host, *sums)
        .group_by(both.c.uuid, both.c.host)
        .having(sums[0] != sums[1])
        .order_by(both.c.uuid, both.c.host)
    )
    for uuid, host, as_kept, as_counted in conn.execute(query):
        yield CountOff(uuid, host, int(as_kept), int(as_counted))


class LonelyMember(msgspec.Struct, frozen=True):
    """A member of a server group that holds nothing."""

    subject: str
    """The consumer's uuid."""
    group: str
    host: str

    @property
    def problem(self) -> str:
        """Say what is wrong with it."""
        return f"is a member of server group {self.group} on {self.host} and holds nothing"


def lonely_members(conn: Connection) -> Iterator[LonelyMember]:
    """Give the members of server groups of which there is no consumer."""
    m = server_group_members.c
    query = (
        select(m.consumer_uuid, m.group_uuid, m.host)
        .outerjoin(consumers, consumers.c.uuid == m.consumer_uuid)
        .where(consumers.c.id.is_(None))
        .order_by(m.consumer_uuid)
    )
    for row in conn.execute(query):
        yield LonelyMember(*row)
