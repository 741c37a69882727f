"""DifferentHostFilter: only hosts without the instances that a hint named."""

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.filters.base import named


class DifferentHostFilter:
    """Passes hosts outside the spec's ``different_host``."""

    standing = True
    reason = "an instance of the different_host hint is there"

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether the hint was given."""
        return bool(spec.different_host)

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts that the hint does not name."""
        return ~named(hosts, spec.different_host)
