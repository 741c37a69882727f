"""Instance: a workload with a place; its record lives in the one store of all cells."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from innkeeper.core.decision import Decision
from innkeeper.core.ids import CellName, HostName, InstanceUuid
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.selection import Selection

Status = Literal["BUILD", "ACTIVE", "ERROR", "DELETED"]
TaskState = Literal["building", "deleting"]

LIVE: Final[tuple[Status, ...]] = ("BUILD", "ACTIVE")
"""Statuses of instances that hold something."""


class Attempt(msgspec.Struct, frozen=True):
    """One try to build, or to claim an alternate, that failed."""

    number: int
    """From 1."""
    host: HostName
    reason: str


class Fault(msgspec.Struct, frozen=True):
    """Why an instance is in ERROR."""

    code: str
    message: str
    attempts: tuple[Attempt, ...] = ()


class Instance(msgspec.Struct, frozen=True):
    """An instance. ``selection`` is what it holds now; None once it holds nothing."""

    uuid: InstanceUuid
    name: str
    project_id: str
    user_id: str
    status: Status
    task_state: TaskState | None
    cell: CellName | None
    host: HostName | None
    spec: RequestSpec
    selection: Selection | None
    alternates: tuple[Selection, ...]
    """Untried ones, of the same cell, best first."""
    attempt: int
    """Number of the build that is under way or was the last; 0 before the first."""
    attempts: tuple[Attempt, ...]
    """Those that failed."""
    fault: Fault | None
    decision: Decision | None
    generation: int
    """Raised by every write of the record: what a compare-and-set compares."""
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
