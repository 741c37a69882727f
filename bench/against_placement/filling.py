"""A fast path into the databases: rows go in by the thousand, not through an API.

Innkeeper's stores get them from here; openstack-placement's database gets them from such a
store, by `innkeeper export placement`. No server may be running on what is filled.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Table, func, insert, select, update

from bench.against_placement.clouds import Cloud, Node
from bench.against_placement.requests import CLAIMED, CONSUMER_TYPE, USER, numbered_uuid, project
from innkeeper.config import StoreSettings
from innkeeper.core.moment import to_us
from innkeeper.store.dialects.backend import backend_of
from innkeeper.store.for_each import ForEach, insert_of
from innkeeper.store.prepared import Scalar
from innkeeper.store.store import Store
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
from innkeeper.store.timestamp import Timestamp

NODES_A_CHUNK: Final = 10_000
"""Nodes of one commit: a large cloud must not be one transaction."""
NODES_A_LINE: Final = 100_000
"""How often a large cloud is heard of."""
NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
EXPORT_S: Final = 600.0
STATEMENT_S: Final = 600.0
"""Longest statement while filling; servers keep their own limit."""

Row = dict[str, Scalar]
Say = Callable[[str], None]

_TABLES: Final = (
    resource_providers,
    inventories,
    provider_traits,
    provider_aggregates,
    consumers,
    allocations,
)


def _insert(table: Table) -> ForEach:
    """Give what inserts whole rows; points in time are whole numbers."""
    kinds = {
        each.name: int if isinstance(each.type, Timestamp) else each.type.python_type
        for each in table.columns
    }
    return ForEach(partial(insert_of, table), **kinds)


_INSERTS: Final = {table.name: _insert(table) for table in _TABLES}


def fill(url: str, cloud: Cloud, say: Say) -> None:
    """Make Innkeeper's schema at ``url`` and put the cloud there, telling how far it is."""
    asyncio.run(_make_schema(url))
    backend = backend_of(url, StoreSettings(statement_timeout_s=STATEMENT_S))
    engine = backend.open_writer()
    try:
        _put(engine, cloud, say)
        with engine.begin() as conn:
            _put_consumers(conn, cloud)
            _count_on(conn)
    finally:
        engine.dispose()
        backend.release()


async def _make_schema(url: str) -> None:
    store = Store.open(url, clock=lambda: NOW, writer_id="bench")
    store.start(lambda _picture: None)
    await store.close()


def _put(engine: Engine, cloud: Cloud, say: Say) -> None:
    with engine.begin() as conn:
        classes = _ids(conn, resource_classes)
        known = _ids(conn, traits)
    for chunk in _chunks(cloud.nodes()):
        with engine.begin() as conn:
            for name in {name for node in chunk for name in node.traits} - known.keys():
                row = {"name": name, "created_at": NOW, "updated_at": NOW}
                known[name] = conn.execute(
                    insert(traits).values(row).returning(traits.c.id)
                ).scalar_one()
            _execute(conn, resource_providers, map(_provider, chunk))
            _execute(conn, inventories, (row for node in chunk for row in _stock(node, classes)))
            _execute(
                conn,
                provider_traits,
                ({"rp_id": n.id, "trait_id": known[name]} for n in chunk for name in n.traits),
            )
            _execute(
                conn,
                provider_aggregates,
                ({"rp_id": n.id, "aggregate_uuid": one} for n in chunk for one in n.aggregates),
            )
        if chunk[-1].id % NODES_A_LINE == 0:
            say(f"filled in {chunk[-1].id:,} of {cloud.providers:,} providers")


def _put_consumers(conn: Connection, cloud: Cloud) -> None:
    """Put the consumers there that the cloud has from the start, one root after the other."""
    if not cloud.consumers:
        return
    classes = _ids(conn, resource_classes)
    kind = conn.execute(
        insert(consumer_types).values(name=CONSUMER_TYPE).returning(consumer_types.c.id)
    ).scalar_one()
    numbers = range(1, cloud.consumers + 1)
    roots = [1 + number % cloud.trees * cloud.tree_size for number in numbers]
    _execute(conn, consumers, (_consumer(number, kind) for number in numbers))
    _execute(
        conn,
        allocations,
        (
            {"consumer_id": number, "rp_id": root, "rc_id": classes[name], "used": amount}
            for number, root in zip(numbers, roots, strict=True)
            for name, amount in CLAIMED.items()
        ),
    )
    used = inventories.c
    for root, times in Counter(roots).items():
        for name, amount in CLAIMED.items():
            conn.execute(
                update(inventories)
                .where(used.rp_id == root, used.rc_id == classes[name])
                .values(used=amount * times)
            )


def _count_on(conn: Connection) -> None:
    """Let the ids that the database gives come after those that were given here."""
    if conn.dialect.name != "postgresql":  # The others see to it by themselves.
        return
    for table in (resource_providers, consumers):
        sequence = func.pg_get_serial_sequence(table.name, "id")
        conn.execute(select(func.setval(sequence, func.coalesce(func.max(table.c.id), 1))))


def _ids(conn: Connection, table: Table) -> dict[str, int]:
    return {name: one for one, name in conn.execute(select(table.c.id, table.c.name))}


def _chunks(nodes: Iterator[Node]) -> Iterator[list[Node]]:
    while chunk := list(islice(nodes, NODES_A_CHUNK)):
        yield chunk


def _execute(conn: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Insert rows by the bare driver, which a million of them need; times are microseconds."""
    names = table.columns.keys()
    listed = [tuple(row[name] for name in names) for row in rows]
    _INSERTS[table.name].send(conn, listed)


def _provider(node: Node) -> Row:
    return {
        "id": node.id,
        "uuid": node.uuid,
        "name": f"provider-{node.id}",
        "generation": 1,
        "root_id": node.root,
        "parent_id": node.parent,
        "created_at": to_us(NOW),
        "updated_at": to_us(NOW),
    }


def _consumer(number: int, kind: int) -> Row:
    return {
        "id": number,
        "uuid": numbered_uuid(number, of=0xC),
        "project_id": project(number),
        "user_id": USER,
        "consumer_type_id": kind,
        "generation": 1,
        "created_at": to_us(NOW),
        "updated_at": to_us(NOW),
    }


def _stock(node: Node, classes: dict[str, int]) -> Iterator[Row]:
    for each in node.inventories:
        yield {
            "rp_id": node.id,
            "rc_id": classes[each.resource_class],
            "total": each.total,
            "reserved": each.reserved,
            "min_unit": each.min_unit,
            "max_unit": each.max_unit,
            "step_size": each.step_size,
            "allocation_ratio": each.allocation_ratio,
            "capacity": each.capacity,
            "used": 0,
        }


def export(store_dir: Path, placement_url: str) -> None:
    """Give openstack-placement's database all that the SQLite store in ``store_dir`` holds."""
    environment = {name: text for name, text in os.environ.items() if name[:10] != "INNKEEPER_"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "innkeeper", "export", "placement", placement_url),
            *("--data-dir", str(store_dir)),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=EXPORT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the export failed:\n{done.stdout}{done.stderr}")
