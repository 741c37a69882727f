"""The checks before an upgrade, of everything that a configuration names.

They only read, and never stop at the first that fails, as an operator wants the whole list.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from innkeeper.config import Config
from innkeeper.core.check import Check
from innkeeper.core.errors import InnkeeperError
from innkeeper.store import facts
from innkeeper.store.checks import checks_of
from innkeeper.store.read_only import ReadOnlyStore
from innkeeper.wiring.access import make_access

MIN_FREE_BYTES: Final = 200 * 1024 * 1024
"""Less free space than this and the next checkpoint of a busy store may fail."""
COPIES_TO_UPGRADE: Final = 2
"""An upgrade may write a table anew, and its log: room for the database twice."""


def check_all(config: Config, *, now: datetime) -> tuple[Check, ...]:
    """Run every check on the store that ``config`` names."""
    return tuple(_checks(config, now))


def _checks(config: Config, now: datetime) -> Iterator[Check]:
    yield Check("Settings", "success", "every setting is known and fits")
    yield _access(config)
    try:
        store = ReadOnlyStore.look(config.database_url, any_schema=True, settings=config.store)
    except InnkeeperError as error:
        yield Check("Store is readable", "failure", error.detail)
        return
    try:
        yield Check("Store is readable", "success", facts.shown(config.database_url))
        yield from checks_of(store, config.placement, now=now)
    finally:
        store.close_readers()
    if config.store.url:
        yield Check("Disk space", "success", "not looked at: the database is elsewhere")
    else:
        yield _disk(config.data_path)


def _access(config: Config) -> Check:
    name = "Identity and policy"
    try:
        make_access(config)
    except InnkeeperError as error:
        return Check(name, "failure", error.detail)
    policy = config.auth.policy_file or "the defaults"
    return Check(name, "success", f"auth.strategy {config.auth.strategy}, policy: {policy}")


def _disk(directory: Path) -> Check:
    """Look at what is free for the database and its log."""
    size = sum(file.stat().st_size for file in directory.glob("*.db*") if file.is_file())
    free = shutil.disk_usage(directory).free
    detail = f"{free // 2**20:,} MiB free, the database has {size // 2**20:,} MiB"
    if free < MIN_FREE_BYTES:
        return Check("Disk space", "failure", detail, "Free some: writes are about to fail.")
    if free < COPIES_TO_UPGRADE * size:
        return Check("Disk space", "warning", detail, "An upgrade may need the size twice.")
    return Check("Disk space", "success", detail)
