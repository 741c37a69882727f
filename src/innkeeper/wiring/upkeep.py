"""Upkeep of a store without a server: which schema it has, and bringing it to the newest."""

from typing import Final

import msgspec

from innkeeper.config import Config
from innkeeper.core.errors import SetupError
from innkeeper.store import changes, facts, schema
from innkeeper.store.dialects.backend import backend_of
from innkeeper.store.facts import NamesKept
from innkeeper.store.read_only import ReadOnlyStore
from innkeeper.wiring.parts import open_store, share_store

NOTHING: Final = NamesKept(0, 0, ())


class Standing(msgspec.Struct, frozen=True):
    """The schema of a store beside that of this version."""

    database: str
    revision: str | None
    """None: there is no schema yet."""
    newest: str
    state: schema.Standing


class Synced(msgspec.Struct, frozen=True):
    """What `db sync` did."""

    database: str
    before: str | None
    after: str
    new_resource_classes: int
    new_traits: int


async def prepare_to_share(config: Config) -> None:
    """Make the store ready for several processes, if it is not yet.

    Raises SetupError: an engine that cannot be shared; a process that has it alone; or it must be
    made ready, and others share it already.
    """
    backend_of(config.database_url, config.store).check_shareable()
    if not _is_ready_to_share(config):
        store = open_store(config)
        await store.close()
    # Said once here, it need not be said by each worker.
    store = share_store(config)
    await store.close()


def _is_ready_to_share(config: Config) -> bool:
    try:
        store = ReadOnlyStore.look(config.database_url, any_schema=True, settings=config.store)
    except SetupError:
        # Opening it says what is wrong.
        return False
    try:
        _, state = store.read_now(schema.standing)
        return state == "newest" and store.read_now(changes.has_turn)
    finally:
        store.close_readers()


def standing(config: Config) -> Standing:
    """Give the schema's revision. Raises SetupError if there is no database or it is no such."""
    store = ReadOnlyStore.look(config.database_url, any_schema=True, settings=config.store)
    try:
        found, state = store.read_now(schema.standing)
    finally:
        store.close_readers()
    return Standing(facts.shown(config.database_url), found, schema.NEWEST, state)


async def sync(config: Config) -> Synced:
    """Make the store or bring it to the newest schema, with all standard names.

    Raises SetupError, changing nothing, if a server runs on it or its schema is newer.
    """
    before, names = _before(config)
    store = open_store(config)
    try:
        after = store.read_now(facts.standard_names)
    finally:
        await store.close()
    return Synced(
        facts.shown(config.database_url),
        before,
        schema.NEWEST,
        after.resource_classes - names.resource_classes,
        after.traits - names.traits,
    )


def _before(config: Config) -> tuple[str | None, NamesKept]:
    try:
        store = ReadOnlyStore.look(config.database_url, any_schema=True, settings=config.store)
    except SetupError:
        # There is none yet, or none that can be read: opening it says which.
        return None, NOTHING
    try:
        found, state = store.read_now(schema.standing)
        known = state in {"newest", "older"}
        return found, store.read_now(facts.standard_names) if known else NOTHING
    finally:
        store.close_readers()
