"""Facts about a store that an operator wants to know before an upgrade. Each only reads."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
import os_resource_classes
import os_traits
from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.engine import make_url

from innkeeper.store.tables import changes, consumers, resource_classes, traits


class NamesKept(msgspec.Struct, frozen=True):
    """Standard names: how many the store has, and those of this version that it lacks."""

    resource_classes: int
    traits: int
    missing: tuple[str, ...]


def shown(url: str) -> str:
    """Give a database URL as people may see it: without its password."""
    return make_url(url).render_as_string(hide_password=True)


def engine_settings(conn: Connection) -> dict[str, str]:
    """Give the name and version of the engine, and what of its settings durability hangs on."""
    dialect = conn.dialect
    version = ".".join(str(part) for part in dialect.server_version_info or ())
    found = {"engine": dialect.name, "version": version}
    if dialect.name == "sqlite":
        mode = conn.scalar(text("PRAGMA journal_mode"))
        found["journal_mode"] = str(mode).lower()
    return found


def standard_names(conn: Connection) -> NamesKept:
    """Give what the store has of the standard names that this version knows."""
    missing = (
        *_missing(conn, resource_classes, os_resource_classes.STANDARDS),
        *_missing(conn, traits, os_traits.get_traits()),
    )
    return NamesKept(_count(conn, resource_classes), _count(conn, traits), missing)


def incomplete_consumers(conn: Connection, project_id: str, user_id: str) -> int:
    """Count the consumers of which an old client did not say whose they are."""
    c = consumers.c
    query = select(func.count()).where((c.project_id == project_id) | (c.user_id == user_id))
    return conn.scalar(query) or 0


def newest_change(conn: Connection) -> datetime | None:
    """Give when the store was last changed; None if never."""
    newest: datetime | None = conn.scalar(select(func.max(changes.c.at)))
    return newest


def _missing(conn: Connection, table: Table, names: Iterable[str]) -> list[str]:
    return sorted(set(names) - set(conn.scalars(select(table.c.name))))


def _count(conn: Connection, table: Table) -> int:
    return conn.scalar(select(func.count()).select_from(table)) or 0
