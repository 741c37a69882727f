"""Refusals: the builds that an agent will not carry out, however late they arrive.

A build that failed, or that was destroyed, is over for good: a message that comes twice or
late must not bring the guest up after its conductor went on to another host.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Final

import msgspec

from innkeeper.compute.journal import Journal
from innkeeper.core.ids import HostName, InstanceUuid

MAX_KEPT: Final = 100_000
"""Refusals that are kept, the newest: hours of the busiest agent, some 10 MB."""


class Refusal(msgspec.Struct, frozen=True):
    """Builds of an instance on a host, up to ``attempt``, are refused."""

    host: HostName
    instance: InstanceUuid
    attempt: int
    reason: str


class Refusals:
    """All refusals of an agent, in its journal."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the journal at ``path``; without one, nothing outlives the process."""
        self._journal: Journal[Refusal] = Journal(path, Refusal)
        # By age, the oldest first.
        self._last: OrderedDict[tuple[HostName, InstanceUuid], Refusal] = OrderedDict()
        for refusal in self._journal.records():
            self._keep(refusal)
        self._journal.rewrite(self._last.values())

    def refuse(self, refusal: Refusal) -> None:
        """Refuse builds from now on; a later refusal of the same instance stays in force."""
        known = self._last.get((refusal.host, refusal.instance))
        if known is None or known.attempt < refusal.attempt:
            self._journal.append(refusal)
            self._keep(refusal)
            if self._journal.is_long:
                self._journal.rewrite(self._last.values())

    def reason(self, host: HostName, instance: InstanceUuid, *, attempt: int) -> str | None:
        """Say why a build is refused; None if it is not."""
        known = self._last.get((host, instance))
        return known.reason if known is not None and attempt <= known.attempt else None

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def _keep(self, refusal: Refusal) -> None:
        key = (refusal.host, refusal.instance)
        self._last[key] = refusal
        self._last.move_to_end(key)
        if len(self._last) > MAX_KEPT:
            self._last.popitem(last=False)
