"""Patience: how long, and how often, a database that has gone away is looked for again."""

import threading
import time
from typing import Final

FIRST_PAUSE_S: Final = 0.02
LONGEST_PAUSE_S: Final = 1.0
"""A database that comes back is noticed a second later at most."""


class Patience:
    """Waits, ever longer, until its time is up. Make one for each outage."""

    def __init__(self, limit_s: float, over: threading.Event) -> None:
        """Wait for ``limit_s`` seconds in all, or until ``over`` is set."""
        self._over = over
        self._pause_s = FIRST_PAUSE_S
        self._limit_s = limit_s
        self._deadline: float | None = None

    def wait(self) -> bool:
        """Wait a little; tell whether trying again is worth it."""
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._limit_s
        left_s = self._deadline - now
        if left_s <= 0 or self._over.wait(min(self._pause_s, left_s)):
            return False
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return True

    def renew(self) -> None:
        """Note that the database answers: the next outage is another one."""
        self._deadline, self._pause_s = None, FIRST_PAUSE_S
