"""Records written into our store: one op a chunk, after each of which all rules hold.

Every op moves the bookmark along with what it writes.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, bindparam, insert, select, update

from innkeeper.core.errors import DuplicateName
from innkeeper.core.ids import RpId
from innkeeper.store.chunks import chunks
from innkeeper.store.placement_db import bookmark as bookmarks
from innkeeper.store.placement_db.bookmark import Bookmark
from innkeeper.store.placement_db.records import (
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
from innkeeper.store.txn import Txn

PROVIDERS_A_CHUNK: Final = 500
"""As many as one IN list names; with all that is theirs about 5,000 rows."""
HOLDERS_A_CHUNK: Final = 1_000
"""Consumers of one transaction: some 3,000 rows, so that a kill costs less than a second."""

_TABLES: Final = {
    "resource_classes": resource_classes,
    "traits": traits,
    "consumer_types": consumer_types,
}
_p = resource_providers.c
_ROOT_TO_COME: Final = 0
"""What stands for the root of a root while its own id is not known yet."""


class Place(msgspec.Struct, frozen=True):
    """Where a provider of theirs is with us."""

    id: int
    root_id: int


def add_names(txn: Txn, names: Mapping[NameKind, Sequence[NameRecord]]) -> None:
    """Add the names that there are not yet; those that there are get the moments of theirs."""
    for kind, records in names.items():
        table = _TABLES[kind]
        known = set(txn.conn.scalars(select(table.c.name)))
        old = [_named(table, each) for each in records if each.name in known]
        if old and "created_at" in table.c:
            txn.conn.execute(
                update(table)
                .where(table.c.name == bindparam("of"))
                .values(created_at=bindparam("made"), updated_at=bindparam("changed")),
                [
                    {"of": each["name"], "made": each["created_at"], "changed": each["updated_at"]}
                    for each in old
                ],
            )
        new = [_named(table, each) for each in records if each.name not in known]
        if new:
            txn.conn.execute(insert(table), new)
    txn.names.clear()
    txn.resource_classes_changed()
    txn.traits_changed()


def add_providers(
    txn: Txn,
    records: Sequence[ProviderRecord],
    parents: Mapping[int, Place | None],
    *,
    bookmark: Bookmark,
) -> dict[int, Place]:
    """Add providers of one depth with all that is said of them; give where they are now.

    ``parents`` gives the place of each one's parent, None for a root.
    """
    txn.conn.execute(
        insert(resource_providers), [_provider(each, parents[each.id]) for each in records]
    )
    txn.conn.execute(
        update(resource_providers).where(_p.root_id == _ROOT_TO_COME).values(root_id=_p.id)
    )
    by_uuid = places(txn.conn, [each.uuid for each in records])
    found = {each.id: by_uuid[each.uuid] for each in records}
    rows: dict[Table, list[dict[str, object]]] = defaultdict(list)
    for each in records:
        rp_id = found[each.id].id
        rows[inventories].extend(
            {
                "rp_id": rp_id,
                "rc_id": txn.class_id(inventory.resource_class),
                "capacity": inventory.capacity,
                "used": 0,
                **{name: getattr(inventory, name) for name in inventory.__struct_fields__[1:]},
            }
            for inventory in each.inventories
        )
        rows[provider_traits].extend(
            {"rp_id": rp_id, "trait_id": txn.trait_id(name)} for name in each.traits
        )
        rows[provider_aggregates].extend(
            {"rp_id": rp_id, "aggregate_uuid": uuid} for uuid in each.aggregates
        )
        txn.provider_changed(RpId(rp_id))
    for table, values in rows.items():
        if values:
            txn.conn.execute(insert(table), values)
    bookmarks.put(txn, bookmark)
    return found


def add_holders(
    txn: Txn, records: Sequence[HolderRecord], places: Mapping[int, Place], *, bookmark: Bookmark
) -> None:
    """Add consumers with what they hold, and raise ``used`` by it. Capacity is not asked for."""
    _check_new(txn, records)
    txn.conn.execute(insert(consumers), [_consumer(txn, each) for each in records])
    ids = _consumer_ids(txn, [each.uuid for each in records])
    rows: list[dict[str, int]] = []
    used: defaultdict[tuple[int, int], int] = defaultdict(int)
    for each in records:
        for amount in each.amounts:
            rp_id, rc_id = places[amount.rp_id].id, txn.class_id(amount.resource_class)
            rows.append(
                {
                    "consumer_id": ids[each.uuid],
                    "rp_id": rp_id,
                    "rc_id": rc_id,
                    "used": amount.used,
                }
            )
            used[rp_id, rc_id] += amount.used
            txn.usage_changed(RpId(rp_id))
        txn.consumer_changed(each.uuid, project_id=each.project_id)
    txn.conn.execute(insert(allocations), rows)
    # In one order of rows, as all who lock several of them.
    txn.conn.execute(
        _USE, [{"of_rp": rp, "of_rc": rc, "more": more} for (rp, rc), more in sorted(used.items())]
    )
    bookmarks.put(txn, bookmark)


def places(conn: Connection, uuids: Collection[str]) -> dict[str, Place]:
    """Give where these providers are, by uuid."""
    found: dict[str, Place] = {}
    for chunk in chunks(uuids):
        query = select(_p.uuid, _p.id, _p.root_id).where(_p.uuid.in_(chunk))
        found.update((uuid, Place(rp_id, root_id)) for uuid, rp_id, root_id in conn.execute(query))
    return found


_USE: Final = (
    update(inventories)
    .where(inventories.c.rp_id == bindparam("of_rp"), inventories.c.rc_id == bindparam("of_rc"))
    .values(used=inventories.c.used + bindparam("more"))
)


def _named(table: Table, record: NameRecord) -> dict[str, Any]:
    values: dict[str, Any] = {"name": record.name}
    if "created_at" in table.c:
        values |= {"created_at": record.created_at, "updated_at": record.updated_at}
    return values


def _provider(record: ProviderRecord, parent: Place | None) -> dict[str, object]:
    return {
        "uuid": record.uuid,
        "name": record.name,
        "generation": record.generation,
        "root_id": _ROOT_TO_COME if parent is None else parent.root_id,
        "parent_id": None if parent is None else parent.id,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def _consumer(txn: Txn, record: HolderRecord) -> dict[str, object]:
    kind = record.consumer_type
    return {
        "uuid": record.uuid,
        "project_id": record.project_id,
        "user_id": record.user_id,
        "consumer_type_id": None if kind is None else txn.names.consumer_types.get(txn.conn, kind),
        "generation": record.generation,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def _check_new(txn: Txn, records: Sequence[HolderRecord]) -> None:
    """Raise DuplicateName if a consumer is there already, from another spelling of its uuid."""
    known = _consumer_ids(txn, [each.uuid for each in records])
    if known:
        raise DuplicateName(
            f"The source has allocations of the consumer {min(known)} under two spellings of its"
            " uuid. Make them one there, then run the import again with --restart."
        )


def _consumer_ids(txn: Txn, uuids: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks(uuids):
        query = select(consumers.c.uuid, consumers.c.id).where(consumers.c.uuid.in_(chunk))
        found.update((uuid, consumer_id) for uuid, consumer_id in txn.conn.execute(query))
    return found
