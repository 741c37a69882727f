"""Picks under way in server groups: members that are chosen, but not yet claimed.

Without it two instances of one request, or of two at the same time, would not see each
other. A hint only: the store's conditional write is what keeps a group's policy.
"""

from typing import Final

import msgspec
import numpy as np

from innkeeper.core.server_group import ServerGroup
from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Codes

MAX_GROUPS: Final = 256
"""Groups whose counts are kept, at 4 bytes a host: more than have members chosen at a time."""


class _Counts(msgspec.Struct):
    """The members of a group by host: int32[n], right for this picture of it and these hosts."""

    group: ServerGroup
    layout: int
    of_host: Codes


class GroupPicks:
    """How many members are claimed or chosen on each host, by group."""

    def __init__(self, hosts: HostTable) -> None:
        self._hosts = hosts
        self._picks: dict[str, dict[int, int]] = {}
        self._counts: dict[str, _Counts] = {}

    def add(self, group: str, position: int) -> None:
        """Count one member more on a host; to be undone by ``remove``."""
        picks = self._picks.setdefault(group, {})
        picks[position] = picks.get(position, 0) + 1
        self._change(group, position, 1)

    def remove(self, group: str, position: int) -> None:
        """Count one member less: it is claimed now, or will not be."""
        picks = self._picks[group]
        picks[position] -= 1
        if not picks[position]:
            del picks[position]
        if not picks:
            del self._picks[group]
        self._change(group, position, -1)

    def members(self, group: ServerGroup) -> Codes:
        """Give the members on each host, claimed and chosen together: int32[n].

        Good until the next change, and not to be written to.
        """
        counts = self._counts.get(group.uuid)
        if counts is None or counts.group is not group or counts.layout != self._hosts.layout:
            counts = self._counts[group.uuid] = self._counted(group)
            if len(self._counts) > MAX_GROUPS:
                del self._counts[next(iter(self._counts))]
        return counts.of_host

    def _change(self, group: str, position: int, by: int) -> None:
        counts = self._counts.get(group)
        if counts is not None and position < len(counts.of_host):
            counts.of_host[position] += by

    def _counted(self, group: ServerGroup) -> _Counts:
        of_host = np.zeros(len(self._hosts), dtype=np.int32)
        for host, count in group.members:
            position = self._hosts.position(host)
            if position is not None:
                of_host[position] = count
        for position, count in self._picks.get(group.uuid, {}).items():
            of_host[position] += count
        return _Counts(group, self._hosts.layout, of_host)
