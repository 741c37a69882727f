"""Ways: which nodes of a tree serve the needs of a plan, found once for all trees alike.

The description of a tree says all that the rules can ask of it. So what was found in one is
right for each tree of that description, in later searches too, whatever else has changed.
"""

from typing import Final

import msgspec

MAX_KEPT_WAYS: Final = 4_096
"""Ways that a plan keeps for its next search, at some 100 bytes each. Beyond it all are dropped:
those that are asked for again will be found again."""

Way = tuple[int, ...]
"""For each need the number of the node that serves it."""


class Ways(msgspec.Struct):
    """The ways of trees of one description, as far as any search has come."""

    found: list[Way] = []
    complete: bool = False
    """Whether there are no others."""


class KnownWays:
    """The ways that a plan knows, by what tells its trees apart."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[object, Ways] = {}

    def of(self, key: object) -> Ways:
        """Give what is known of trees of one kind, to be added to."""
        return self._by_key.setdefault(key, Ways())

    def trim(self) -> None:
        """Forget all if it is too much."""
        if sum(len(ways.found) for ways in self._by_key.values()) > MAX_KEPT_WAYS:
            self._by_key.clear()
