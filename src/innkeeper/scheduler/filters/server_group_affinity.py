"""ServerGroupAffinityFilter: members of an affinity group share a host."""

import numpy as np

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.group_picks import GroupPicks


class ServerGroupAffinityFilter:
    """Passes the hosts of the group's members, or every host while it has none."""

    standing = False
    reason = "the members of the affinity group are on another host"

    def __init__(self, picks: GroupPicks) -> None:
        self._picks = picks

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a group was named."""
        return spec.group is not None

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts of the members; a group that does not exist has no host at all."""
        group = index.groups.get(spec.group or "")
        if group is None:
            return np.zeros(len(hosts), dtype=np.bool_)
        if group.policy == "affinity":
            theirs: Mask = self._picks.members(group) > 0
            if group.members or theirs.any():
                return theirs
        return np.ones(len(hosts), dtype=np.bool_)
