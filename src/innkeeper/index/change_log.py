"""What changed lately, so that what is kept of a thing can be repaired and not made anew."""

from collections import deque
from itertools import islice
from typing import Final

MAX_LOGGED: Final = 256
"""Changes remembered. A batch of 64 claims makes 192; whoever missed more looks at everything."""


class ChangeLog:
    """The latest changes, each the position of a host; ``count`` is how many there ever were."""

    __slots__ = ("_asked", "_latest", "_named", "count")

    def __init__(self) -> None:
        self.count = 0
        self._latest: deque[int] = deque(maxlen=MAX_LOGGED)
        self._asked = (0, 0)
        self._named: frozenset[int] = frozenset()

    def note(self, position: int) -> None:
        """Say that something of a host changed."""
        self.count += 1
        self._latest.append(position)

    def since(self, count: int) -> frozenset[int] | None:
        """Give the hosts that changed after so many changes; None: it is no longer known."""
        missed = self.count - count
        if missed > MAX_LOGGED:
            return None
        if self._asked != (count, self.count):  # Several who were up to date together ask alike.
            self._asked = (count, self.count)
            self._named = frozenset(islice(reversed(self._latest), missed))
        return self._named
