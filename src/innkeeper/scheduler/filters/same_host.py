"""SameHostFilter: only hosts among those of the instances that a hint named."""

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.filters.base import named


class SameHostFilter:
    """Passes the spec's ``same_host``."""

    standing = True
    reason = "no instance of the same_host hint is there"

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether the hint was given."""
        return bool(spec.same_host)

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts that the hint names."""
        return named(hosts, spec.same_host)
