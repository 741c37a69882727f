"""The limits and times of conductors, each with its reason."""

from datetime import timedelta
from typing import Final

import msgspec


class ConductorSettings(msgspec.Struct, frozen=True):
    """How a cell's conductor works. Times are in seconds."""

    concurrency: int = 256
    """Tasks driven at once: as many writes as the store commits together."""
    poll_s: float = 1.0
    """Longest time that a due task waits when the hint was lost."""
    lease_s: float = 15.0
    """How long a conductor that died keeps its tasks; renewed each third of it."""
    beat_s: float = 3.0
    """How often the cell is noted as alive."""
    build_timeout_s: float = 60.0
    """How long an agent may take to build before an alternate is tried."""
    destroy_timeout_s: float = 30.0
    """How long an agent may take to destroy before it is asked again."""
    backoff_s: float = 1.0
    """Pause before a task that was put off is tried again; doubled each time."""
    max_backoff_s: float = 60.0
    """Longest such pause: a host that comes back is cleaned up within a minute."""

    @property
    def lease(self) -> timedelta:
        """How long a lease lasts."""
        return timedelta(seconds=self.lease_s)

    def pause(self, attempt: int) -> timedelta:
        """Give how long a task waits that has been put off ``attempt`` times before."""
        # Sixty-four doublings are past any limit, and no overflow.
        seconds = self.backoff_s * 2.0 ** min(attempt, 64)
        return timedelta(seconds=min(seconds, self.max_backoff_s))


CELL_SILENT_S: Final = 15.0
"""A cell whose conductors have not beaten for this long is down: five beats lost in a row."""
