"""A database of openstack-placement, read as records.

What is broken there (it refers to what does not exist) is left out here; ``broken`` finds it.
What is only incomplete is made whole: a provider without a name gets its uuid for one, a
consumer without a record, project or user gets the ids that Placement itself gives those.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    and_,
    func,
    literal,
    select,
)

from innkeeper.core.ids import canonical_uuid
from innkeeper.core.inventory import Inventory
from innkeeper.store.placement_db import tables
from innkeeper.store.placement_db.opening import revision
from innkeeper.store.placement_db.records import (
    Amount,
    HolderRecord,
    NameKind,
    NameRecord,
    ProviderRecord,
)

STREAMED: Final = 1_000
"""Rows fetched at a time from what is read in one go."""
LARGEST_RATIO: Final = 3.5e38
"""The largest number that their column can hold on every engine; more is no number at all."""
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""For what does not say when it was made."""

_p, _i, _a, _c = (
    tables.resource_providers.c,
    tables.inventories.c,
    tables.allocations.c,
    tables.consumers.c,
)
_class_name = tables.resource_classes.c.name

_Value = TypeVar("_Value")


def sound() -> ColumnElement[bool]:
    """Give the condition that the numbers of an inventory mean something."""
    return and_(_i.allocation_ratio.between(0, LARGEST_RATIO), _i.step_size >= 1)


def held() -> FromClause:
    """Give allocations with their class, inventory and provider, where they have all three."""
    return (
        tables.allocations.join(
            tables.inventories,
            and_(
                _i.resource_provider_id == _a.resource_provider_id,
                _i.resource_class_id == _a.resource_class_id,
                sound(),
            ),
        )
        .join(tables.resource_classes, tables.resource_classes.c.id == _a.resource_class_id)
        .join(tables.resource_providers, _p.id == _a.resource_provider_id)
    )


