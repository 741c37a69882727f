"""ServerGroupAntiAffinityFilter: members of an anti-affinity group keep apart."""

import numpy as np

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.group_picks import GroupPicks


class ServerGroupAntiAffinityFilter:
    """Passes hosts with fewer members than the group allows on one host."""

    standing = False
    reason = "the host has as many members of the anti-affinity group as it may have"

    def __init__(self, picks: GroupPicks) -> None:
        self._picks = picks

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a group was named."""
        return spec.group is not None

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts that may take one more; a group that does not exist has none."""
        group = index.groups.get(spec.group or "")
        if group is None:
            return np.zeros(len(hosts), dtype=np.bool_)
        if group.policy != "anti-affinity":
            return np.ones(len(hosts), dtype=np.bool_)
        return self._picks.members(group) < group.max_server_per_host
