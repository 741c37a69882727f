"""The checks of a store before an upgrade: each looks at one thing and says what to do about it.

They only read, beside a running server or without one.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from innkeeper.config import PlacementSettings
from innkeeper.core.check import Check
from innkeeper.core.errors import InnkeeperError
from innkeeper.store import facts, schema
from innkeeper.store.audit import audit
from innkeeper.store.open_store import OpenStore

SOUND_SQLITE: Final = (3, 51, 3)
"""Before this release SQLite could corrupt a database in WAL mode."""
CLOCK_SLACK: Final = timedelta(seconds=60)
"""How far the clocks of machines that served the store one after the other may differ."""
MAX_NAMED: Final = 3
"""Names listed in one line; the rest is a number."""

BOOKS: Final = {
    "used_equals_allocations": "Usage equals allocations",
    "capacity_is_computed": "Capacity is computed",
    "tree_is_whole": "Root provider ids",
    "allocation_has_owner": "Consumers and their allocations",
}
"""Rules of the audit that are quick, and their names in the table."""


def checks_of(store: OpenStore, placement: PlacementSettings, *, now: datetime) -> Iterator[Check]:
    """Give the checks of an open store of any schema, one after the other."""
    version = _guarded(store, "Schema version", _schema)
    yield version
    yield _guarded(store, "Database engine", _engine)
    if version.result == "failure":
        return
    for rule, name in BOOKS.items():
        yield _guarded(store, name, partial(_book, name=name, rule=rule))
    yield _guarded(store, "Incomplete consumers", partial(_incomplete, ids=placement))
    yield _guarded(store, "Standard traits and classes", _names)
    yield _guarded(store, "Clock", partial(_clock, now=now))


def _guarded(store: OpenStore, name: str, check: Callable[[Connection], Check]) -> Check:
    try:
        return store.read_now(check)
    except InnkeeperError as error:
        return Check(name, "failure", error.detail, "Restore a backup if the file is damaged.")


def _schema(conn: Connection) -> Check:
    name = "Schema version"
    found, state = schema.standing(conn)
    match state:
        case "newest":
            return Check(name, "success", f"{found}, the newest")
        case "older":
            return Check(
                name,
                "warning",
                f"{found}; this version has {schema.NEWEST}",
                "Back the database up, then run `innkeeper db sync`; a server does it at start.",
            )
        case "empty":
            return Check(name, "failure", "there are no tables", "Run `innkeeper db sync`.")
        case "newer":
            return Check(
                name,
                "failure",
                f"{found} is newer than this version knows ({schema.NEWEST})",
                "Use the newer version of Innkeeper, or restore a backup of before the upgrade.",
            )


def _engine(conn: Connection) -> Check:
    name = "Database engine"
    found = facts.engine_settings(conn)
    detail = ", ".join(f"{key} {value}" for key, value in found.items() if key != "engine")
    detail = f"{found['engine']}: {detail}"
    if found["engine"] != "sqlite":
        return Check(name, "success", detail)
    if tuple(int(part) for part in found["version"].split(".")) < SOUND_SQLITE:
        return Check(name, "failure", detail, "Install pysqlite3 0.6.1 or newer.")
    if found["journal_mode"] != "wal":
        return Check(
            name,
            "warning",
            detail,
            "Another program changed the journal mode; a server sets it back to WAL at start.",
        )
    return Check(name, "success", f"{detail}; synchronous is FULL while a server writes")


def _book(conn: Connection, *, name: str, rule: str) -> Check:
    findings = audit(conn, rules=(rule,)).findings
    if not findings:
        return Check(name, "success")
    first = f"{findings[0].subject} {findings[0].detail}"
    return Check(
        name,
        "failure" if rule != "allocation_has_owner" else "warning",
        f"{len(findings)} wrong; the first: {first}",
        "Run `innkeeper audit --fix` to see what would mend it.",
    )


def _incomplete(conn: Connection, *, ids: PlacementSettings) -> Check:
    name = "Incomplete consumers"
    count = facts.incomplete_consumers(
        conn, ids.incomplete_consumer_project_id, ids.incomplete_consumer_user_id
    )
    if not count:
        return Check(name, "success")
    return Check(
        name,
        "warning",
        f"{count} have no project or user: a client older than 1.8 wrote them",
        "Their usage counts for no project until their clients write them again.",
    )


def _names(conn: Connection) -> Check:
    name = "Standard traits and classes"
    found = facts.standard_names(conn)
    if not found.missing:
        return Check(name, "success", f"{found.traits} traits, {found.resource_classes} classes")
    named = ", ".join(found.missing[:MAX_NAMED])
    return Check(
        name,
        "warning",
        f"the store lacks {len(found.missing)} that this version knows: {named}, ...",
        "Run `innkeeper db sync`; a server adds them at start.",
    )


def _clock(conn: Connection, *, now: datetime) -> Check:
    newest = facts.newest_change(conn)
    if newest is None or newest <= now + CLOCK_SLACK:
        return Check("Clock", "success")
    return Check(
        "Clock",
        "warning",
        f"the store was changed at {newest:%Y-%m-%d %H:%M:%S}Z, which is {newest - now} ahead",
        "Set this machine's clock by NTP before a server starts here: leases and ages hang on it.",
    )
