"""Orphans: consumers that hold something though nobody knows them any more.

Only somebody else can say who is alive, so a list of the living is an argument; and as lists
are wrong at times, what they condemn is bounded.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection, select

from innkeeper.core.repair import MAX_ORPHAN_SHARE, ORPHAN_RULE, LiveConsumers, Step
from innkeeper.store import mends
from innkeeper.store.tables import (
    allocations,
    consumer_types,
    consumers,
    instances,
    resource_classes,
    resource_providers,
)
from innkeeper.store.txn import Txn

UNKNOWN_TYPE = "unknown"
"""What the Placement API calls the type of a consumer that has none."""


class _Holder(msgspec.Struct):
    uuid: str
    project_id: str
    consumer_type: str
    generation: int
    updated_at: datetime
    held: dict[str, list[str]] = {}
    """Amounts and classes by provider."""
    allocations: int = 0


def orphans(
    conn: Connection, live: LiveConsumers, *, now: datetime
) -> tuple[list[tuple[Step, Callable[[Txn], None]]], str]:
    """Give a step and its write for each orphan; and why none may be released, or ""."""
    looked_at = [
        holder
        for holder in _holders(conn)
        if holder.updated_at <= now - live.older_than
        and live.consumer_type in (None, holder.consumer_type)
    ]
    ours = set(conn.scalars(select(instances.c.uuid)))
    gone = [each for each in looked_at if each.uuid not in live.uuids and each.uuid not in ours]
    steps = [(_step(each, now=now), _write(each)) for each in gone]
    return steps, _held_back(len(gone), len(looked_at), live)


def _held_back(gone: int, looked_at: int, live: LiveConsumers) -> str:
    if not gone or live.force:
        return ""
    if not live.uuids:
        return "The list of live consumers is empty: every consumer would be released."
    if gone > MAX_ORPHAN_SHARE * looked_at:
        return (
            f"{gone} of {looked_at} consumers would be released, more than"
            f" {MAX_ORPHAN_SHARE:.0%}: is the list of live consumers whole?"
        )
    return ""


def _step(holder: _Holder, *, now: datetime) -> Step:
    held = "; ".join(f"{' '.join(what)} of {where}" for where, what in holder.held.items())
    age = timedelta(seconds=int((now - holder.updated_at).total_seconds()))
    return Step(
        ORPHAN_RULE,
        holder.uuid,
        f"{holder.consumer_type} of project {holder.project_id}, last written {age} ago, holds"
        f" {held}, and is not in the list of live consumers",
        "release all that it holds",
        fixable=True,
    )


def _write(holder: _Holder) -> Callable[[Txn], None]:
    return partial(
        mends.end_consumer,
        uuid=holder.uuid,
        generation=holder.generation,
        held=holder.allocations,
    )


def _holders(conn: Connection) -> list[_Holder]:
    c, a, p = consumers.c, allocations.c, resource_providers.c
    rows = conn.execute(
        select(
            *(c.uuid, c.project_id, consumer_types.c.name, c.generation, c.updated_at),
            *(p.name, resource_classes.c.name, a.used),
        )
        .select_from(consumers)
        .outerjoin(consumer_types, consumer_types.c.id == c.consumer_type_id)
        .join(allocations, a.consumer_id == c.id)
        .join(resource_providers, p.id == a.rp_id)
        .join(resource_classes, resource_classes.c.id == a.rc_id)
        .order_by(c.id, a.rp_id, a.rc_id)
    )
    found: dict[str, _Holder] = {}
    for uuid, project_id, kind, generation, updated_at, provider, class_name, used in rows:
        holder = found.get(uuid)
        if holder is None:
            holder = found[uuid] = _Holder(
                uuid, project_id, kind or UNKNOWN_TYPE, generation, updated_at
            )
        holder.held.setdefault(provider, []).append(f"{used} {class_name}")
        holder.allocations += 1
    return list(found.values())
