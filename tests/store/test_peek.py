"""The follower's question, asked on PostgreSQL without a thread: no answer never means no news."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import psycopg
import pytest

from innkeeper.config import StoreSettings
from innkeeper.core.errors import Unavailable
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import Picture
from innkeeper.store.feed import FeedReader
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import DatabaseUrl, poll
from tests.store.conftest import World
from tests.store.sharing import Sharer, loaded, sharers

DEADLINE_S: Final = 60.0
WAITING: Final = (
    "SELECT pid FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    " AND query LIKE 'SELECT writers.id, writers.sequence%%FROM writers'"
)
"""Connections whose question waits for the answer."""

pytestmark = pytest.mark.slow


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Give a list that grows with every look that has the thread."""
    found: list[None] = []
    look = FeedReader.look

    def counted(self: FeedReader) -> Picture | None:
        found.append(None)
        return look(self)

    monkeypatch.setattr(FeedReader, "look", counted)
    return found


@asynccontextmanager
async def one_and_other(
    url: DatabaseUrl, settings: StoreSettings | None = None
) -> AsyncIterator[tuple[Sharer, Sharer]]:
    """Give two stores on a database; the second one asks only when it is told to."""
    async with sharers(url, 2, settings=settings) as (one, other):
        other.rest()
        yield one, other


@contextmanager
def unanswered(url: DatabaseUrl) -> Iterator[psycopg.Connection]:
    """Let no question be answered: give the connection that keeps it from that."""
    with psycopg.connect(
        host=url.host, port=url.port, user=url.user, dbname=url.name, autocommit=True
    ) as conn:
        conn.execute("BEGIN")
        conn.execute("LOCK TABLE writers IN ACCESS EXCLUSIVE MODE")
        yield conn
        conn.execute("ROLLBACK")


async def asked(url: DatabaseUrl) -> int:
    """Give the server's process that has a question and cannot answer it."""
    found: list[int] = []

    def look() -> bool:
        with url.server.connect() as conn:  # type: ignore[attr-defined]
            found.extend(pid for (pid,) in conn.execute(WAITING, (url.name,)))
        return bool(found)

    await asyncio.to_thread(poll, look, deadline_s=DEADLINE_S)
    return found[0]


async def test_where_nothing_is_new_the_thread_has_nothing_to_do(
    postgresql_url: DatabaseUrl, looks: list[None]
) -> None:
    async with one_and_other(postgresql_url) as (one, other):
        await other.store.fresh()
        host = await World(one.store).provider(Inventory("VCPU", 10))
        await other.store.fresh()
        assert other.index.row(host.rp_uuid) is not None
        await one.store.fresh()
        before = len(looks)
        for _ in range(20):
            await asyncio.gather(*(each.store.fresh() for each in (one, other) for _ in range(3)))
        assert len(looks) == before


@pytest.mark.parametrize("new", [True, False])
async def test_a_cut_before_the_answer(
    postgresql_url: DatabaseUrl, looks: list[None], *, new: bool
) -> None:
    async with one_and_other(postgresql_url) as (one, other):
        await other.store.fresh()
        if new:
            await World(one.store).provider(Inventory("VCPU", 10))
        before = len(looks)
        with unanswered(postgresql_url):
            fresh = asyncio.create_task(other.store.fresh())
            first = await asked(postgresql_url)
            with postgresql_url.server.connect() as conn:  # type: ignore[attr-defined]
                conn.execute("SELECT pg_terminate_backend(%s)", (first,))
            await asyncio.to_thread(poll, lambda: len(looks) > before, deadline_s=DEADLINE_S)
            assert not fresh.done()
        await fresh
        assert await other.shown() == loaded(other.store)


async def test_a_server_process_that_stands_still_is_left(postgresql_url: DatabaseUrl) -> None:
    settings = StoreSettings(statement_timeout_s=4.0)
    async with one_and_other(postgresql_url, settings) as (one, other):
        await other.store.fresh()
        with unanswered(postgresql_url):
            fresh = asyncio.create_task(other.store.fresh())
            still = await asked(postgresql_url)
            os.kill(still, signal.SIGSTOP)
        try:
            host = await World(one.store).provider(Inventory("VCPU", 10))
            await fresh
        finally:
            os.kill(still, signal.SIGCONT)
        assert other.index.row(host.rp_uuid) is not None


@pytest.mark.parametrize("how", [PostgreSQL.kill, PostgreSQL.pause])
async def test_a_primary_that_is_gone_has_nothing_to_say(
    postgresql_url: DatabaseUrl, how: Callable[[PostgreSQL], None]
) -> None:
    server = postgresql_url.server
    assert isinstance(server, PostgreSQL)
    settings = StoreSettings(statement_timeout_s=3.0, connect_timeout_s=5.0, reconnect_s=0.1)
    async with one_and_other(postgresql_url, settings) as (one, other):
        await other.store.fresh()
        how(server)
        try:
            with pytest.raises(Unavailable):
                await other.store.fresh()
        finally:
            server.resume() if how is PostgreSQL.pause else server.start()
        # It comes back to who asks for long enough.
        for sharer in (one, other):
            sharer.store._follower._reader._reconnect_s = DEADLINE_S  # type: ignore[union-attr]
        assert await other.shown() == loaded(other.store)
