"""What a list of instances is asked for, and where one of its pages begins."""

from datetime import datetime

import msgspec

from innkeeper.core.ids import CellName, HostName, InstanceUuid
from innkeeper.core.instance import Instance, Status


class InstanceFilter(msgspec.Struct, frozen=True):
    """All that is given must hold. Deleted instances are left out unless ``status`` asks."""

    status: Status | None = None
    host: HostName | None = None
    cell: CellName | None = None
    project_id: str | None = None
    name: str | None = None
    """A part of the name, in its case."""


class Marker(msgspec.Struct, frozen=True):
    """The last record of the page before: a place in the order, whether or not it is there."""

    created_at: datetime
    uuid: InstanceUuid


class InstancePage(msgspec.Struct, frozen=True):
    """A part of a list."""

    instances: tuple[Instance, ...]
    next: Marker | None
    """Where the next page begins; None if this one is the last."""
    down: frozenset[CellName] = frozenset()
    """Cells that are down: their instances are as they were last heard of."""
