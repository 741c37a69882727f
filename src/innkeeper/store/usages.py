"""Usages of projects: sums over the allocations of their consumers, by consumer type."""

from typing import Final

import msgspec
from sqlalchemy import BigInteger, bindparam, cast, func, null, select, union_all

from innkeeper.store.open_store import OpenStore
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import allocations, consumer_types, consumers, resource_classes


class TypeUsage(msgspec.Struct, frozen=True):
    """What the consumers of one type hold, all told."""

    consumer_type: str | None
    consumers: int
    used: tuple[tuple[str, int], ...]
    """(resource class, amount), by class name."""


async def of_project(
    store: OpenStore, project_id: str, *, user_id: str | None = None
) -> tuple[TypeUsage, ...]:
    """Give the usage of a project, or of one user in it, by consumer type."""
    if user_id is None:
        rows = await store.ask_of_project(project_id, _OF_PROJECT, {"project": project_id})
    else:
        whose = {"project": project_id, "user": user_id}
        rows = await store.ask_of_project(project_id, _OF_USER, whose)
    counts: dict[str | None, int] = {}
    used: dict[str | None, list[tuple[str, int]]] = {}
    for type_name, class_name, amount in rows:
        name = None if type_name is None else str(type_name)
        if class_name is None:
            counts[name] = integer(amount)
        else:
            used.setdefault(name, []).append((str(class_name), integer(amount)))
    return tuple(
        TypeUsage(name, count, tuple(sorted(used.get(name, ())))) for name, count in counts.items()
    )


def _query(*, of_user: bool) -> Prepared:
    """Give the statement of (consumer type, resource class, sum); without a class: how many."""
    c, a = consumers.c, allocations.c
    whose = [c.project_id == bindparam("project")]
    if of_user:
        whose.append(c.user_id == bindparam("user"))
    # By ids first: names are needed of what is left, which is little.
    amount = cast(func.sum(a.used), BigInteger)
    sums = union_all(
        select(c.consumer_type_id, a.rc_id, amount.label("amount"))
        .join_from(consumers, allocations, a.consumer_id == c.id)
        .where(*whose)
        .group_by(c.consumer_type_id, a.rc_id),
        select(c.consumer_type_id, null(), func.count()).where(*whose).group_by(c.consumer_type_id),
    ).subquery()
    return Prepared(
        select(consumer_types.c.name, resource_classes.c.name, sums.c.amount)
        .select_from(sums)
        .outerjoin(consumer_types, consumer_types.c.id == sums.c.consumer_type_id)
        .outerjoin(resource_classes, resource_classes.c.id == sums.c.rc_id)
        .order_by(consumer_types.c.name)
    )


_OF_PROJECT: Final = _query(of_user=False)
_OF_USER: Final = _query(of_user=True)
