"""A store in a directory of its own, and providers to put into it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import uvloop
from sqlalchemy import insert

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.claim import Claim
from innkeeper.core.ids import ConsumerUuid, HostName, RpId, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.picture import Picture
from innkeeper.store.store import Store
from innkeeper.store.tables import inventories, resource_providers
from innkeeper.store.txn import Txn
from tests.servers.server import DatabaseUrl, Server
from tests.store.databases import ENGINES, empty, stored


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Have tests run on the loop that servers run on."""
    return {"uvloop": uvloop.new_event_loop}


class Ticking:
    """A clock that gives a new moment, one second later, at each call."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def __call__(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(self._seconds))


class World:
    """A started store, the pictures it gave, and short ways to fill it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pictures: list[Picture] = []
        self._number = itertools.count(1)

    def uuid(self) -> str:
        return str(UUID(int=next(self._number)))

    async def provider(self, *inventory: Inventory, parent: RpId | None = None) -> Allocation:
        """Add a provider; give an allocation of nothing of it, which names it."""
        uuid = RpUuid(self.uuid())

        def add(txn: Txn) -> RpId:
            row = insert(resource_providers).values(
                uuid=uuid,
                name=f"provider {uuid}",
                generation=0,
                root_id=0,
                parent_id=parent,
                created_at=txn.now,
                updated_at=txn.now,
            )
            rp_id: RpId = txn.conn.execute(row).inserted_primary_key[0]
            root = rp_id
            if parent is not None:
                root = txn.conn.scalar(
                    resource_providers.select()
                    .with_only_columns(resource_providers.c.root_id)
                    .where(resource_providers.c.id == parent)
                )
            txn.conn.execute(
                resource_providers.update()
                .where(resource_providers.c.id == rp_id)
                .values(root_id=root)
            )
            for each in inventory:
                values = {name: getattr(each, name) for name in each.__struct_fields__[1:]}
                txn.conn.execute(
                    insert(inventories).values(
                        rp_id=rp_id,
                        rc_id=txn.class_id(each.resource_class),
                        capacity=each.capacity,
                        used=0,
                        **values,
                    )
                )
            txn.provider_changed(rp_id)
            return rp_id

        return Allocation(await self.store.write(add), uuid, "", 0)

    def claim(
        self, *wanted: tuple[Allocation, str, int], group: str | None = None, host: str = "h"
    ) -> Claim:
        """Make a claim of a new consumer for (provider, class, amount) each."""
        return Claim(
            Consumer(ConsumerUuid(self.uuid()), "project", "user", "INSTANCE"),
            HostName(host),
            allocations(wanted),
            group,
        )


def allocations(wanted: Iterable[tuple[Allocation, str, int]]) -> tuple[Allocation, ...]:
    return tuple(
        Allocation(provider.rp_id, provider.rp_uuid, name, amount)
        for provider, name, amount in wanted
    )


@pytest.fixture(scope="session")
def postgresql_store(postgresql_server: Server) -> Iterator[DatabaseUrl]:
    with stored(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_store(mariadb_server: Server) -> Iterator[DatabaseUrl]:
    with stored(mariadb_server) as url:
        yield url


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> str:
    """Give the URL of a store of each engine, with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path')}/innkeeper.db"
    url: DatabaseUrl = request.getfixturevalue(f"{request.param}_store")
    empty(url)
    return url


@pytest.fixture(params=ENGINES)
def new_database(request: pytest.FixtureRequest) -> str:
    """Give the URL of a database of each engine, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path')}/innkeeper.db"
    url: DatabaseUrl = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    store = Store.open(database, clock=Ticking(), writer_id="writer-1")
    world = World(store)
    store.start(world.pictures.append)
    yield world
    await store.close()
