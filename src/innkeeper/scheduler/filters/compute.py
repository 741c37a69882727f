"""ComputeFilter: only hosts that are there, enabled and up."""

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask


class ComputeFilter:
    """Passes hosts that are registered, enabled by the operator and up."""

    standing = True
    reason = "the host is disabled, or its agent is down"

    def applies(self, spec: RequestSpec) -> bool:
        """Tell that it always applies."""
        return True

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts that can build."""
        return hosts.alive & hosts.enabled & hosts.up