class Theirs:
    """One snapshot of a database of Placement. Ids of providers are its own."""

    def __init__(self, conn: Connection, *, incomplete_project: str, incomplete_user: str) -> None:
        """Read through ``conn``; the other two stand for what a consumer does not say."""
        self._conn = conn
        self._project = incomplete_project
        self._user = incomplete_user
        self._typed = revision(conn) not in tables.REVISIONS_WITHOUT_TYPES

    def names(self, kind: NameKind) -> list[NameRecord]:
        """Give all names of a kind, in the order of their ids."""
        if kind == "consumer_types" and not self._typed:
            return []
        table = tables.metadata.tables[kind]
        query = select(table.c.name, table.c.created_at, table.c.updated_at).order_by(table.c.id)
        return [NameRecord(name, *_moments(*of)) for name, *of in self._conn.execute(query)]

    def parents(self) -> dict[int, int | None]:
        """Give the parent of every provider, as the row has it."""
        rows = self._conn.execute(select(_p.id, _p.parent_provider_id))
        return {row.id: row.parent_provider_id for row in rows}

    def uuids(self, ids: Sequence[int]) -> dict[int, str]:
        """Give the uuids of these providers."""
        rows = self._conn.execute(select(_p.id, _p.uuid).where(_p.id.in_(ids)))
        return {row.id: canonical(row.uuid) for row in rows}

    def providers(self, ids: Sequence[int]) -> list[ProviderRecord]:
        """Give the providers with these ids, in this order."""
        query = select(tables.resource_providers).where(_p.id.in_(ids))
        rows = {row.id: row for row in self._conn.execute(query)}
        inventory_of = self._by_provider(
            select(
                _i.resource_provider_id,
                _class_name,
                *(_i.total, _i.reserved, _i.min_unit, _i.max_unit, _i.step_size),
                _i.allocation_ratio,
            )
            .join(tables.resource_classes, tables.resource_classes.c.id == _i.resource_class_id)
            .where(_i.resource_provider_id.in_(ids), sound()),
            lambda row: Inventory(*row[1:]),
        )
        traits_of, aggregates_of = self._marks(ids)
        return [
            ProviderRecord(
                row.id,
                canonical(row.uuid),
                canonical(row.uuid) if row.name is None else row.name,
                row.generation or 0,
                row.parent_provider_id,
                *_moments(row.created_at, row.updated_at),
                tuple(sorted(inventory_of[row.id], key=lambda each: each.resource_class)),
                tuple(sorted(set(traits_of[row.id]))),
                tuple(sorted(set(aggregates_of[row.id]))),
            )
            for row in (rows[rp_id] for rp_id in ids if rp_id in rows)
        ]

    def usages(self, ids: Sequence[int]) -> dict[tuple[int, str], int]:
        """Give the sums of allocations of these providers, by provider and class."""
        query = (
            select(_a.resource_provider_id, _class_name, func.sum(_a.used))
            .select_from(held())
            .where(_a.resource_provider_id.in_(ids))
            .group_by(_a.resource_provider_id, _class_name)
        )
        return {(rp_id, name): int(used) for rp_id, name, used in self._conn.execute(query)}

    def holders(self, after: str | None = None) -> Iterator[tuple[str, HolderRecord]]:
        """Give every consumer with what it holds, streamed, and the key to go on after it."""
        kind, types = self._kind()
        owner = (
            held()
            .outerjoin(tables.consumers, _c.uuid == _a.consumer_id)
            .outerjoin(tables.projects, tables.projects.c.id == _c.project_id)
            .outerjoin(tables.users, tables.users.c.id == _c.user_id)
        )
        query = (
            select(
                _a.consumer_id,
                func.coalesce(tables.projects.c.external_id, self._project),
                func.coalesce(tables.users.c.external_id, self._user),
                kind,
                func.coalesce(_c.generation, 0),
                *(_c.created_at, _c.updated_at, _a.created_at, _a.updated_at),
                *(_a.resource_provider_id, _class_name, _a.used),
            )
            .select_from(types(owner))
            .order_by(_a.consumer_id, _a.resource_provider_id, _a.resource_class_id)
        )
        if after is not None:
            query = query.where(_a.consumer_id > after)
        return _gathered(self._conn.execution_options(yield_per=STREAMED).execute(query))

    def counts(self) -> dict[str, int]:
        """Give how many there are of each thing that is moved."""
        each = (_a.consumer_id, _a.resource_provider_id, _a.resource_class_id)
        provider = tables.resource_providers
        marks = tables.provider_traits.join(tables.traits).join(provider)
        groups = tables.provider_aggregates.join(
            provider, _p.id == tables.provider_aggregates.c.resource_provider_id
        ).join(
            tables.aggregates,
            and_(
                tables.aggregates.c.id == tables.provider_aggregates.c.aggregate_id,
                tables.aggregates.c.uuid.is_not(None),
            ),
        )
        kinds = tables.inventories.join(provider, _p.id == _i.resource_provider_id).join(
            tables.resource_classes, tables.resource_classes.c.id == _i.resource_class_id
        )
        return {
            "resource providers": self._count(select(_p.id)),
            "inventories": self._count(select(_i.id).select_from(kinds).where(sound())),
            "traits of providers": self._count(
                select(tables.provider_traits.c.trait_id).select_from(marks)
            ),
            "aggregates of providers": self._count(
                select(tables.provider_aggregates.c.aggregate_id).select_from(groups)
            ),
            "consumers": self._count(select(_a.consumer_id).select_from(held()).distinct()),
            "allocations": self._count(select(*each).select_from(held()).distinct()),
        }

    def project_usages(self) -> dict[tuple[str, str, str, str], int]:
        """Give the sums of allocations by (project, user, consumer type, resource class)."""
        kind, types = self._kind()
        project = func.coalesce(tables.projects.c.external_id, self._project)
        user = func.coalesce(tables.users.c.external_id, self._user)
        owner = types(
            held()
            .outerjoin(tables.consumers, _c.uuid == _a.consumer_id)
            .outerjoin(tables.projects, tables.projects.c.id == _c.project_id)
            .outerjoin(tables.users, tables.users.c.id == _c.user_id)
        )
        grouped = (
            select(
                project.label("project"),
                user.label("user"),
                kind.label("kind"),
                _class_name.label("of"),
                _a.used.label("used"),
            )
            .select_from(owner)
            .subquery()
        )
        by = (grouped.c.project, grouped.c.user, grouped.c.kind, grouped.c.of)
        query = select(*by, func.sum(grouped.c.used)).group_by(*by)
        return {
            (project, user, kind or "unknown", of): int(used)
            for project, user, kind, of, used in self._conn.execute(query)
        }

    def _kind(self) -> tuple[ColumnElement[Any], Callable[[FromClause], FromClause]]:
        """Give the consumer type's name, and the join that it needs."""
        if not self._typed:
            return literal(None, String), lambda whole: whole
        types = tables.consumer_types
        return types.c.name, lambda whole: whole.outerjoin(types, types.c.id == _c.consumer_type_id)

    def _marks(
        self, ids: Sequence[int]
    ) -> tuple[defaultdict[int, list[str]], defaultdict[int, list[str]]]:
        """Give traits and aggregates of providers."""
        marks, groups = tables.provider_traits.c, tables.provider_aggregates.c
        traits_of = self._by_provider(
            select(marks.resource_provider_id, tables.traits.c.name)
            .join(tables.traits, tables.traits.c.id == marks.trait_id)
            .where(marks.resource_provider_id.in_(ids)),
            lambda row: str(row[1]),
        )
        aggregates_of = self._by_provider(
            select(groups.resource_provider_id, tables.aggregates.c.uuid)
            .join(tables.aggregates, tables.aggregates.c.id == groups.aggregate_id)
            .where(groups.resource_provider_id.in_(ids), tables.aggregates.c.uuid.is_not(None)),
            lambda row: canonical(row[1]),
        )
        return traits_of, aggregates_of

    def _by_provider(
        self, query: Select[Any], value: Callable[[Any], _Value]
    ) -> defaultdict[int, list[_Value]]:
        found: defaultdict[int, list[_Value]] = defaultdict(list)
        for row in self._conn.execute(query):
            found[row[0]].append(value(row))
        return found

    def _count(self, query: Select[Any]) -> int:
        return self._conn.scalar(select(func.count()).select_from(query.subquery())) or 0


