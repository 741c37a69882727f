"""Server group: instances that must share a host, or must not."""

from typing import Literal

import msgspec

from innkeeper.core.ids import HostName

GroupPolicy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


class ServerGroup(msgspec.Struct, frozen=True):
    """A group, its policy and where its members are. The soft policies only weigh."""

    uuid: str
    name: str
    policy: GroupPolicy
    project_id: str = ""
    max_server_per_host: int = 1
    """For anti-affinity: how many members one host may have."""
    members: tuple[tuple[HostName, int], ...] = ()
    """(host, how many members hold a claim there), for hosts with at least one."""

    def admits(self, host: HostName) -> bool:
        """Tell whether one more member may be put on ``host`` under a hard policy."""
        if self.policy == "affinity":
            return not self.members or any(name == host for name, _ in self.members)
        if self.policy == "anti-affinity":
            return dict(self.members).get(host, 0) < self.max_server_per_host
        return True
