"""Consumers and what they hold, read from either end: by consumer or by provider."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.ids import ConsumerUuid, RpId, RpUuid
from innkeeper.core.provider import Provider
from innkeeper.store import providers
from innkeeper.store.tables import (
    allocations,
    consumer_types,
    consumers,
    resource_classes,
    resource_providers,
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


def held_by(conn: Connection, uuid: str) -> Held | None:
    """Give what a consumer holds; None if there is no such consumer."""
    c = consumers.c
    row = conn.execute(
        select(c.id, c.project_id, c.user_id, c.generation, c.updated_at, consumer_types.c.name)
        .select_from(consumers)
        .outerjoin(consumer_types, consumer_types.c.id == c.consumer_type_id)
        .where(c.uuid == uuid)
    ).one_or_none()
    if row is None:
        return None
    p = resource_providers.c
    rows = conn.execute(
        select(p.id, p.uuid, p.generation, resource_classes.c.name, allocations.c.used)
        .select_from(allocations)
        .join(resource_providers, p.id == allocations.c.rp_id)
        .join(resource_classes, resource_classes.c.id == allocations.c.rc_id)
        .where(allocations.c.consumer_id == row.id)
        .order_by(allocations.c.rp_id, allocations.c.rc_id)
    ).all()
    consumer = Consumer(ConsumerUuid(uuid), row.project_id, row.user_id, row.name, row.generation)
    return Held(
        consumer,
        tuple(
            Allocation(RpId(rp_id), RpUuid(rp_uuid), name, used)
            for rp_id, rp_uuid, _, name, used in rows
        ),
        {RpUuid(rp_uuid): generation for _, rp_uuid, generation, _, _ in rows},
        row.updated_at,
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
