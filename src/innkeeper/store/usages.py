"""Usages of projects: sums over the allocations of their consumers, by consumer type."""

import msgspec
from sqlalchemy import Connection, func, select

from innkeeper.store.tables import allocations, consumer_types, consumers, resource_classes


class TypeUsage(msgspec.Struct, frozen=True):
    """What the consumers of one type hold, all told."""

    consumer_type: str | None
    consumers: int
    used: tuple[tuple[str, int], ...]
    """(resource class, amount), by class name."""


def of_project(
    conn: Connection, project_id: str, *, user_id: str | None = None
) -> tuple[TypeUsage, ...]:
    """Give the usage of a project, or of one user in it, by consumer type."""
    held = (
        select(consumers.c.consumer_type_id, consumers.c.id)
        .where(consumers.c.project_id == project_id)
        .where(*(() if user_id is None else (consumers.c.user_id == user_id,)))
        .subquery()
    )
    name = consumer_types.c.name
    counts = (
        select(name, func.count())
        .select_from(held)
        .outerjoin(consumer_types, consumer_types.c.id == held.c.consumer_type_id)
        .group_by(name)
        .order_by(name)
    )
    sums = (
        select(name, resource_classes.c.name, func.sum(allocations.c.used))
        .select_from(held)
        .join(allocations, allocations.c.consumer_id == held.c.id)
        .join(resource_classes, resource_classes.c.id == allocations.c.rc_id)
        .outerjoin(consumer_types, consumer_types.c.id == held.c.consumer_type_id)
        .group_by(name, resource_classes.c.name)
        .order_by(resource_classes.c.name)
    )
    used: dict[str | None, list[tuple[str, int]]] = {}
    for type_name, class_name, amount in conn.execute(sums):
        used.setdefault(type_name, []).append((class_name, int(amount)))
    return tuple(
        TypeUsage(type_name, count, tuple(used.get(type_name, ())))
        for type_name, count in conn.execute(counts)
    )
