"""ServerGroupAntiAffinityFilter: members of an anti-affinity group keep apart."""

from collections.abc import Mapping

import numpy as np

from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import ServerGroup
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.group_picks import GroupPicks


class ServerGroupAntiAffinityFilter:
    """Passes hosts with fewer members than the group allows on one host.

    ``groups`` is the index's.
    """

    standing = False
    reason = "the host has as many members of the anti-affinity group as it may have"

    def __init__(self, groups: Mapping[str, ServerGroup], picks: GroupPicks) -> None:
        self._groups, self._picks = groups, picks

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a group of this policy was named, or one that does not exist."""
        if spec.group is None:
            return False
        group = self._groups.get(spec.group)
        return group is None or group.policy == "anti-affinity"

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts that may take one more; a group that does not exist has none."""
        group = self._groups.get(spec.group or "")
        if group is None:
            return np.zeros(len(hosts), dtype=np.bool_)
        return self._picks.members(group) < group.max_server_per_host
