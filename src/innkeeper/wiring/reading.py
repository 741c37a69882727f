"""A site over a store that is only looked at: how a command reads a data directory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import msgspec

from innkeeper.api.asgi import App
from innkeeper.config import AuthSettings, Config
from innkeeper.store.read_only import ReadOnlyStore
from innkeeper.wiring.parts import make_parts, scheduler_settings

NEVER_S: Final = 1e9
"""Thirty years: a reader takes no cell for dead, as it could not write that down."""


@asynccontextmanager
async def reading(config: Config) -> AsyncIterator[App]:
    """Open the site of a data directory that no server runs on. Raises SetupError.

    Whoever may read the files needs no other leave.
    """
    store = ReadOnlyStore.look(config.database_url)
    try:
        parts = make_parts(
            msgspec.structs.replace(config, auth=AuthSettings()),
            store,
            scheduling=scheduler_settings(config),
            random=Random(0),
            is_ready=lambda: True,
            silent_s=NEVER_S,
        )
        await parts.watch.look()
        yield parts.app
    finally:
        await store.close()
