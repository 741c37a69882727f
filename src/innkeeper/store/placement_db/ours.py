"""Our store, read as records.

These statements share nothing with those that wrote it, so that a comparison proves something.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, TypeVar

from msgspec.structs import replace
from sqlalchemy import Connection, Select, func, select

from innkeeper.core.inventory import Inventory
from innkeeper.store.chunks import chunks
from innkeeper.store.placement_db.records import (
    Amount,
    HolderRecord,
    NameKind,
    NameRecord,
    ProviderRecord,
)
from innkeeper.store.tables import (
    allocations,
    consumer_types,
    consumers,
    inventories,
    provider_aggregates,
    provider_traits,
    resource_classes,
    resource_providers,
    traits,
)

STREAMED: Final = 1_000
"""Rows fetched at a time from what is read in one go."""

_TABLES: Final = {
    "resource_classes": resource_classes,
    "traits": traits,
}
_p, _i, _a, _c = resource_providers.c, inventories.c, allocations.c, consumers.c

_Value = TypeVar("_Value")


class Ours:
    """One snapshot of a store of ours. Ids of providers are those of the store."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def names(self, kind: NameKind) -> list[NameRecord]:
        """Give all names of a kind, in the order of their ids."""
        if kind == "consumer_types":
            return self._types()
        table = _TABLES[kind]
        query = select(table.c.name, table.c.created_at, table.c.updated_at).order_by(table.c.id)
        return [NameRecord(*row) for row in self._conn.execute(query)]

    def parents(self) -> dict[int, int | None]:
        """Give the parent of every provider."""
        return {row.id: row.parent_id for row in self._conn.execute(select(_p.id, _p.parent_id))}

    def providers(self, ids: Sequence[int]) -> list[ProviderRecord]:
        """Give the providers with these ids, in this order."""
        query = select(resource_providers).where(_p.id.in_(ids))
        rows = {row.id: row for row in self._conn.execute(query)}
        inventory_of = self._by_provider(
            select(
                _i.rp_id,
                resource_classes.c.name,
                *(_i.total, _i.reserved, _i.min_unit, _i.max_unit, _i.step_size),
                _i.allocation_ratio,
            )
            .join(resource_classes, resource_classes.c.id == _i.rc_id)
            .where(_i.rp_id.in_(ids)),
            lambda row: Inventory(*row[1:]),
        )
        traits_of = self._by_provider(
            select(provider_traits.c.rp_id, traits.c.name)
            .join(traits, traits.c.id == provider_traits.c.trait_id)
            .where(provider_traits.c.rp_id.in_(ids)),
            lambda row: str(row[1]),
        )
        aggregates_of = self._by_provider(
            select(provider_aggregates).where(provider_aggregates.c.rp_id.in_(ids)),
            lambda row: str(row[1]),
        )
        return [
            ProviderRecord(
                row.id,
                row.uuid,
                row.name,
                row.generation,
                row.parent_id,
                row.created_at,
                row.updated_at,
                tuple(sorted(inventory_of[row.id], key=lambda each: each.resource_class)),
                tuple(sorted(traits_of[row.id])),
                tuple(sorted(aggregates_of[row.id])),
            )
            for row in (rows[rp_id] for rp_id in ids if rp_id in rows)
        ]

    def usages(self, ids: Sequence[int]) -> dict[tuple[int, str], int]:
        """Give the sums of allocations of these providers, by provider and class."""
        query = (
            select(_a.rp_id, resource_classes.c.name, func.sum(_a.used))
            .join(resource_classes, resource_classes.c.id == _a.rc_id)
            .where(_a.rp_id.in_(ids))
            .group_by(_a.rp_id, resource_classes.c.name)
        )
        return {(rp_id, name): int(used) for rp_id, name, used in self._conn.execute(query)}

    def used(self, ids: Sequence[int]) -> dict[tuple[int, str], int]:
        """Give what the inventories of these providers say is used, where it is anything."""
        query = (
            select(_i.rp_id, resource_classes.c.name, _i.used)
            .join(resource_classes, resource_classes.c.id == _i.rc_id)
            .where(_i.rp_id.in_(ids), _i.used != 0)
        )
        return {(rp_id, name): used for rp_id, name, used in self._conn.execute(query)}

    def ids_of(self, uuids: Collection[str]) -> dict[str, int]:
        """Give the ids of those of the providers ``uuids`` that there are."""
        found: dict[str, int] = {}
        for chunk in chunks(uuids):
            query = select(_p.uuid, _p.id).where(_p.uuid.in_(chunk))
            found.update((row.uuid, row.id) for row in self._conn.execute(query))
        return found

    def holders(self) -> Iterator[HolderRecord]:
        """Give every consumer with what it holds, streamed, by the consumer's id."""
        query = _holding().order_by(_c.id, _a.rp_id, _a.rc_id)
        rows = self._conn.execution_options(yield_per=STREAMED).execute(query)
        return _gathered(rows)

    def holders_named(self, uuids: Collection[str]) -> dict[str, HolderRecord]:
        """Give those of the consumers ``uuids`` that there are."""
        found: dict[str, HolderRecord] = {}
        for chunk in chunks(uuids):
            query = _holding().where(_c.uuid.in_(chunk)).order_by(_c.id, _a.rp_id, _a.rc_id)
            found.update((one.uuid, one) for one in _gathered(self._conn.execute(query)))
        return found

    def counts(self) -> dict[str, int]:
        """Give how many rows there are of each thing that is moved."""
        counted = {
            "resource providers": resource_providers,
            "inventories": inventories,
            "traits of providers": provider_traits,
            "aggregates of providers": provider_aggregates,
            "consumers": consumers,
            "allocations": allocations,
        }
        return {
            what: int(self._conn.scalar(select(func.count()).select_from(table)) or 0)
            for what, table in counted.items()
        }

    def project_usages(self) -> dict[tuple[str, str, str, str], int]:
        """Give the sums of allocations by (project, user, consumer type, resource class)."""
        name = consumer_types.c.name
        query = (
            select(_c.project_id, _c.user_id, name, resource_classes.c.name, func.sum(_a.used))
            .select_from(allocations)
            .join(consumers, _c.id == _a.consumer_id)
            .join(resource_classes, resource_classes.c.id == _a.rc_id)
            .outerjoin(consumer_types, consumer_types.c.id == _c.consumer_type_id)
            .group_by(_c.project_id, _c.user_id, name, resource_classes.c.name)
        )
        return {
            (project, user, kind or "unknown", of): int(used)
            for project, user, kind, of, used in self._conn.execute(query)
        }

    def _types(self) -> list[NameRecord]:
        """Give the consumer types; as they have no moments of their own, their consumers'."""
        query = (
            select(consumer_types.c.name, func.min(_c.created_at), func.min(_c.created_at))
            .join(consumers, _c.consumer_type_id == consumer_types.c.id)
            .group_by(consumer_types.c.id, consumer_types.c.name)
            .order_by(consumer_types.c.id)
        )
        return [NameRecord(*row) for row in self._conn.execute(query)]

    def _by_provider(
        self, query: Select[Any], value: Callable[[Any], _Value]
    ) -> defaultdict[int, list[_Value]]:
        found: defaultdict[int, list[_Value]] = defaultdict(list)
        for row in self._conn.execute(query):
            found[row[0]].append(value(row))
        return found


def _holding() -> Select[Any]:
    return (
        select(
            *(_c.uuid, _c.project_id, _c.user_id, consumer_types.c.name, _c.generation),
            *(_c.created_at, _c.updated_at),
            *(_a.rp_id, resource_classes.c.name, _a.used),
        )
        .select_from(consumers)
        .join(allocations, _a.consumer_id == _c.id)
        .join(resource_classes, resource_classes.c.id == _a.rc_id)
        .outerjoin(consumer_types, consumer_types.c.id == _c.consumer_type_id)
    )


def _gathered(rows: Iterator[Any]) -> Iterator[HolderRecord]:
    """Put the rows of a consumer, which come one after another, into one record."""
    head: HolderRecord | None = None
    amounts: list[Amount] = []
    for uuid, *of, rp_id, name, used in rows:
        if head is None or head.uuid != uuid:
            if head is not None:
                yield replace(head, amounts=tuple(sorted(amounts)))
            head = HolderRecord(uuid, *of)
            amounts = []
        amounts.append(Amount(rp_id, name, used))
    if head is not None:
        yield replace(head, amounts=tuple(sorted(amounts)))
