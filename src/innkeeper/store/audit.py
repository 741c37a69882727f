"""The audit: proves from the rows themselves that what must always be true is true.

It reads one snapshot and changes nothing, so it can run beside a busy writer.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal,
    select,
    union_all,
)

from innkeeper.core.audit import AuditReport, Finding, Severity
from innkeeper.core.errors import StoreError, Unavailable
from innkeeper.core.ids import CellName
from innkeeper.core.instance import Instance, TaskState
from innkeeper.core.inventory import Inventory
from innkeeper.store.chunks import rows_named
from innkeeper.store.instances import read_body
from innkeeper.store.tables import (
    allocations,
    consumers,
    hosts,
    instances,
    inventories,
    resource_classes,
    resource_providers,
    server_group_hosts,
    server_group_members,
    server_groups,
    tasks,
)

MAX_FINDINGS: Final = 1_000
"""Of one rule: more say nothing new, and a broken table must not fill the memory."""

STREAMED: Final = 1_000
"""Bodies of instances in memory at a time: some megabytes."""

LIVE: Final = ("BUILD", "ACTIVE")
"""Statuses of instances that hold something."""
_COUNTED: Final = (
    resource_providers,
    inventories,
    consumers,
    allocations,
    hosts,
    instances,
    tasks,
    server_groups,
)

_i, _a, _p = inventories.c, allocations.c, resource_providers.c


def audit(
    conn: Connection,
    *,
    rules: Collection[str] | None = None,
    over: Callable[[], bool] = lambda: False,
) -> AuditReport:
    """Check every rule, or those in ``rules``; give what was counted and found.

    Raises Unavailable, before the next rule, once ``over`` says so.
    """
    findings: list[Finding] = []
    checked = {name: rule for name, rule in _RULES.items() if rules is None or name in rules}
    for rule, (severity, check) in checked.items():
        if over():
            raise Unavailable("The store is shutting down.")
        for number, (subject, detail) in enumerate(check(conn)):
            if number == MAX_FINDINGS:
                break
            findings.append(Finding(severity, rule, subject, detail))
    counts = {
        table.name: conn.scalar(select(func.count()).select_from(table)) or 0 for table in _COUNTED
    }
    return AuditReport(counts, tuple(checked), tuple(findings))


_Check = Callable[[Connection], Iterator[tuple[str, str]]]
"""Gives (subject, detail) for each thing that breaks the rule."""


def _used_equals_allocations(conn: Connection) -> Iterator[tuple[str, str]]:
    total = func.coalesce(func.sum(_a.used), 0)
    query = (
        _named_inventories(_i.used, total)
        .outerjoin(allocations, and_(_a.rp_id == _i.rp_id, _a.rc_id == _i.rc_id))
        .group_by(_i.rp_id, _i.rc_id, _p.uuid, resource_classes.c.name, _i.used)
        .having(_i.used != total)
    )
    for uuid, name, used, held in conn.execute(query):
        yield f"{uuid} {name}", f"used is {used}, its allocations sum up to {held}"


def _capacity_is_computed(conn: Connection) -> Iterator[tuple[str, str]]:
    query = _named_inventories(_i.total, _i.reserved, _i.allocation_ratio, _i.capacity)
    for uuid, name, total, reserved, ratio, capacity in conn.execute(query):
        inventory = Inventory(name, total, reserved, allocation_ratio=ratio)
        if inventory.capacity != capacity:
            yield f"{uuid} {name}", f"capacity is {capacity}, should be {inventory.capacity}"


def _within_capacity(conn: Connection) -> Iterator[tuple[str, str]]:
    query = _named_inventories(_i.used, _i.capacity).where(_i.used > _i.capacity)
    for uuid, name, used, capacity in conn.execute(query):
        yield f"{uuid} {name}", f"{used} of {capacity} are used: the inventory was made smaller"


def _named_inventories(*columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    return (
        select(_p.uuid, resource_classes.c.name, *columns)
        .select_from(inventories)
        .join(resource_providers, _p.id == _i.rp_id)
        .join(resource_classes, resource_classes.c.id == _i.rc_id)
    )


def _allocation_has_owner(conn: Connection) -> Iterator[tuple[str, str]]:
    orphans = (
        select(_a.consumer_id, func.count())
        .outerjoin(consumers, consumers.c.id == _a.consumer_id)
        .where(consumers.c.id.is_(None))
        .group_by(_a.consumer_id)
    )
    for consumer_id, count in conn.execute(orphans):
        yield f"consumer {consumer_id}", f"holds {count} allocations and does not exist"
    empty = (
        select(consumers.c.uuid)
        .outerjoin(allocations, _a.consumer_id == consumers.c.id)
        .where(_a.consumer_id.is_(None))
    )
    for uuid in conn.scalars(empty):
        yield uuid, "exists without allocations"


def _instance_holds_its_selection(conn: Connection) -> Iterator[tuple[str, str]]:
    held = _held_by_instances(conn)
    c = instances.c
    # All that ever was is a record here still: bodies of what is gone are left alone.
    live = select(c.uuid, c.status, c.host, c.body).where(c.status.in_(LIVE))
    with conn.execute(live, execution_options={"yield_per": STREAMED}) as rows:
        for uuid, status, host, body in rows:
            has = held.pop(uuid, {})
            try:
                wants = _wanted(read_body(body))
            except StoreError as error:
                yield uuid, f"is {status} on {host}: {error.detail}"
                continue
            if wants != has:
                yield uuid, f"is {status} on {host}; it holds {has}, its record says {wants}"
    for uuid, status in rows_named(conn, select(c.uuid, c.status), c.uuid, held):
        yield uuid, f"is {status} and still holds allocations"


def _wanted(instance: Instance) -> dict[tuple[str, str], int]:
    """Give the amount of each (provider, class) that the record of an instance names."""
    wants: dict[tuple[str, str], int] = {}
    for allocation in () if instance.selection is None else instance.selection.allocations:
        key = (allocation.rp_uuid, allocation.resource_class)
        wants[key] = wants.get(key, 0) + allocation.amount
    return wants


def _held_by_instances(conn: Connection) -> dict[str, dict[tuple[str, str], int]]:
    query = (
        select(instances.c.uuid, _p.uuid, resource_classes.c.name, _a.used)
        .select_from(allocations)
        .join(consumers, consumers.c.id == _a.consumer_id)
        .join(instances, instances.c.uuid == consumers.c.uuid)
        .join(resource_providers, _p.id == _a.rp_id)
        .join(resource_classes, resource_classes.c.id == _a.rc_id)
    )
    held: dict[str, dict[tuple[str, str], int]] = {}
    for uuid, rp_uuid, name, used in conn.execute(query):
        held.setdefault(uuid, {})[rp_uuid, name] = used
    return held


class Unfinished(msgspec.Struct, frozen=True):
    """An instance in the midst of something that no task will end."""

    uuid: str
    status: str
    task_state: TaskState
    cell: CellName | None
    generation: int

    @property
    def problem(self) -> str:
        """Say what is wrong."""
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


def _unfinished_has_task(conn: Connection) -> Iterator[tuple[str, str]]:
    for each in unfinished(conn):
        yield each.uuid, each.problem


class RootFound(msgspec.Struct, frozen=True):
    """A provider whose recorded root is not its topmost ancestor."""

    id: int
    uuid: str
    parent_id: int | None
    root_id: int
    right: int | None
    """Id of its topmost ancestor; None: its parents form a circle or are missing."""

    @property
    def problem(self) -> str:
        """Say what is wrong."""
        if self.right is None:
            return f"its root is {self.root_id}, and its parents lead to none"
        return f"its root is {self.root_id}, its topmost ancestor is {self.right}"


def roots_by_parents(conn: Connection) -> Iterator[RootFound]:
    """Give the providers whose root is wrong, by id."""
    rows = conn.execute(select(_p.id, _p.uuid, _p.parent_id, _p.root_id).order_by(_p.id)).all()
    parents: dict[int, int | None] = {row.id: row.parent_id for row in rows}
    for row in rows:
        right = _topmost(row.id, parents)
        if right != row.root_id:
            yield RootFound(row.id, row.uuid, row.parent_id, row.root_id, right)


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


def _tree_is_whole(conn: Connection) -> Iterator[tuple[str, str]]:
    for each in roots_by_parents(conn):
        yield each.uuid, each.problem


def group_counts(conn: Connection) -> Iterator[tuple[str, str, int, int]]:
    """Give (group, host, members as kept, members as counted) where the two differ."""
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
        yield uuid, host, int(as_kept), int(as_counted)


def _group_counts_are_right(conn: Connection) -> Iterator[tuple[str, str]]:
    for uuid, host, kept, counted in group_counts(conn):
        yield f"{uuid} on {host}", f"its count of members is off by {kept - counted}"


def lonely_members(conn: Connection) -> Iterator[tuple[str, str]]:
    """Give (consumer, what is wrong) for members of server groups that hold nothing."""
    m = server_group_members.c
    query = (
        select(m.consumer_uuid, m.group_uuid, m.host)
        .outerjoin(consumers, consumers.c.uuid == m.consumer_uuid)
        .where(consumers.c.id.is_(None))
        .order_by(m.consumer_uuid)
    )
    for uuid, group, host in conn.execute(query):
        yield uuid, f"is a member of server group {group} on {host} and holds nothing"


def _group_policy_holds(conn: Connection) -> Iterator[tuple[str, str]]:
    g, h = server_groups.c, server_group_hosts.c
    crowded = (
        select(g.uuid, h.host, h.members, g.max_server_per_host)
        .join(server_group_hosts, h.group_uuid == g.uuid)
        .where(g.policy == "anti-affinity", h.members > g.max_server_per_host)
    )
    for uuid, host, members, most in conn.execute(crowded):
        yield uuid, f"has {members} members on {host}, more than {most}"
    scattered = (
        select(g.uuid, func.count())
        .join(server_group_hosts, h.group_uuid == g.uuid)
        .where(g.policy == "affinity")
        .group_by(g.uuid)
        .having(func.count() > 1)
    )
    for uuid, count in conn.execute(scattered):
        yield uuid, f"has members on {count} hosts"


_RULES: Final[dict[str, tuple[Severity, _Check]]] = {
    "used_equals_allocations": ("wrong", _used_equals_allocations),
    "capacity_is_computed": ("wrong", _capacity_is_computed),
    "allocation_has_owner": ("wrong", _allocation_has_owner),
    "instance_holds_its_selection": ("wrong", _instance_holds_its_selection),
    "unfinished_has_task": ("wrong", _unfinished_has_task),
    "tree_is_whole": ("wrong", _tree_is_whole),
    "group_counts_are_right": ("wrong", _group_counts_are_right),
    "member_has_consumer": ("wrong", lonely_members),
    "group_policy_holds": ("wrong", _group_policy_holds),
    "within_capacity": ("note", _within_capacity),
}
