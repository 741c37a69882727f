"""Repair: what can be done about the findings of the audit, planned on one snapshot.

Planning only reads. What a program cannot decide is advice for a person, and never touched.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection, and_, func, select

from innkeeper.core.inventory import Inventory
from innkeeper.core.repair import LiveConsumers, Plan, Step
from innkeeper.store import mends
from innkeeper.store.audit import (
    LIVE,
    audit,
    group_counts,
    lonely_members,
    roots_by_parents,
    unfinished,
)
from innkeeper.store.orphans import orphans
from innkeeper.store.tables import (
    allocations,
    consumers,
    instances,
    inventories,
    resource_classes,
    resource_providers,
)
from innkeeper.store.txn import Txn

ADVICE: Final = {
    "instance_holds_its_selection": "delete the instance (DELETE /v1/instances/UUID): its claim"
    " and its record differ, and which is right is known on its host only",
    "unfinished_has_task": "nothing can be done for it: it is in no cell",
    "group_policy_holds": "delete or move members until the policy holds; a repair moves nobody",
    "tree_is_whole": "its parents form a circle or are missing: set its parent anew by PUT"
    " /resource_providers/UUID, or delete it",
    "within_capacity": "allowed: the inventory was made smaller than what is used; move something"
    " away, or let it be",
}
"""What a person should do about a finding that no mend is for."""
_LATER: Final = "comes right with the others, or is found again by the next audit"

_i, _a, _p = inventories.c, allocations.c, resource_providers.c


class Mend(msgspec.Struct, frozen=True):
    """A step and the write that takes it."""

    step: Step
    write: Callable[[Txn], None]


def plan(
    conn: Connection, *, live: LiveConsumers | None, now: datetime
) -> tuple[Plan, tuple[Mend, ...]]:
    """Give what would be done about everything that is wrong, and the writes that do it.

    With ``live`` also about consumers that are not alive.
    """
    found = [mend for mends_of in _PLANNERS for mend in mends_of(conn)]
    mended = {(mend.step.rule, mend.step.subject) for mend in found}
    advice = [
        Step(each.rule, each.subject, each.detail, ADVICE.get(each.rule, _LATER), fixable=False)
        for each in audit(conn).findings
        if each.severity == "wrong" and (each.rule, each.subject) not in mended
    ]
    held_back = ""
    if live is not None:
        gone, held_back = orphans(conn, live, now=now)
        found += [Mend(step, write) for step, write in gone]
    steps = (*(mend.step for mend in found), *advice)
    return Plan(steps, held_back), tuple(found)


def _used(conn: Connection) -> Iterator[Mend]:
    total = func.coalesce(func.sum(_a.used), 0)
    query = (
        select(_p.uuid, resource_classes.c.name, _i.rp_id, _i.rc_id, _i.used, total)
        .select_from(inventories)
        .join(resource_providers, _p.id == _i.rp_id)
        .join(resource_classes, resource_classes.c.id == _i.rc_id)
        .outerjoin(allocations, and_(_a.rp_id == _i.rp_id, _a.rc_id == _i.rc_id))
        .group_by(_p.uuid, resource_classes.c.name, _i.rp_id, _i.rc_id, _i.used)
        .having(_i.used != total)
        .order_by(_i.rp_id, _i.rc_id)
    )
    for uuid, name, rp_id, rc_id, used, held in conn.execute(query):
        off = int(used - held)
        yield Mend(
            Step(
                "used_equals_allocations",
                f"{uuid} {name}",
                f"used is {used}, its allocations sum up to {held}",
                f"{'lower' if off > 0 else 'raise'} used by {abs(off)}",
                fixable=True,
            ),
            partial(mends.lower_used, key=(rp_id, rc_id), by=off),
        )


def _capacity(conn: Connection) -> Iterator[Mend]:
    query = (
        select(
            _p.uuid,
            resource_classes.c.name,
            *(_i.rp_id, _i.rc_id, _i.total, _i.reserved, _i.allocation_ratio, _i.capacity),
        )
        .select_from(inventories)
        .join(resource_providers, _p.id == _i.rp_id)
        .join(resource_classes, resource_classes.c.id == _i.rc_id)
        .order_by(_i.rp_id, _i.rc_id)
    )
    for uuid, name, rp_id, rc_id, *seen in conn.execute(query):
        total, reserved, ratio, capacity = seen
        right = Inventory(name, total, reserved, allocation_ratio=ratio).capacity
        if right != capacity:
            yield Mend(
                Step(
                    "capacity_is_computed",
                    f"{uuid} {name}",
                    f"capacity is {capacity}, should be {right}",
                    f"change capacity from {capacity} to {right}",
                    fixable=True,
                ),
                partial(
                    mends.set_capacity,
                    key=(rp_id, rc_id),
                    seen=(total, reserved, ratio, capacity),
                    to=right,
                ),
            )


def _ownerless(conn: Connection) -> Iterator[Mend]:
    rows = conn.execute(
        select(_a.consumer_id, _a.rp_id, _a.rc_id, _a.used)
        .outerjoin(consumers, consumers.c.id == _a.consumer_id)
        .where(consumers.c.id.is_(None))
        .order_by(_a.consumer_id, _a.rp_id, _a.rc_id)
    )
    held: dict[int, dict[mends.Key, int]] = {}
    for consumer_id, rp_id, rc_id, used in rows:
        held.setdefault(consumer_id, {})[rp_id, rc_id] = used
    for consumer_id, amounts in held.items():
        yield Mend(
            Step(
                "allocation_has_owner",
                f"consumer {consumer_id}",
                f"holds {len(amounts)} allocations and does not exist",
                "drop these allocations and give back what they hold",
                fixable=True,
            ),
            partial(mends.drop_ownerless, consumer_id=consumer_id, held=amounts),
        )


def _empty(conn: Connection) -> Iterator[Mend]:
    c = consumers.c
    query = (
        select(c.uuid, c.generation)
        .outerjoin(allocations, _a.consumer_id == c.id)
        .where(_a.consumer_id.is_(None))
        .order_by(c.id)
    )
    for uuid, generation in conn.execute(query):
        yield Mend(
            Step(
                "allocation_has_owner",
                uuid,
                "exists without allocations",
                "remove the consumer, which holds nothing",
                fixable=True,
            ),
            partial(mends.end_consumer, uuid=uuid, generation=generation, held=0),
        )


def _dead_instances(conn: Connection) -> Iterator[Mend]:
    c = instances.c
    query = (
        select(c.uuid, c.status, c.generation)
        .join(consumers, consumers.c.uuid == c.uuid)
        .join(allocations, _a.consumer_id == consumers.c.id)
        .where(c.status.not_in(LIVE), c.task_state.is_(None))
        .distinct()
        .order_by(c.uuid)
    )
    for uuid, status, generation in conn.execute(query):
        yield Mend(
            Step(
                "instance_holds_its_selection",
                uuid,
                f"is {status} and still holds allocations",
                "give back what it holds",
                fixable=True,
            ),
            partial(mends.empty_instance, uuid=uuid, generation=generation),
        )


def _roots(conn: Connection) -> Iterator[Mend]:
    for each in roots_by_parents(conn):
        if each.right is not None and each.right != each.root_id:
            yield Mend(
                Step(
                    "tree_is_whole",
                    each.uuid,
                    each.problem,
                    f"change its root from provider {each.root_id} to {each.right}",
                    fixable=True,
                ),
                partial(
                    mends.set_root,
                    rp_id=each.id,
                    parent=each.parent_id,
                    seen=each.root_id,
                    to=each.right,
                ),
            )


def _group_counts(conn: Connection) -> Iterator[Mend]:
    for uuid, host, kept, counted in group_counts(conn):
        yield Mend(
            Step(
                "group_counts_are_right",
                f"{uuid} on {host}",
                f"its count of members is off by {kept - counted}",
                f"change the count from {kept} to {counted}",
                fixable=True,
            ),
            partial(mends.set_group_count, group=uuid, host=host, seen=kept, to=counted),
        )


def _lonely(conn: Connection) -> Iterator[Mend]:
    for uuid, problem in lonely_members(conn):
        yield Mend(
            Step("member_has_consumer", uuid, problem, "take it out of the group", fixable=True),
            partial(mends.end_membership, uuid=uuid),
        )


def _unfinished(conn: Connection) -> Iterator[Mend]:
    for each in unfinished(conn):
        if each.cell is not None:
            yield Mend(
                Step(
                    "unfinished_has_task",
                    each.uuid,
                    each.problem,
                    f"give cell {each.cell} the task to end it",
                    fixable=True,
                ),
                partial(
                    mends.add_task,
                    uuid=each.uuid,
                    cell=each.cell,
                    task_state=each.task_state,
                    generation=each.generation,
                ),
            )


# `used` and the counts of groups come first: the others give back from them.
_PLANNERS: Final[tuple[Callable[[Connection], Iterator[Mend]], ...]] = (
    _used,
    _capacity,
    _roots,
    _group_counts,
    _ownerless,
    _empty,
    _dead_instances,
    _lonely,
    _unfinished,
)
