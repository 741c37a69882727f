"""Task: a piece of durable work, written in the same transaction as what causes it."""

from datetime import datetime
from typing import Literal

import msgspec

from innkeeper.core.ids import CellName

TaskKind = Literal["build", "delete", "destroy"]
"""build and delete drive the instance that ``key`` names; destroy removes a leftover guest."""


class Task(msgspec.Struct, frozen=True):
    """A task as the store has it. There is one of each kind and key.

    It is due once ``run_at`` is past. A conductor that takes it puts ``run_at`` off to the end
    of its lease; if that conductor dies, the task becomes due again by itself.
    """

    id: int
    kind: TaskKind
    key: str
    cell: CellName
    state: Literal["ready", "taken", "waiting"]
    """waiting: tried and put off."""
    attempt: int
    """How often it was put off."""
    run_at: datetime
    lease_owner: str | None
    lease_expires_at: datetime | None
    body: bytes = b""
    """For destroy: the instance and its leftover."""
