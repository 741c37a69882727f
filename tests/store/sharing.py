"""Several stores on one database, each with an index that follows it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

from innkeeper.config import StoreSettings
from innkeeper.core.picture import Picture
from innkeeper.index.index import Index
from innkeeper.store.store import Store
from tests.store.conftest import Ticking


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Sharer:
    """A store that is shared, and the index that follows it."""

    def __init__(
        self, url: str, ids: "count[int]", clock: Clock, settings: StoreSettings | None
    ) -> None:
        self.store = Store.share(
            url, clock=clock, new_writer_id=lambda: f"writer-{next(ids)}", settings=settings
        )
        self.index = Index()
        self.wholes = 0
        self.index.apply(self.store.load())
        self.store.start(self._apply)

    def _apply(self, picture: Picture) -> None:
        self.wholes += picture.whole
        self.index.apply(picture)

    def rest(self) -> None:
        """Look at what others wrote only when somebody asks."""
        follower = self.store._follower
        assert follower is not None
        assert follower._poll is not None
        follower._poll.cancel()

    async def shown(self) -> object:
        await self.store.fresh()
        return everything(self.index)


def everything(index: Index) -> object:
    rows = {index.provider(row).uuid: row for row in index.rows().tolist()}
    return (
        {
            uuid: (
                index.provider(row),
                sorted(index.inventories(row), key=lambda each: each.inventory.resource_class),
                index.traits(row),
                index.aggregates(row),
                index.provider(index.root(row)).uuid,
            )
            for uuid, row in rows.items()
        },
        index.known_traits,
        index.resource_classes,
    )


def loaded(store: Store) -> object:
    index = Index()
    index.apply(super(Store, store).load())
    return everything(index)


@asynccontextmanager
async def sharers(
    url: str, number: int, clock: Clock | None = None, settings: StoreSettings | None = None
) -> AsyncIterator[list[Sharer]]:
    """Open ``number`` stores on a database, which may be empty."""
    alone = Store.open(url, clock=Ticking(), writer_id="alone")
    await alone.close()
    ids, clock = count(), clock or Clock()
    opened = [Sharer(url, ids, clock, settings) for _ in range(number)]
    try:
        yield opened
    finally:
        for each in opened:
            await each.store.close()
