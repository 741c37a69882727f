"""Records written into a database of openstack-placement, which must hold nothing yet.

The ids there are the database's own choice, but for those of resource classes, which mean
something: standard ones have the positions of their names in os-resource-classes.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import os_resource_classes
from sqlalchemy import Connection, Table, func, insert, inspect, select, update
from sqlalchemy.engine import URL

from innkeeper.core.errors import SetupError
from innkeeper.core.names import is_custom
from innkeeper.store.chunks import chunks
from innkeeper.store.placement_db import tables
from innkeeper.store.placement_db.fill_ours import Place
from innkeeper.store.placement_db.opening import revision, shown
from innkeeper.store.placement_db.records import (
    HolderRecord,
    NameKind,
    NameRecord,
    ProviderRecord,
)

_KEPT: Final = (tables.resource_classes, tables.traits)
"""A Placement that was started once on the database has put the standard names there."""


def make_ready(conn: Connection, url: URL) -> None:
    """Make the schema where there is none; raise SetupError unless the database is empty."""
    found = revision(conn)
    if found is None:
        strange = sorted(inspect(conn).get_table_names())
        if strange:
            raise SetupError(
                f"{shown(url)} holds tables of something else ({', '.join(strange[:3])}, ...)."
                " Export into an empty database."
            )
        tables.metadata.create_all(conn)
        conn.execute(insert(tables.alembic_version).values(version_num=tables.REVISION))
        return
    if found != tables.REVISION:
        raise SetupError(
            f"{shown(url)} has the schema {found}, and what is written is {tables.REVISION}. Bring"
            " it there with `placement-manage db sync`, or name an empty database."
        )
    for table in tables.metadata.sorted_tables:
        if table is not tables.alembic_version and _holds_something(conn, table):
            raise SetupError(
                f"{shown(url)} is not empty: it has rows in {table.name}. Export into an empty"
                " database; Innkeeper changes no other."
            )


def _holds_something(conn: Connection, table: Table) -> bool:
    if table in _KEPT:
        return any(is_custom(name) for name in conn.scalars(select(table.c.name)))
    return bool(conn.scalar(select(func.count()).select_from(table)))


class TheirNames:
    """Ids there of everything that has a name. What is new is added."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._ids: dict[str, dict[str, int]] = {}

    def id_of(self, table: Table, name: str) -> int:
        """Give the id of a name that was added."""
        return self._ids[table.name][name]

    def add_names(self, names: Mapping[NameKind, Sequence[NameRecord]]) -> None:
        """Add resource classes, traits and consumer types."""
        for kind, records in names.items():
            table = tables.metadata.tables[kind]
            known = self._known(table)
            new = [each for each in records if each.name not in known]
            rows = [{"name": each.name, **_made(each.created_at, each.updated_at)} for each in new]
            if kind == "resource_classes":
                taken = [*known.values(), len(os_resource_classes.STANDARDS) - 1]
                for row, class_id in zip(rows, _class_ids(new, taken), strict=True):
                    row["id"] = class_id
            if rows:
                self._conn.execute(insert(table), rows)
            self._ids[table.name] = self._known(table)

    def add_keys(self, table: Table, column: str, keys: Collection[str], *, made: datetime) -> None:
        """Add those of the projects, users or aggregates ``keys`` that are new."""
        ids = self._ids.setdefault(table.name, {})
        new = sorted(set(keys) - ids.keys())
        if not new:
            return
        self._conn.execute(insert(table), [{column: key, **_made(made, made)} for key in new])
        for chunk in chunks(new):
            query = select(table.c[column], table.c.id).where(table.c[column].in_(chunk))
            ids.update((key, key_id) for key, key_id in self._conn.execute(query))

    def _known(self, table: Table) -> dict[str, int]:
        query = select(table.c.name, table.c.id)
        return {row.name: row.id for row in self._conn.execute(query)}


def _class_ids(records: Sequence[NameRecord], taken: Sequence[int]) -> list[int]:
    """Give ids for new resource classes: custom ones from 10,000 on, standard ones below."""
    position = {name: at for at, name in enumerate(os_resource_classes.STANDARDS)}
    next_custom = max([tables.FIRST_CUSTOM_CLASS_ID - 1, *taken]) + 1
    next_standard = max(each for each in taken if each < tables.FIRST_CUSTOM_CLASS_ID) + 1
    ids: list[int] = []
    for record in records:
        if is_custom(record.name):
            ids.append(next_custom)
            next_custom += 1
        elif record.name in position:
            ids.append(position[record.name])
        else:
            # Standard in a release that is newer than what we know.
            ids.append(next_standard)
            next_standard += 1
    return ids


