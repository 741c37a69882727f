"""An instance and its decision as they are shown.

A command that asks a server imports this and no more of the API: it must stay light.
"""

from datetime import datetime

import msgspec

from innkeeper.api.native.links import Link
from innkeeper.api.native.selection_view import SelectionView
from innkeeper.core.decision import Decision
from innkeeper.core.instance import Attempt, Fault, Status, TaskState


class InstanceView(msgspec.Struct, frozen=True):
    """An instance as it is shown."""

    uuid: str
    name: str
    project_id: str
    user_id: str
    status: Status
    task_state: TaskState | None
    cell: str | None
    cell_up: bool
    """False: all that is said here is as it was last heard."""
    host: str | None
    attempt: int
    """Number of the build that is under way or was the last."""
    attempts: tuple[Attempt, ...]
    """Those that failed."""
    fault: Fault | None
    selection: SelectionView | None
    """What it holds."""
    alternates: int
    """How many untried alternates its cell still has for it."""
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    links: tuple[Link, ...]


class InstanceShown(msgspec.Struct, frozen=True):
    """One instance."""

    instance: InstanceView


class InstanceList(msgspec.Struct, frozen=True):
    """A page of instances, in the order of their creation."""

    instances: tuple[InstanceView, ...]
    links: tuple[Link, ...] = ()


class DecisionView(msgspec.Struct, frozen=True):
    """The record that scheduling an instance left."""

    instance: str
    why: str
    """In one sentence."""
    record: Decision
    links: tuple[Link, ...]


class DecisionShown(msgspec.Struct, frozen=True):
    """One decision."""

    decision: DecisionView
