"""CpuWeigher: hosts by free VCPUs. Counterpart of Nova's CPUWeigher."""

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked


class CpuWeigher:
    """The more VCPU is free, the better; a negative multiplier stacks instead of spreading."""

    standing = True

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        """Give the free amount of each host."""
        return hosts.free_floats("VCPU")
