"""ServerGroupSoftAntiAffinityWeigher: members of a soft-anti-affinity group apart if possible."""

from collections.abc import Mapping

import numpy as np

from innkeeper.core.server_group import ServerGroup
from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked
from innkeeper.scheduler.group_picks import GroupPicks


class ServerGroupSoftAntiAffinityWeigher:
    """The fewer members of its group a host has, the better; ``groups`` is the index's."""

    standing = False

    def __init__(self, groups: Mapping[str, ServerGroup], picks: GroupPicks) -> None:
        self._groups, self._picks = groups, picks

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores | None:
        """Give minus the number of members; nothing for a group of another policy."""
        group = self._groups.get(asked.spec.group or "")
        if group is None or group.policy != "soft-anti-affinity":
            return None
        scores: Scores = np.multiply(-1.0, self._picks.members(group), dtype=np.float64)
        return scores
