"""DiskWeigher: hosts by free disk. Counterpart of Nova's DiskWeigher."""

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked


class DiskWeigher:
    """The more DISK_GB is free, the better; a negative multiplier stacks instead of spreading."""

    standing = True

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        """Give the free amount of each host."""
        return hosts.free_floats("DISK_GB")
