"""Databases of Placement as they are found: random ones, with all that their schema allows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import os_resource_classes
import os_traits
from sqlalchemy import Connection, Table, create_engine, insert

from innkeeper.store.placement_db import tables

START = datetime(2020, 1, 1)  # noqa: DTZ001 - theirs are naive
CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB", "PGPU", "CUSTOM_FPGA", "CUSTOM_LICENCE")
TRAITS = ("HW_CPU_X86_AVX2", "MISC_SHARES_VIA_AGGREGATE", "CUSTOM_GOLD", "CUSTOM_UNUSED")
TYPES = ("INSTANCE", "MIGRATION", "UNKNOWN_THING")
ODD = ("", "naïve ☃", 'it\'s "quoted"; --', "100 % _", "\\back", "  spaces  ", "NULL")


class Wild:
    """Rows of a Placement database, made up from a seed."""

    def __init__(self, seed: int, *, providers: int, consumers: int) -> None:
        self._random = Random(seed)
        self.rows: dict[Table, list[dict[str, Any]]] = {
            table: [] for table in tables.metadata.sorted_tables
        }
        self.rows[tables.alembic_version].append({"version_num": tables.REVISION})
        self._names()
        self._providers(providers)
        self._consumers(consumers)

    def uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def moments(self) -> dict[str, datetime | None]:
        made = START + timedelta(microseconds=self._random.randrange(10**14))
        changed = made + timedelta(seconds=self._random.randrange(10**6))
        return {"created_at": made, "updated_at": self._random.choice((None, changed))}

    def _add(self, table: Table, **values: Any) -> dict[str, Any]:
        row = {**self.moments(), **values}
        self.rows[table].append(row)
        return row

    def _names(self) -> None:
        for at, name in enumerate(os_resource_classes.STANDARDS):
            self._add(tables.resource_classes, id=at, name=name)
        for at, name in enumerate(CLASSES[4:]):
            self._add(tables.resource_classes, id=10_000 + at, name=name)
        for at, name in enumerate((*os_traits.get_traits(), *TRAITS[2:]), start=1):
            self._add(tables.traits, id=at, name=name)
        self.classes = {row["name"]: row["id"] for row in self.rows[tables.resource_classes]}
        self.traits = {row["name"]: row["id"] for row in self.rows[tables.traits]}
        for at, name in enumerate(TYPES, start=1):
            self._add(tables.consumer_types, id=at, name=name)
        for table in (tables.projects, tables.users):
            for at in range(1, 6):
                self._add(table, id=at, external_id=f"{table.name} {ODD[at]}")
        for at in range(1, 5):
            self._add(tables.aggregates, id=at, uuid=self.uuid())

    def _providers(self, count: int) -> None:
        pick = self._random
        ids = list(range(1, count + 1))
        # Parents are often younger than their children: providers can be moved.
        order = pick.sample(ids, count)
        roots: dict[int, int] = {}
        for at, rp_id in enumerate(order):
            parent = pick.choice(order[:at]) if at and pick.random() < 0.6 else None
            roots[rp_id] = rp_id if parent is None else roots[parent]
            self._add(
                tables.resource_providers,
                id=rp_id,
                uuid=self.uuid(),
                name=f"rp {rp_id} {pick.choice(ODD)}",
                generation=pick.randrange(1000),
                root_provider_id=roots[rp_id],
                parent_provider_id=parent,
            )
            self._parts(rp_id)
        self.rows[tables.resource_providers].sort(key=lambda row: int(row["id"]))

    def _parts(self, rp_id: int) -> None:
        pick = self._random
        for name in pick.sample(CLASSES, pick.randrange(4)):
            self._add(
                tables.inventories,
                resource_provider_id=rp_id,
                resource_class_id=self.classes[name],
                total=pick.randrange(1, 1000),
                reserved=pick.choice((0, 0, 1)),
                min_unit=1,
                max_unit=pick.choice((1, 64, 2**31 - 1)),
                step_size=pick.choice((1, 1, 4)),
                allocation_ratio=pick.choice((1.0, 1.5, 16.0, 0.1)),
            )
        for name in pick.sample(TRAITS[:3], pick.randrange(3)):
            self._add(
                tables.provider_traits, resource_provider_id=rp_id, trait_id=self.traits[name]
            )
        for aggregate in pick.sample(range(1, 4), pick.randrange(3)):
            self._add(
                tables.provider_aggregates, resource_provider_id=rp_id, aggregate_id=aggregate
            )

    def _consumers(self, count: int) -> None:
        pick = self._random
        owned = self.rows[tables.inventories]
        for at in range(1, count + 1):
            uuid = self.uuid()
            self._add(
                tables.consumers,
                id=at,
                uuid=uuid,
                project_id=pick.randrange(1, 6),
                user_id=pick.randrange(1, 6),
                generation=pick.randrange(1, 9),
                consumer_type_id=pick.choice((None, 1, 1, 2)),
            )
            for inventory in pick.sample(owned, min(len(owned), pick.randrange(1, 5))):
                self.hold(uuid, inventory, pick.randrange(1, 2000))

    def hold(self, uuid: str, inventory: dict[str, Any], used: int) -> None:
        """Give a consumer something, whether there is room or not."""
        self._add(
            tables.allocations,
            consumer_id=uuid,
            resource_provider_id=inventory["resource_provider_id"],
            resource_class_id=inventory["resource_class_id"],
            used=used,
        )


def write(conn: Connection, rows: dict[Table, list[dict[str, Any]]]) -> None:
    """Write the rows, parents of providers before their children."""
    for table in tables.metadata.sorted_tables:
        if table is not tables.resource_providers and rows.get(table):
            conn.execute(insert(table), rows[table])
        if table is tables.resource_providers and rows.get(table):
            bare = [{**row, "parent_provider_id": None} for row in rows[table]]
            own = [{**row, "root_provider_id": None} for row in bare]
            conn.execute(insert(table), own)
            for row in rows[table]:
                conn.execute(
                    table.update()
                    .where(table.c.id == row["id"])
                    .values({name: row[name] for name in row if name != "id"})
                )


def database(path: Path, wild: Wild) -> Path:
    """Make a SQLite database of these rows."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        tables.metadata.create_all(conn)
        write(conn, wild.rows)
    engine.dispose()
    return path


def ids(rows: Sequence[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]
