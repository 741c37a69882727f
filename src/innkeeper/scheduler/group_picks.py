"""Picks under way in server groups: members that are chosen, but not yet claimed.

Without it two instances of one request, or of two at the same time, would not see each
other. A hint only: the store's conditional write is what keeps a group's policy.
"""

from collections import Counter

from innkeeper.core.ids import HostName
from innkeeper.core.server_group import ServerGroup


class GroupPicks:
    """How many members are chosen on each host, by group."""

    def __init__(self) -> None:
        self._picks: dict[str, Counter[HostName]] = {}

    def add(self, group: str, host: HostName) -> None:
        """Count one member more; to be undone by ``remove``."""
        self._picks.setdefault(group, Counter())[host] += 1

    def remove(self, group: str, host: HostName) -> None:
        """Count one member less: it is claimed now, or will not be."""
        picks = self._picks[group]
        picks[host] -= 1
        if not picks[host]:
            del picks[host]
        if not picks:
            del self._picks[group]

    def members(self, group: ServerGroup) -> Counter[HostName]:
        """Give the members of each host that has any, claimed and chosen together."""
        members = Counter(dict(group.members))
        members.update(self._picks.get(group.uuid, {}))
        return members
