"""The bookmark of an import: how far it came, moved by the same transaction as what it tells of.

It is a row in ``tasks``, in no cell, so that no conductor takes it. It stays when the import is
done, to say so to whoever imports the same database again.
"""

import hashlib
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from innkeeper.core.errors import SetupError
from innkeeper.store.placement_db import tables as theirs
from innkeeper.store.placement_db.opening import revision
from innkeeper.store.tables import (
    allocations,
    consumer_types,
    consumers,
    hosts,
    instances,
    inventories,
    provider_aggregates,
    provider_traits,
    resource_classes,
    resource_providers,
    tasks,
    traits,
)
from innkeeper.store.txn import Txn

KIND: Final = "import"
KEY: Final = "placement"
NO_CELL: Final = ""

_mine = (tasks.c.kind == KIND, tasks.c.key == KEY)


class Bookmark(msgspec.Struct, frozen=True):
    """How far an import came."""

    source: str
    """The database's URL without its password, for people."""
    fingerprint: str
    """Of what was in the source when the import began."""
    providers: int = 0
    """Providers written; their order follows from the source alone."""
    holder: str = ""
    """Key of the last consumer written; empty: none."""
    done: bool = False


_decoder: Final[msgspec.msgpack.Decoder[Bookmark]] = msgspec.msgpack.Decoder(Bookmark)
_encoder: Final = msgspec.msgpack.Encoder()


def read(conn: Connection) -> Bookmark | None:
    """Give the bookmark; None if nothing was ever imported."""
    body = conn.scalar(select(tasks.c.body).where(*_mine))
    return None if body is None else _decoder.decode(body)


def put(txn: Txn, bookmark: Bookmark) -> None:
    """Put the bookmark to where it says."""
    body = _encoder.encode(bookmark)
    if txn.conn.execute(update(tasks).where(*_mine).values(body=body)).rowcount:
        return
    txn.conn.execute(
        insert(tasks).values(
            kind=KIND,
            key=KEY,
            cell=NO_CELL,
            state="waiting",
            attempt=0,
            run_at=txn.now,
            body=body,
        )
    )


def check_finished(conn: Connection) -> None:
    """Raise SetupError if an import is unfinished: nobody should be served half a cloud."""
    found = read(conn)
    if found is not None and not found.done:
        raise SetupError(
            f"The import from {found.source} is unfinished. Run `innkeeper import placement` again:"
            " it goes on where it was."
        )


def check_empty(conn: Connection) -> None:
    """Raise SetupError, saying what to do, if the store holds anything that an import brings."""
    for table in (resource_providers, consumers, hosts, instances):
        count = conn.scalar(select(func.count()).select_from(table))
        if count:
            raise SetupError(
                f"The store holds {count} {table.name.replace('_', ' ')} already, and an import"
                " mixes with nothing. Import into an empty store (--data-dir, --database-url)."
            )


def remove_imported(txn: Txn) -> None:
    """Remove what an unfinished import wrote, and its bookmark."""
    for rp_id in txn.conn.scalars(select(resource_providers.c.id)):
        txn.provider_removed(rp_id)
    for table in (
        allocations,
        consumers,
        consumer_types,
        inventories,
        provider_aggregates,
        provider_traits,
    ):
        txn.conn.execute(delete(table))
    # Children first, whatever the engine thinks of rows that refer to each other.
    txn.conn.execute(update(resource_providers).values(parent_id=None))
    txn.conn.execute(delete(resource_providers))
    for names in (resource_classes, traits):
        txn.conn.execute(delete(names).where(names.c.name.startswith("CUSTOM_", autoescape=True)))
    txn.names.clear()
    txn.resource_classes_changed()
    txn.traits_changed()
    txn.conn.execute(delete(tasks).where(*_mine))


def fingerprint(conn: Connection) -> str:
    """Give what changes whenever anything in a database of Placement does.

    Each write there raises a generation, a count, an id or a moment.
    """
    version = revision(conn)
    seen: list[object] = [version]
    for name, table in sorted(theirs.metadata.tables.items()):
        if name == "alembic_version":
            continue
        if name == "consumer_types" and version in theirs.REVISIONS_WITHOUT_TYPES:
            continue
        c = table.c
        wanted = [func.count(), func.max(c.created_at), func.max(c.updated_at)]
        wanted.extend(func.max(c[each]) for each in ("id",) if each in c)
        wanted.extend(func.sum(c[each]) for each in ("generation", "used") if each in c)
        row = conn.execute(select(*wanted).select_from(table)).one()
        seen.append([name, *map(str, row)])
    return hashlib.sha256(repr(seen).encode()).hexdigest()
