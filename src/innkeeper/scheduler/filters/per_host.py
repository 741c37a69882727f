"""PerHostFilter: a Python function of one host, called for each host that is there.

Costs about a microsecond a host and more; write an array filter for anything that stays.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from innkeeper.core.ids import HostName
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask

Passes: TypeAlias = Callable[[RequestSpec, HostName], bool]


class PerHostFilter:
    """Passes hosts for which ``passes(spec, host)`` is true."""

    standing = False

    def __init__(self, passes: Passes, *, reason: str) -> None:
        self._passes = passes
        self.reason = reason

    def applies(self, spec: RequestSpec) -> bool:
        """Tell that it always applies: only the function knows."""
        return True

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts that the function passes; it is not asked about removed ones."""
        mask = np.zeros(len(hosts), dtype=np.bool_)
        for position in np.flatnonzero(hosts.alive).tolist():
            mask[position] = self._passes(spec, HostName(hosts.names[position]))
        return mask
