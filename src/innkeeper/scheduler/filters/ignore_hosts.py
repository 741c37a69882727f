"""IgnoreHostsFilter: hosts that the caller rules out."""

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.filters.base import named


class IgnoreHostsFilter:
    """Passes hosts outside the spec's ``ignore_hosts``."""

    standing = True
    reason = "the request rules the host out"

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether any are ruled out."""
        return bool(spec.ignore_hosts)

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts that are not ruled out."""
        return ~named(hosts, spec.ignore_hosts)
