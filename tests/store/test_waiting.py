"""A write waits for the server, and the loop goes on meanwhile: who is waited for may be on it."""

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg
import pytest
from sqlalchemy import text

from innkeeper.core.inventory import Inventory
from innkeeper.store.store import Store
from innkeeper.store.txn import Txn
from tests.servers.server import DatabaseUrl
from tests.store.conftest import Ticking, World
from tests.store.databases import empty

LOCK: Final = 4711
PATIENCE_S: Final = 60.0
WAITING: Final = "SELECT count(*) FROM pg_locks WHERE objid = %s AND NOT granted"

pytestmark = pytest.mark.slow


def by_pipeline(txn: Txn) -> None:
    txn.cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
    txn.cursor.fetchall()


def by_sqlalchemy(txn: Txn) -> None:
    txn.conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


@pytest.mark.parametrize("wait", [by_pipeline, by_sqlalchemy])
async def test_the_loop_lets_go_of_what_a_write_waits_for(
    postgresql_store: DatabaseUrl, wait: Callable[[Txn], None]
) -> None:
    empty(postgresql_store)
    store = Store.open(postgresql_store, clock=Ticking(), writer_id="writer-1")
    world = World(store)
    store.start(world.pictures.append)
    # The first transaction opens the connection.
    await world.provider(Inventory("VCPU", 1))
    with psycopg.connect(
        host=postgresql_store.host,
        port=postgresql_store.port,
        user=postgresql_store.user,
        dbname=postgresql_store.name,
        autocommit=True,
    ) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        writing = asyncio.ensure_future(store.write(wait))
        async with asyncio.timeout(PATIENCE_S):
            # Only the server knows.
            while other.execute(WAITING, (LOCK,)).fetchone() != (1,):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not writing.done()
        other.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
        await writing
    await store.close()
