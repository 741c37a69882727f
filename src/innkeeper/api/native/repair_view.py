"""A repair as it is shown.

A command that asks a server imports this and no more of the API: it must stay light.
"""

from datetime import datetime
from typing import Literal

import msgspec

from innkeeper.api.native.links import Link
from innkeeper.core.repair import Step


class RepairView(msgspec.Struct, frozen=True):
    """A repair as it is shown."""

    id: str
    state: Literal["planned", "applying", "done", "failed"]
    planned_at: datetime
    steps: tuple[Step, ...]
    held_back: str
    """Why it may not be done; "" if it may."""
    done: int
    """Steps taken."""
    failure: str
    links: tuple[Link, ...]


class RepairShown(msgspec.Struct, frozen=True):
    """One repair."""

    repair: RepairView