def canonical(uuid: str) -> str:
    """Give the form in which we keep a uuid; what is none stays as it is."""
    return canonical_uuid(uuid) or uuid


def _gathered(rows: Iterator[Any]) -> Iterator[tuple[str, HolderRecord]]:
    """Put the rows of a consumer, which come one after another, into one record.

    A consumer's record was changed when its allocations were, at the latest.
    """
    key = ""
    head: HolderRecord | None = None
    moments: list[datetime] = []
    amounts: defaultdict[tuple[int, str], int] = defaultdict(int)
    for of, project, user, kind, generation, *dates, rp_id, name, used in rows:
        uuid = canonical(of)
        if head is None or head.uuid != uuid:
            if head is not None:
                yield key, _whole(head, moments, amounts)
            head = HolderRecord(uuid, project, user, kind, generation, LONG_AGO, LONG_AGO)
            moments = []
            amounts.clear()
        key = of
        moments.extend(date for date in dates if date is not None)
        amounts[rp_id, name] += used
    if head is not None:
        yield key, _whole(head, moments, amounts)


def _whole(
    head: HolderRecord, moments: Sequence[datetime], amounts: dict[tuple[int, str], int]
) -> HolderRecord:
    return replace(
        head,
        created_at=_aware(min(moments, default=LONG_AGO)),
        updated_at=_aware(max(moments, default=LONG_AGO)),
        amounts=tuple(sorted(Amount(*of, used) for of, used in amounts.items())),
    )


def _moments(created: datetime | None, updated: datetime | None) -> tuple[datetime, datetime]:
    """Give when a row was made and when it was last changed."""
    first = created or updated
    if first is None:
        return LONG_AGO, LONG_AGO
    return _aware(first), _aware(updated or first)


def _aware(moment: datetime) -> datetime:
    """Give a moment of theirs, which is in UTC and does not say so."""
    return moment.replace(tzinfo=UTC)
