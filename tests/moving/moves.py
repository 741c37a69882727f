"""Moving in and out inside this process, and all that a database holds, to be compared."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from innkeeper.core.picture import Picture
from innkeeper.placement.move_in import move_in
from innkeeper.store.placement_db.comparing import Comparison
from innkeeper.store.placement_db.ours import Ours
from innkeeper.store.placement_db.source import Source, opened
from innkeeper.store.placement_db.target import fill
from innkeeper.store.placement_db.theirs import Theirs
from innkeeper.store.read_only import ReadOnlyStore
from innkeeper.store.store import Store

NOBODY = "00000000-0000-0000-0000-000000000000"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def quiet(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def ignore(_picture: Picture) -> None:
    """Follow nothing."""


@contextmanager
def source(url: object) -> Iterator[Source]:
    with opened(str(url), incomplete_project=NOBODY, incomplete_user=NOBODY) as found:
        yield found


def moved_in(
    url: object,
    store_url: str,
    *,
    restart: bool = False,
    progress: Callable[[str, int, int], None] = quiet,
) -> Comparison:
    """Import, as the command does."""

    async def move(found: Source) -> Comparison:
        store = Store.open(store_url, clock=lambda: NOW, writer_id="test")
        try:
            store.start(ignore)
            return await move_in(store, found, restart=restart, progress=progress)
        finally:
            await store.close()

    with source(url) as found:
        return asyncio.run(move(found))


def moved_out(store_url: str, url: object) -> None:
    """Export, as the command does."""
    store = ReadOnlyStore.look(store_url)
    store.read_now(lambda conn: fill(str(url), Ours(conn), progress=quiet))
    store.close_readers()


def theirs(url: object) -> dict[str, Any]:
    """Give all that a database of Placement holds."""
    with source(url) as found:
        return everything(found.records, [record for _, record in found.records.holders()])


def ours(store_url: str) -> dict[str, Any]:
    """Give all that a store of ours holds of what is moved."""

    def read(conn: Any) -> dict[str, Any]:
        records = Ours(conn)
        return everything(records, list(records.holders()))

    store = ReadOnlyStore.look(store_url)
    try:
        return store.read_now(read)
    finally:
        store.close_readers()


def everything(records: Theirs | Ours, holders: list[Any]) -> dict[str, Any]:
    """Give everything by name, without the ids of either side."""
    found = {each.id: each for each in records.providers(sorted(records.parents()))}
    uuids: dict[int | None, str | None] = {each.id: each.uuid for each in found.values()}
    uuids[None] = None
    return {
        "resource_classes": {each.name: each for each in records.names("resource_classes")},
        "traits": {each.name: each for each in records.names("traits")},
        "providers": {
            each.uuid: (
                *(each.name, each.generation, uuids[each.parent_id]),
                *(each.created_at, each.updated_at),
                *(each.inventories, each.traits, each.aggregates),
            )
            for each in found.values()
        },
        "consumers": {
            each.uuid: (
                *(each.project_id, each.user_id, each.consumer_type, each.generation),
                *(each.created_at, each.updated_at),
                sorted((uuids[one.rp_id], one.resource_class, one.used) for one in each.amounts),
            )
            for each in holders
        },
    }


def store_at(path: Path) -> str:
    """Give the URL of a store in ``path``."""
    return f"sqlite:///{path}/innkeeper.db"
