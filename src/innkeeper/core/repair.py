"""Repair: what would be done about the findings of an audit, shown before any of it is."""

from datetime import timedelta
from typing import Final

import msgspec

ORPHAN_RULE: Final = "consumer_is_live"
"""The rule that only a list of live consumers can prove."""
MAX_ORPHAN_SHARE: Final = 0.5
"""Of the consumers looked at: if more than this are orphans, the list is likelier to be wrong."""
SETTLED_AFTER: Final = timedelta(minutes=10)
"""A consumer written later than this may be a build under way that no list has yet."""


class LiveConsumers(msgspec.Struct, frozen=True):
    """Which consumers are alive, by somebody who knows; the others that are looked at are not."""

    uuids: frozenset[str]
    consumer_type: str | None = None
    """Look only at consumers of this type; None: at all."""
    older_than: timedelta = SETTLED_AFTER
    """Look only at consumers that were not written since."""
    force: bool = False
    """Release them though they are more than MAX_ORPHAN_SHARE."""


class Step(msgspec.Struct, frozen=True):
    """One finding, and what would be done about it."""

    rule: str
    subject: str
    problem: str
    action: str
    """What a repair does; or, where it can do nothing, what a person should do."""
    fixable: bool


class Plan(msgspec.Struct, frozen=True):
    """All steps, in the order in which they are taken."""

    steps: tuple[Step, ...]
    held_back: str = ""
    """Why none of it may be done; "" if it may."""

    @property
    def todo(self) -> tuple[Step, ...]:
        """The steps that a repair takes."""
        return tuple(step for step in self.steps if step.fixable)
