"""Databases with the store's tables, used again and again: making them is what takes time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import create_engine, delete, update

from innkeeper.store.store import Store
from innkeeper.store.tables import metadata, resource_classes, resource_providers, traits
from tests.servers.server import DatabaseUrl, Server

ENGINES: Final = ("sqlite", "postgresql", "mariadb")

_FOREIGN_KEYS: Final = {
    "sqlite": ("PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys=ON"),
    "postgresql": ("SET session_replication_role = replica", "RESET session_replication_role"),
    "mariadb": ("SET foreign_key_checks = 0", "SET foreign_key_checks = 1"),
}


@contextmanager
def stored(server: Server) -> Iterator[DatabaseUrl]:
    """Give a database of ``server`` with the store's tables."""
    with server.database() as url:
        store = Store.open(url, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), writer_id="first")
        asyncio.run(store.close())
        yield url


def empty(url: DatabaseUrl) -> None:
    """Remove all that a store did not have when it was made."""
    url.server.start()
    url.server.cut(url.name)
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(update(resource_providers).values(parent_id=None))
        for table in reversed(metadata.sorted_tables):
            query = delete(table)
            if table in {resource_classes, traits}:
                query = query.where(table.c.name.startswith("CUSTOM_", autoescape=True))
            conn.execute(query)
    engine.dispose()


def spoil(store: Store, *statements: str) -> None:
    """Run statements that break what keys protect, past the store, which does nothing just then."""
    store._writer.close()
    with store._writer_engine.connect() as conn:
        off, on = _FOREIGN_KEYS[conn.dialect.name]
        cursor = conn.connection.cursor()
        for each in (off, *statements, on):
            cursor.execute(each)
        cursor.close()
        conn.connection.commit()
