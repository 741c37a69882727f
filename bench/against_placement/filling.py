"""A fast path into the databases: rows go in by the thousand, not through an API.

Innkeeper's stores get them from here; openstack-placement's database gets them from such a
store, by `innkeeper export placement`. No server may be running on what is filled.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, insert, select, text

from bench.against_placement.clouds import Cloud, Node
from innkeeper.config import StoreSettings
from innkeeper.store.dialects.backend import backend_of
from innkeeper.store.store import Store
from innkeeper.store.tables import (
    inventories,
    provider_aggregates,
    provider_traits,
    resource_classes,
    resource_providers,
    traits,
)

NODES_A_CHUNK: Final = 5_000
NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
EXPORT_S: Final = 600.0
STATEMENT_S: Final = 600.0
"""Longest statement while filling; servers keep their own limit."""

Row = dict[str, Any]


def fill(url: str, cloud: Cloud) -> None:
    """Make Innkeeper's schema at ``url`` and put the cloud there."""
    asyncio.run(_make_schema(url))
    backend = backend_of(url, StoreSettings(statement_timeout_s=STATEMENT_S))
    engine = backend.open_writer()
    try:
        with engine.begin() as conn:
            _put(conn, cloud)
    finally:
        engine.dispose()
        backend.release()


async def _make_schema(url: str) -> None:
    store = Store.open(url, clock=lambda: NOW, writer_id="bench")
    store.start(lambda _picture: None)
    await store.close()


def _put(conn: Connection, cloud: Cloud) -> None:
    classes: dict[str, int] = {
        name: one
        for one, name in conn.execute(select(resource_classes.c.id, resource_classes.c.name))
    }
    known: dict[str, int] = {
        name: one for one, name in conn.execute(select(traits.c.id, traits.c.name))
    }
    for chunk in _chunks(cloud.nodes()):
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
    if conn.dialect.name == "postgresql":
        # Ids were given here; the next one that the database gives must come after them.
        sequence = "pg_get_serial_sequence('resource_providers', 'id')"
        conn.execute(text(f"SELECT setval({sequence}, {cloud.providers})"))


def _chunks(nodes: Iterator[Node]) -> Iterator[list[Node]]:
    while chunk := list(islice(nodes, NODES_A_CHUNK)):
        yield chunk


def _execute(conn: Connection, table: Table, rows: Iterable[Row]) -> None:
    listed = list(rows)
    if listed:
        conn.execute(insert(table), listed)


def _provider(node: Node) -> Row:
    return {
        "id": node.id,
        "uuid": node.uuid,
        "name": f"provider-{node.id}",
        "generation": 1,
        "root_id": node.root,
        "parent_id": node.parent,
        "created_at": NOW,
        "updated_at": NOW,
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
