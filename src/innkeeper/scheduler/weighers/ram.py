"""RamWeigher: hosts by free memory. Counterpart of Nova's RAMWeigher."""

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked


class RamWeigher:
    """The more MEMORY_MB is free, the better; a negative multiplier stacks instead of spreading."""

    standing = True

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        """Give the free amount of each host."""
        return hosts.free_floats("MEMORY_MB")
