"""The audit: proves from the rows themselves that what must always be true is true.

It reads one snapshot and changes nothing, so it can run beside a busy writer.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, func, select

from innkeeper.core.audit import AuditReport, Finding, Severity
from innkeeper.core.errors import StoreError, Unavailable
from innkeeper.core.instance import LIVE, Instance
from innkeeper.store.breaches import (
    Breach,
    capacity_off,
    counts_off,
    dead_holders,
    empty,
    lonely_members,
    named_inventories,
    ownerless,
    roots_off,
    unfinished,
    used_off,
)
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
    server_groups,
    tasks,
)

MAX_FINDINGS: Final = 1_000
"""Of one rule: more say nothing new, and a broken table must not fill the memory."""

STREAMED: Final = 1_000
"""Bodies of instances in memory at a time: some megabytes."""

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


def _told(*finders: Callable[[Connection], Iterable[Breach]]) -> _Check:
    """Give the check that tells what ``finders`` find."""

    def check(conn: Connection) -> Iterator[tuple[str, str]]:
        for find in finders:
            for breach in find(conn):
                yield breach.subject, breach.problem

    return check


def _within_capacity(conn: Connection) -> Iterator[tuple[str, str]]:
    query = named_inventories(_i.used, _i.capacity).where(_i.used > _i.capacity)
    for uuid, name, _, _, used, capacity in conn.execute(query):
        yield f"{uuid} {name}", f"{used} of {capacity} are used: the inventory was made smaller"


def _instance_holds_its_selection(conn: Connection) -> Iterator[tuple[str, str]]:
    held = _held_by_instances(conn)
    c = instances.c
    # All that ever was is a record here still: bodies of what is gone are left alone.
    live = select(c.uuid, c.status, c.host, c.body).where(c.status.in_(LIVE))
    with conn.execute(live, execution_options={"yield_per": STREAMED}) as rows:
        for uuid, status, host, body in rows:
            has = held.get(uuid, {})
            try:
                wants = _wanted(read_body(body))
            except StoreError as error:
                yield uuid, f"is {status} on {host}: {error.detail}"
                continue
            if wants != has:
                yield uuid, f"is {status} on {host}; it holds {has}, its record says {wants}"
    yield from _told(dead_holders)(conn)


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
        .where(instances.c.status.in_(LIVE))
    )
    held: dict[str, dict[tuple[str, str], int]] = {}
    for uuid, rp_uuid, name, used in conn.execute(query):
        held.setdefault(uuid, {})[rp_uuid, name] = used
    return held


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
    "used_equals_allocations": ("wrong", _told(used_off)),
    "capacity_is_computed": ("wrong", _told(capacity_off)),
    "allocation_has_owner": ("wrong", _told(ownerless, empty)),
    "instance_holds_its_selection": ("wrong", _instance_holds_its_selection),
    "unfinished_has_task": ("wrong", _told(unfinished)),
    "tree_is_whole": ("wrong", _told(roots_off)),
    "group_counts_are_right": ("wrong", _told(counts_off)),
    "member_has_consumer": ("wrong", _told(lonely_members)),
    "group_policy_holds": ("wrong", _group_policy_holds),
    "within_capacity": ("note", _within_capacity),
}
