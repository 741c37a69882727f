"""A site over a store without a server: how a command reads a data directory, or mends it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import msgspec

from innkeeper.api.http import App
from innkeeper.config import AuthSettings, Config
from innkeeper.core.errors import SetupError
from innkeeper.store.dialects.backend import is_embedded, shown
from innkeeper.store.open_store import OpenStore
from innkeeper.store.read_only import ReadOnlyStore, holds_anything
from innkeeper.wiring.parts import Parts, make_parts, open_store, scheduler_settings

NEVER_S: Final = 1e9
"""Thirty years: a reader takes no cell for dead, as it could not write that down."""


@asynccontextmanager
async def reading(config: Config) -> AsyncIterator[App]:
    """Open the site of a data directory that no server runs on. Raises SetupError.

    Whoever may read the files needs no other leave.
    """
    store = ReadOnlyStore.look(config.database_url, settings=config.store)
    try:
        parts = _parts(config, store)
        await parts.watch.look()
        yield parts.app
    finally:
        await store.close()


@asynccontextmanager
async def writing(config: Config) -> AsyncIterator[App]:
    """Open the site of a data directory for this process alone, to change what is there.

    Raises SetupError, as if a server were started: if one runs, for example.
    """
    store = open_store(config)
    try:
        parts = _parts(config, store)
        store.start(parts.index.apply)
        yield parts.app
        await parts.repairs.stop()
    finally:
        await store.close()


def _parts(config: Config, store: OpenStore) -> Parts:
    return make_parts(
        msgspec.structs.replace(config, auth=AuthSettings()),
        store,
        scheduling=scheduler_settings(config),
        random=Random(0),
        is_ready=lambda: True,
        silent_s=NEVER_S,
    )


def check_empty(config: Config) -> None:
    """Raise SetupError, saying what to do, if a database server's database holds anything.

    An embedded one is the business of its directory.
    """
    url = config.database_url
    if not is_embedded(url) and holds_anything(url, settings=config.store):
        raise SetupError(
            f"The database {shown(url)} holds something already, and a replay needs an empty one."
            " Name another with --database-url."
        )
