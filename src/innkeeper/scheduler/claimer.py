"""The port through which chosen hosts are claimed; the conductor implements it."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from innkeeper.core.decision import Decision
from innkeeper.core.ids import InstanceUuid
from innkeeper.core.selection import Selection


class Placed(msgspec.Struct, frozen=True, gc=False):
    """One instance of a request, and where it goes."""

    instance: InstanceUuid
    selections: tuple[Selection, ...]
    """The first is what is claimed; the others are its alternates, best first."""
    decision: Decision


class Claimer(Protocol):
    """Claims the first selection of every instance in one transaction, durably, or none."""

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        """Return once all are claimed. Raises ClaimLost for the one that could not be.

        ``settle`` must be called on the loop's thread when the outcome is known, just before
        the index learns of it; calling it again does nothing.
        """
        ...
