"""Use case: a database of openstack-placement is taken over.

The store must hold nothing else. Each step is one transaction of the store that moves a
bookmark along, so that whoever is killed goes on from there; the source is only read.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec

from innkeeper.core.errors import SetupError
from innkeeper.store.open_store import OpenStore
from innkeeper.store.placement_db import bookmark as bookmarks
from innkeeper.store.placement_db.bookmark import Bookmark
from innkeeper.store.placement_db.comparing import Comparison, compare, in_chunks
from innkeeper.store.placement_db.fill_ours import (
    HOLDERS_A_CHUNK,
    PROVIDERS_A_CHUNK,
    Place,
    add_holders,
    add_names,
    add_providers,
    places,
)
from innkeeper.store.placement_db.ours import Ours
from innkeeper.store.placement_db.records import NameKind
from innkeeper.store.placement_db.source import Source
from innkeeper.store.txn import Txn

Progress = Callable[[str, int, int], None]
"""Told (what, done, total) after each transaction."""

_KINDS: Final[tuple[NameKind, ...]] = ("resource_classes", "traits", "consumer_types")


async def move_in(
    store: OpenStore, source: Source, *, restart: bool, progress: Progress
) -> Comparison:
    """Import ``source``, or go on with it, and compare.

    ``restart`` removes first what an unfinished import wrote. Raises SetupError, saying what
    to do, if the store holds something else.
    """
    fingerprint = source.fingerprint()
    if restart:
        await _remove_unfinished(store)
    bookmark = store.read_now(bookmarks.read)
    if bookmark is None:
        store.read_now(bookmarks.check_empty)
        bookmark = Bookmark(source.name, fingerprint)
        await _begin(store, source, bookmark)
    _check_same(bookmark, source, fingerprint)
    if not bookmark.done:
        known = await _known(store, source, bookmark.providers)
        bookmark = await _providers(store, source, bookmark, known=known, progress=progress)
        bookmark = await _holders(store, source, bookmark, known=known, progress=progress)
        done = msgspec.structs.replace(bookmark, done=True)
        await store.write(lambda txn: bookmarks.put(txn, done))
    return compared(store, source, progress=progress)


def compared(store: OpenStore, source: Source, *, progress: Progress) -> Comparison:
    """Compare the store with a database of Placement; nothing is changed."""
    return store.read_now(
        lambda conn: compare(
            source.records,
            Ours(conn),
            source.forest,
            progress=lambda done, total: progress("compared", done, total),
        )
    )


async def _begin(store: OpenStore, source: Source, bookmark: Bookmark) -> None:
    names = {kind: source.records.names(kind) for kind in _KINDS}

    def begin(txn: Txn) -> None:
        add_names(txn, names)
        bookmarks.put(txn, bookmark)

    await store.write(begin)


async def _remove_unfinished(store: OpenStore) -> None:
    bookmark = store.read_now(bookmarks.read)
    if bookmark is None:
        return
    if bookmark.done:
        raise SetupError(
            f"The import from {bookmark.source} is done, and --restart removes unfinished ones"
            " only. Import into an empty store (--data-dir, --database-url)."
        )
    await store.write(bookmarks.remove_imported)


def _check_same(bookmark: Bookmark, source: Source, fingerprint: str) -> None:
    """Raise SetupError if the source is not what the import began with."""
    if bookmark.fingerprint == fingerprint:
        return
    if bookmark.done:
        raise SetupError(
            f"The store holds what was imported from {bookmark.source} before, and the database"
            f" {source.name} is not as that was then. Compare them with --compare-only, or import"
            " into an empty store (--data-dir, --database-url)."
        )
    raise SetupError(
        f"An import from {bookmark.source} is unfinished, and the database {source.name} is not as"
        " that was when it began: is openstack-placement still running on it? Stop it, and begin"
        " anew with --restart, which removes what the unfinished import wrote."
    )


async def _known(store: OpenStore, source: Source, count: int) -> dict[int, Place]:
    """Give where the first ``count`` providers are, which an earlier run wrote."""
    known: dict[int, Place] = {}
    for chunk in in_chunks(_ordered(source, 0, count), PROVIDERS_A_CHUNK):
        uuids = source.records.uuids(chunk)
        by_uuid = store.read_now(partial(places, uuids=uuids.values()))
        known.update((one, by_uuid[uuid]) for one, uuid in uuids.items())
    return known


async def _providers(
    store: OpenStore,
    source: Source,
    bookmark: Bookmark,
    *,
    known: dict[int, Place],
    progress: Progress,
) -> Bookmark:
    """Write the providers, a level of the trees at a time; fill ``known``."""
    total = len(source.forest.parents)
    for ids in _level_chunks(source, bookmark.providers):
        records = source.records.providers(ids)
        parents = {
            one: None if (parent := source.forest.parents[one]) is None else known[parent]
            for one in ids
        }
        bookmark = msgspec.structs.replace(bookmark, providers=bookmark.providers + len(ids))
        found = await store.write(
            partial(add_providers, records=records, parents=parents, bookmark=bookmark)
        )
        known.update(found)
        progress("resource providers", bookmark.providers, total)
    return bookmark


async def _holders(
    store: OpenStore,
    source: Source,
    bookmark: Bookmark,
    *,
    known: dict[int, Place],
    progress: Progress,
) -> Bookmark:
    """Write the consumers with their allocations, by the key that the source sorts by."""
    total = source.counts["allocations"]
    done = 0
    if bookmark.holder:
        done = store.read_now(lambda conn: Ours(conn).counts()["allocations"])
    for chunk in in_chunks(source.records.holders(bookmark.holder or None), HOLDERS_A_CHUNK):
        records = [record for _, record in chunk]
        bookmark = msgspec.structs.replace(bookmark, holder=chunk[-1][0])
        await store.write(partial(add_holders, records=records, places=known, bookmark=bookmark))
        done += sum(len(record.amounts) for record in records)
        progress("allocations", done, total)
    return bookmark


def _level_chunks(source: Source, start: int) -> Iterator[list[int]]:
    """Give the providers from position ``start`` on, in chunks that never mix two depths."""
    for level in source.forest.levels:
        yield from in_chunks(level[start:], PROVIDERS_A_CHUNK)
        start = max(0, start - len(level))


def _ordered(source: Source, start: int, stop: int) -> Iterator[int]:
    """Give the providers from position ``start`` to ``stop`` of the order in which they go."""
    position = 0
    for level in source.forest.levels:
        for one in level:
            if start <= position < stop:
                yield one
            position += 1
