"""Consumers and what they hold, read from either end: by consumer or by provider."""

from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.ids import ConsumerUuid, RpId, RpUuid
from innkeeper.core.moment import from_us
from innkeeper.core.provider import Provider
from innkeeper.store import providers
from innkeeper.store.open_store import OpenStore
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import (
    allocations,
    consumer_types,
    consumers,
    resource_classes,
    resource_providers,
)

_c, _p, _a = consumers.c, resource_providers.c, allocations.c
_HELD: Final = Prepared(
    select(
        *(_c.project_id, _c.user_id, _c.generation, _c.updated_at, consumer_types.c.name),
        *(_p.id, _p.uuid, _p.generation, resource_classes.c.name, _a.used),
    )
    .select_from(consumers)
    .outerjoin(consumer_types, consumer_types.c.id == _c.consumer_type_id)
    .outerjoin(allocations, _a.consumer_id == _c.id)
    .outerjoin(resource_providers, _p.id == _a.rp_id)
    .outerjoin(resource_classes, resource_classes.c.id == _a.rc_id)
    .where(_c.uuid == bindparam("of"))
    .order_by(_a.rp_id, _a.rc_id)
)


class Held(msgspec.Struct, frozen=True):
    """All that one consumer holds."""

    consumer: Consumer
    allocations: tuple[Allocation, ...]
    generations: dict[RpUuid, int]
    """Of the providers that it holds something of."""
    updated_at: datetime


class Holder(msgspec.Struct, frozen=True):
    """What one consumer holds of one provider."""

    consumer_uuid: ConsumerUuid
    generation: int
    used: dict[str, int]
    """By resource class."""
    updated_at: datetime


async def held_by(store: OpenStore, uuid: str) -> Held | None:
    """Give what a consumer holds, by one statement; None if there is no such consumer."""
    rows = await store.ask(_HELD, {"of": uuid})
    if not rows:
        return None
    project_id, user_id, generation, updated_us, consumer_type = rows[0][:5]
    consumer = Consumer(
        ConsumerUuid(uuid),
        str(project_id),
        str(user_id),
        None if consumer_type is None else str(consumer_type),
        integer(generation),
    )
    # Who was written in vain, by another program, may hold nothing.
    held = [row[5:] for row in rows if row[5] is not None]
    return Held(
        consumer,
        tuple(
            Allocation(RpId(integer(rp_id)), RpUuid(str(rp_uuid)), str(name), integer(used))
            for rp_id, rp_uuid, _, name, used in held
        ),
        {RpUuid(str(rp_uuid)): integer(seen) for _, rp_uuid, seen, _, _ in held},
        from_us(integer(updated_us)),
    )


def holders_of(conn: Connection, rp_uuid: str) -> tuple[Provider, tuple[Holder, ...]]:
    """Give a provider and who holds what of it; raise NotFound if there is no such provider."""
    provider = providers.get(conn, rp_uuid)
    c = consumers.c
    rows = conn.execute(
        select(c.uuid, c.generation, c.updated_at, resource_classes.c.name, allocations.c.used)
        .select_from(allocations)
        .join(consumers, c.id == allocations.c.consumer_id)
        .join(resource_classes, resource_classes.c.id == allocations.c.rc_id)
        .where(allocations.c.rp_id == provider.id)
        .order_by(c.id, allocations.c.rc_id)
    )
    found: dict[str, Holder] = {}
    for uuid, generation, updated_at, name, used in rows:
        holder = found.setdefault(uuid, Holder(ConsumerUuid(uuid), generation, {}, updated_at))
        holder.used[name] = used
    return provider, tuple(found.values())
