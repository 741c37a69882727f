"""What every use case of placement works with."""

import time
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Final

import msgspec

from innkeeper.index.index import Index
from innkeeper.store.open_store import OpenStore

SEARCH_DEADLINE_S: Final = 5.0
"""After this a search without a limit gives what it has found, as a limit would: eight groups
of one device each on 200 hosts have eight million candidates, and the loop serves others too."""
INCOMPLETE_ID: Final = "00000000-0000-0000-0000-000000000000"
"""Project and user of a consumer that was written without them, up to 1.7."""


def unheard(_outcome: str) -> None:
    """Take no note of an outcome."""


class Searching(msgspec.Struct, frozen=True):
    """What bounds a search for candidates, and how its answer is ordered."""

    limit: int | None = None
    """Most candidates that any request finds; None: no limit."""
    deadline_s: float = SEARCH_DEADLINE_S
    clock_s: Callable[[], float] = time.monotonic
    """Where the deadline is read: a clock that is never set."""
    tally: Callable[[str], None] = unheard
    """Told how each search ended: found, none, deadline, or kept: it was not made again."""
    shuffle: Random | None = None
    """Where the order of candidates is drawn from; None: the order in which they are found."""


class Incomplete(msgspec.Struct, frozen=True):
    """Whom a consumer belongs to that an old client wrote without saying it."""

    project_id: str = INCOMPLETE_ID
    user_id: str = INCOMPLETE_ID


class Placement(msgspec.Struct, frozen=True):
    """The store, its picture in memory, and where time and new uuids come from."""

    store: OpenStore
    index: Index
    clock: Callable[[], datetime]
    new_uuid: Callable[[], str]
    searching: Searching = Searching()
    incomplete: Incomplete = Incomplete()