def add_providers(
    conn: Connection,
    names: TheirNames,
    records: Sequence[ProviderRecord],
    parents: Mapping[int, Place | None],
) -> dict[int, Place]:
    """Add providers of one depth with all that is said of them; give where they are there."""
    p = tables.resource_providers.c
    conn.execute(
        insert(tables.resource_providers),
        [_provider(each, parents[each.id]) for each in records],
    )
    conn.execute(
        update(tables.resource_providers)
        .where(p.root_provider_id.is_(None))
        .values(root_provider_id=p.id, updated_at=p.updated_at)
    )
    query = select(p.uuid, p.id, p.root_provider_id).where(
        p.uuid.in_([each.uuid for each in records])
    )
    by_uuid = {uuid: Place(rp_id, root_id) for uuid, rp_id, root_id in conn.execute(query)}
    found = {each.id: by_uuid[each.uuid] for each in records}
    _add_parts(conn, names, records, found)
    return found


def _add_parts(
    conn: Connection,
    names: TheirNames,
    records: Sequence[ProviderRecord],
    found: Mapping[int, Place],
) -> None:
    """Add inventories, traits and aggregates of providers."""
    inventories: list[dict[str, object]] = []
    traits: list[dict[str, object]] = []
    aggregates: list[dict[str, object]] = []
    for each in records:
        made = _made(each.updated_at, each.updated_at)
        of: dict[str, object] = {"resource_provider_id": found[each.id].id, **made}
        for inventory in each.inventories:
            values = {name: getattr(inventory, name) for name in inventory.__struct_fields__[1:]}
            class_id = names.id_of(tables.resource_classes, inventory.resource_class)
            inventories.append({**of, "resource_class_id": class_id, **values})
        traits.extend({**of, "trait_id": names.id_of(tables.traits, name)} for name in each.traits)
        names.add_keys(tables.aggregates, "uuid", each.aggregates, made=each.updated_at)
        aggregates.extend(
            {**of, "aggregate_id": names.id_of(tables.aggregates, uuid)} for uuid in each.aggregates
        )
    for table, rows in (
        (tables.inventories, inventories),
        (tables.provider_traits, traits),
        (tables.provider_aggregates, aggregates),
    ):
        if rows:
            conn.execute(insert(table), rows)


def add_holders(
    conn: Connection,
    names: TheirNames,
    records: Sequence[HolderRecord],
    places: Mapping[int, Place],
) -> None:
    """Add consumers with what they hold."""
    for table, keys in (
        (tables.projects, {each.project_id for each in records}),
        (tables.users, {each.user_id for each in records}),
    ):
        made = min(each.created_at for each in records)
        names.add_keys(table, "external_id", keys, made=made)
    conn.execute(insert(tables.consumers), [_consumer(names, each) for each in records])
    conn.execute(
        insert(tables.allocations),
        [
            {
                "consumer_id": each.uuid,
                "resource_provider_id": places[amount.rp_id].id,
                "resource_class_id": names.id_of(tables.resource_classes, amount.resource_class),
                "used": amount.used,
                **_made(each.updated_at, each.updated_at),
            }
            for each in records
            for amount in each.amounts
        ],
    )


def _provider(record: ProviderRecord, parent: Place | None) -> dict[str, object]:
    return {
        "uuid": record.uuid,
        "name": record.name,
        "generation": record.generation,
        "parent_provider_id": None if parent is None else parent.id,
        "root_provider_id": None if parent is None else parent.root_id,
        **_made(record.created_at, record.updated_at),
    }


def _consumer(names: TheirNames, record: HolderRecord) -> dict[str, object]:
    kind = record.consumer_type
    return {
        "uuid": record.uuid,
        "project_id": names.id_of(tables.projects, record.project_id),
        "user_id": names.id_of(tables.users, record.user_id),
        "generation": record.generation,
        "consumer_type_id": None if kind is None else names.id_of(tables.consumer_types, kind),
        **_made(record.created_at, record.updated_at),
    }


def _made(created: datetime, updated: datetime) -> dict[str, Any]:
    """Give their two moments, naive and in UTC."""
    return {
        "created_at": created.astimezone(UTC).replace(tzinfo=None),
        "updated_at": updated.astimezone(UTC).replace(tzinfo=None),
    }
