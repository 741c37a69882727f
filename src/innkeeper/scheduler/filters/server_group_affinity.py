"""ServerGroupAffinityFilter: members of an affinity group share a host."""

from collections.abc import Mapping

import numpy as np

from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import ServerGroup
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.group_picks import GroupPicks


class ServerGroupAffinityFilter:
    """Passes the hosts of the group's members, or every host while it has none.

    ``groups`` is the index's.
    """

    standing = False
    reason = "the members of the affinity group are on another host"

    def __init__(self, groups: Mapping[str, ServerGroup], picks: GroupPicks) -> None:
        self._groups, self._picks = groups, picks

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a group of this policy was named, or one that does not exist."""
        if spec.group is None:
            return False
        group = self._groups.get(spec.group)
        return group is None or group.policy == "affinity"

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts of the members; a group that does not exist has no host at all."""
        group = self._groups.get(spec.group or "")
        if group is None:
            return np.zeros(len(hosts), dtype=np.bool_)
        theirs: Mask = self._picks.members(group) > 0
        if group.members or theirs.any():
            return theirs
        return np.ones(len(hosts), dtype=np.bool_)
