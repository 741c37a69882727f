"""Looks of a follower on PostgreSQL: few trips, and rows by their keys."""

import re
import threading
from functools import partial

import pytest
from sqlalchemy import create_engine

from innkeeper.config import StoreSettings
from innkeeper.core.inventory import Inventory
from innkeeper.store import changes, claims, pictures, schema
from innkeeper.store.dialects.backend import backend_of
from innkeeper.store.feed import NEAR
from tests.servers.server import DatabaseUrl
from tests.store.conftest import World
from tests.store.databases import empty
from tests.store.sharing import loaded, sharers
from tests.store.trips import trips

pytestmark = pytest.mark.slow


async def test_a_look_after_a_claim_is_two_trips(
    postgresql_store: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(postgresql_store)
    async with sharers(postgresql_store, 1) as (one,):
        world = World(one.store)
        host = await world.provider(Inventory("VCPU", 10))
        one.rest()
        made = trips(monkeypatch)
        for _ in range(2):
            made.clear()
            await one.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 1))))
        assert [of for of, _ in made] == ["write", "look", "look"]


@pytest.mark.parametrize("analyzed", [False, True])
def test_changes_are_found_by_key_however_few_there_are(
    postgresql_store: DatabaseUrl, *, analyzed: bool
) -> None:
    empty(postgresql_store)
    made = create_engine(postgresql_store, isolation_level="AUTOCOMMIT")
    schema.upgrade(made)
    with made.connect() as conn:
        if analyzed:
            conn.exec_driver_sql("VACUUM ANALYZE changes")
    made.dispose()
    engine = backend_of(postgresql_store, StoreSettings()).open_follower()
    rows = """json_to_recordset('[{"writer": "w", "number": 1}]')"""
    try:
        with engine.connect() as conn:
            sql = changes._CHANGES._for(conn.dialect, strict=False)._sql  # type: ignore[union-attr]
            sql = sql.replace("json_to_recordset(%(rows)s::JSON)", rows)
            plan = "\n".join(conn.exec_driver_sql(f"EXPLAIN {sql}").scalars())
            # Straight, or by a bitmap: as the server's statistics are.
            assert re.search("Index Scan (using|on) changes_pkey", plan), plan
            assert "Seq Scan" not in plan, plan
    finally:
        engine.dispose()


@pytest.mark.parametrize("behind", [0, NEAR + 1])
async def test_what_takes_long_does_not_keep_the_loop(
    postgresql_store: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    threads: list[threading.Thread] = []
    name = "asked" if behind else "whole"
    read = getattr(pictures, name)

    def known(*given: object) -> object:
        threads.append(threading.current_thread())
        return read(*given)

    empty(postgresql_store)
    async with sharers(postgresql_store, 2) as (one, other):
        world = World(other.store)
        one.rest()
        await one.store.fresh()
        for _ in range(behind):
            await world.provider(Inventory("VCPU", 10))
        if not behind:
            assert one.store._follower is not None
            one.store._follower._reader.forget()
        monkeypatch.setattr(pictures, name, known)
        assert await one.shown() == loaded(one.store)
    assert threads[0] is not threading.main_thread()
