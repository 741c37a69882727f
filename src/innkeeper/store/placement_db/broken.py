"""What is wrong in a database of Placement: found by its own statements, before any is moved.

Broken is a row that refers to what does not exist; Innkeeper cannot hold it. Incomplete is what
can be made whole in one way only; that is done, and said.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, not_, or_, select

from innkeeper.store.placement_db import tables
from innkeeper.store.placement_db.forest import Forest
from innkeeper.store.placement_db.theirs import STREAMED, sound

EXAMPLES: Final = 5
"""Things of one kind that are shown: enough to find the others in the same way."""

_p, _i, _a, _c = (
    tables.resource_providers.c,
    tables.inventories.c,
    tables.allocations.c,
    tables.consumers.c,
)
_known_class = tables.resource_classes.c.id


class BrokenRow(msgspec.Struct, frozen=True):
    """One row that cannot be moved."""

    table: str
    why: str
    row: dict[str, Any]


class Incomplete(msgspec.Struct, frozen=True):
    """Things of one kind that are made whole while they are moved."""

    what: str
    count: int
    examples: tuple[str, ...]


def broken_rows(conn: Connection) -> Iterator[BrokenRow]:
    """Give every row that cannot be moved, streamed."""
    for table, query in (
        ("allocations", _allocations()),
        ("inventories", _inventories()),
        ("resource_provider_traits", _traits()),
        ("resource_provider_aggregates", _aggregates()),
    ):
        rows = conn.execution_options(yield_per=STREAMED).execute(query)
        for row in rows.mappings():
            values = dict(row)
            why = values.pop("why")
            yield BrokenRow(table, why, {name: _plain(value) for name, value in values.items()})


def incomplete(conn: Connection, forest: Forest) -> list[Incomplete]:
    """Give what is made whole, by kind; nothing for what there is none of."""
    missing = (
        select(_a.consumer_id)
        .outerjoin(tables.consumers, _c.uuid == _a.consumer_id)
        .where(_c.id.is_(None))
        .distinct()
    )
    idle = (
        select(_c.uuid)
        .outerjoin(tables.allocations, _a.consumer_id == _c.uuid)
        .where(_a.id.is_(None))
    )
    ownerless = (
        select(_c.uuid)
        .outerjoin(tables.projects, tables.projects.c.id == _c.project_id)
        .outerjoin(tables.users, tables.users.c.id == _c.user_id)
        .where(or_(tables.projects.c.id.is_(None), tables.users.c.id.is_(None)))
    )
    found = [
        _counted(conn, "consumers without a record, now of the incomplete project", missing),
        _counted(conn, "consumers without project or user, now of the incomplete ones", ownerless),
        _counted(conn, "consumers that hold nothing, left out", idle),
        _counted(
            conn, "providers without a name, now named by uuid", _providers(_p.name.is_(None))
        ),
        _roots(conn, forest),
        Incomplete(
            "providers whose parent is not there or is below them, now roots",
            len(forest.cut),
            tuple(f"id {each}" for each in forest.cut[:EXAMPLES]),
        ),
    ]
    return [each for each in found if each.count]


def _roots(conn: Connection, forest: Forest) -> Incomplete:
    """Find providers whose root is not what their parents say, most often NULL."""
    roots: dict[int, int] = {}
    for level in forest.levels:
        for one in level:
            parent = forest.parents[one]
            roots[one] = one if parent is None else roots[parent]
    wrong = [
        row.uuid
        for row in conn.execute(select(_p.id, _p.uuid, _p.root_provider_id))
        if row.root_provider_id != roots[row.id]
    ]
    return Incomplete(
        "providers without the right root, now that of their parents",
        len(wrong),
        tuple(wrong[:EXAMPLES]),
    )


def _allocations() -> Select[Any]:
    why = _why(
        (_p.id.is_(None), "there is no such resource provider"),
        (_known_class.is_(None), "there is no such resource class"),
        otherwise="the resource provider has no sound inventory of this resource class",
    )
    return (
        select(tables.allocations, _p.uuid, tables.resource_classes.c.name, why)
        .outerjoin(tables.resource_providers, _p.id == _a.resource_provider_id)
        .outerjoin(tables.resource_classes, _known_class == _a.resource_class_id)
        .outerjoin(
            tables.inventories,
            and_(
                _i.resource_provider_id == _a.resource_provider_id,
                _i.resource_class_id == _a.resource_class_id,
                sound(),
            ),
        )
        .where(or_(_p.id.is_(None), _known_class.is_(None), _i.id.is_(None)))
        .order_by(_a.id)
    )


def _inventories() -> Select[Any]:
    why = _why(
        (_p.id.is_(None), "there is no such resource provider"),
        (_known_class.is_(None), "there is no such resource class"),
        otherwise="its allocation_ratio or step_size means nothing",
    )
    return (
        select(tables.inventories, why)
        .outerjoin(tables.resource_providers, _p.id == _i.resource_provider_id)
        .outerjoin(tables.resource_classes, _known_class == _i.resource_class_id)
        .where(or_(_p.id.is_(None), _known_class.is_(None), not_(sound())))
        .order_by(_i.id)
    )


def _traits() -> Select[Any]:
    marks = tables.provider_traits
    why = _why(
        (_p.id.is_(None), "there is no such resource provider"), otherwise="there is no such trait"
    )
    return (
        select(marks, why)
        .outerjoin(tables.resource_providers, _p.id == marks.c.resource_provider_id)
        .outerjoin(tables.traits, tables.traits.c.id == marks.c.trait_id)
        .where(or_(_p.id.is_(None), tables.traits.c.id.is_(None)))
        .order_by(marks.c.trait_id, marks.c.resource_provider_id)
    )


def _aggregates() -> Select[Any]:
    marks = tables.provider_aggregates
    why = _why(
        (_p.id.is_(None), "there is no such resource provider"),
        otherwise="there is no such aggregate",
    )
    return (
        select(marks, why)
        .outerjoin(tables.resource_providers, _p.id == marks.c.resource_provider_id)
        .outerjoin(tables.aggregates, tables.aggregates.c.id == marks.c.aggregate_id)
        .where(or_(_p.id.is_(None), tables.aggregates.c.uuid.is_(None)))
        .order_by(marks.c.resource_provider_id, marks.c.aggregate_id)
    )


def _why(*reasons: tuple[ColumnElement[bool], str], otherwise: str) -> ColumnElement[str]:
    return case(*reasons, else_=otherwise).label("why")


def _providers(condition: ColumnElement[bool]) -> Select[Any]:
    return select(_p.uuid).where(condition)


def _counted(conn: Connection, what: str, query: Select[Any]) -> Incomplete:
    count = conn.scalar(select(func.count()).select_from(query.subquery())) or 0
    examples: Sequence[str] = list(conn.scalars(query.limit(EXAMPLES))) if count else ()
    return Incomplete(what, count, tuple(examples))


def _plain(value: object) -> object:
    """Give a value as JSON has it."""
    return value if value is None or isinstance(value, int | float | str) else str(value)
