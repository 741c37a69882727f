"""Repair: what can be done about the findings of the audit, planned on one snapshot.

Planning only reads. What a program cannot decide is advice for a person, and never touched.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import msgspec
from sqlalchemy import Connection

from innkeeper.core.repair import LiveConsumers, Plan, Step
from innkeeper.store import mends
from innkeeper.store.audit import audit
from innkeeper.store.breaches import (
    Breach,
    CapacityOff,
    CountOff,
    DeadHolder,
    Empty,
    LonelyMember,
    Ownerless,
    RootOff,
    Unfinished,
    UsedOff,
    capacity_off,
    counts_off,
    dead_holders,
    empty,
    lonely_members,
    ownerless,
    roots_off,
    unfinished,
    used_off,
)
from innkeeper.store.orphans import orphans
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

_Found = TypeVar("_Found", bound=Breach)


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


_Made = tuple[str, Callable[[Txn], None]] | None
"""What to do about a breach, in words, and the write that does it; None: a person must."""


def _used(breach: UsedOff) -> _Made:
    off = breach.used - breach.held
    action = f"{'lower' if off > 0 else 'raise'} used by {abs(off)}"
    return action, partial(mends.correct_used, key=breach.key, by=off)


def _capacity(breach: CapacityOff) -> _Made:
    return (
        f"change capacity from {breach.seen[3]} to {breach.right}",
        partial(mends.set_capacity, key=breach.key, seen=breach.seen, to=breach.right),
    )


def _root(breach: RootOff) -> _Made:
    if breach.right is None:
        return None
    return (
        f"change its root from provider {breach.root_id} to {breach.right}",
        partial(
            mends.set_root,
            rp_id=breach.id,
            parent=breach.parent_id,
            seen=breach.root_id,
            to=breach.right,
        ),
    )


def _count(breach: CountOff) -> _Made:
    return (
        f"change the count from {breach.kept} to {breach.counted}",
        partial(
            mends.set_group_count,
            group=breach.group,
            host=breach.host,
            seen=breach.kept,
            to=breach.counted,
        ),
    )


def _ownerless(breach: Ownerless) -> _Made:
    return (
        "drop these allocations and give back what they hold",
        partial(mends.drop_ownerless, consumer_id=breach.consumer_id, held=breach.held),
    )


def _empty(breach: Empty) -> _Made:
    return (
        "remove the consumer, which holds nothing",
        partial(mends.end_consumer, uuid=breach.subject, generation=breach.generation, held=0),
    )


def _dead_holder(breach: DeadHolder) -> _Made:
    if breach.task_state is not None:
        return None
    return (
        "give back what it holds",
        partial(mends.empty_instance, uuid=breach.subject, generation=breach.generation),
    )


def _lonely(breach: LonelyMember) -> _Made:
    return "take it out of the group", partial(mends.end_membership, uuid=breach.subject)


def _unfinished(breach: Unfinished) -> _Made:
    if breach.cell is None:
        return None
    return (
        f"give cell {breach.cell} the task to end it",
        partial(
            mends.add_task,
            uuid=breach.subject,
            cell=breach.cell,
            task_state=breach.task_state,
            generation=breach.generation,
        ),
    )


def _planner(
    rule: str, find: Callable[[Connection], Iterator[_Found]], make: Callable[[_Found], _Made]
) -> Callable[[Connection], Iterator[Mend]]:
    """Give what plans the mends of one kind of breach."""

    def planned(conn: Connection) -> Iterator[Mend]:
        for breach in find(conn):
            made = make(breach)
            if made is not None:
                action, write = made
                yield Mend(Step(rule, breach.subject, breach.problem, action, fixable=True), write)

    return planned


# `used` and the counts of groups come first: the others give back from them.
_PLANNERS: Final = (
    _planner("used_equals_allocations", used_off, _used),
    _planner("capacity_is_computed", capacity_off, _capacity),
    _planner("tree_is_whole", roots_off, _root),
    _planner("group_counts_are_right", counts_off, _count),
    _planner("allocation_has_owner", ownerless, _ownerless),
    _planner("allocation_has_owner", empty, _empty),
    _planner("instance_holds_its_selection", dead_holders, _dead_holder),
    _planner("member_has_consumer", lonely_members, _lonely),
    _planner("unfinished_has_task", unfinished, _unfinished),
)
