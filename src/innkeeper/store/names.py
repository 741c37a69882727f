"""Names that the store keeps as ids: resource classes, traits, consumer types.

A name cache belongs to one writer. It holds only what its transactions have seen
committed or written themselves, and is emptied whenever a rollback or a change could have made
it wrong. An op that is undone alone empties it only if the op changed names.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import os_resource_classes
import os_traits
from sqlalchemy import Connection, Table, insert, select

from innkeeper.core.errors import UnknownName
from innkeeper.core.names import is_custom
from innkeeper.store.tables import consumer_types, resource_classes, traits

_WHAT: Final = {
    "resource_classes": "resource class",
    "traits": "trait",
    "consumer_types": "consumer type",
}


class NameCache:
    """Ids by name of one table of names."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._ids: dict[str, int] = {}
        # Whether the open op may have changed the table.
        self._is_changed = False

    def clear(self) -> None:
        """Forget all, to be read anew: the table was changed."""
        self._ids.clear()
        self._is_changed = True

    def begin(self) -> None:
        """Begin an op, which may be undone by itself."""
        self._is_changed = False

    def undo(self) -> None:
        """Forget what is wrong now that the op is undone: nothing, if it changed nothing here."""
        if self._is_changed:
            self._ids.clear()

    def forget_custom(self) -> None:
        """Forget what others may rename or remove."""
        self._ids = {name: of for name, of in self._ids.items() if not is_custom(name)}

    def find(self, conn: Connection, name: str) -> int | None:
        """Give the id of ``name``, or None if there is no such name."""
        known = self._ids.get(name)
        if known is None:
            table = self._table
            known = conn.scalar(select(table.c.id).where(table.c.name == name))
            if known is not None:
                self._ids[name] = known
        return known

    def known(self) -> Iterable[tuple[str, int]]:
        """Give the (name, id) pairs that were looked up since the last ``clear``."""
        return self._ids.items()

    def get(self, conn: Connection, name: str) -> int:
        """Give the id of ``name``; raise UnknownName if there is no such name."""
        found = self.find(conn, name)
        if found is None:
            raise UnknownName(f"No such {_WHAT[self._table.name]} {name}.")
        return found


class Names:
    """The name caches of one writer."""

    def __init__(self) -> None:
        self.resource_classes = NameCache(resource_classes)
        self.traits = NameCache(traits)
        self.consumer_types = NameCache(consumer_types)
        self._all = (self.resource_classes, self.traits, self.consumer_types)

    def begin(self) -> None:
        """Begin an op, which may be undone by itself."""
        for each in self._all:
            each.begin()

    def undo(self) -> None:
        """Forget what is wrong now that the op is undone."""
        for each in self._all:
            each.undo()

    def forget_custom(self) -> None:
        """Forget what others may rename or remove: names that the standards do not have."""
        self.resource_classes.forget_custom()
        self.traits.forget_custom()

    def clear(self) -> None:
        """Forget all."""
        for each in self._all:
            each.clear()


def sync_standard_names(conn: Connection, now: datetime) -> None:
    """Add the standard resource classes and traits that the store does not know yet."""
    _add_missing(conn, resource_classes, names=os_resource_classes.STANDARDS, now=now)
    _add_missing(conn, traits, names=os_traits.get_traits(), now=now)


def _add_missing(conn: Connection, table: Table, *, names: Iterable[str], now: datetime) -> None:
    known = set(conn.scalars(select(table.c.name)))
    missing = [name for name in names if name not in known]
    if missing:
        conn.execute(
            insert(table),
            [{"name": name, "created_at": now, "updated_at": now} for name in missing],
        )
