"""RequestedHostFilter: only the host that was asked for by name."""

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.filters.base import named


class RequestedHostFilter:
    """Passes the spec's ``host``."""

    standing = True
    reason = "the request names another host"

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a host was named."""
        return spec.host is not None

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give that host alone."""
        return named(hosts, () if spec.host is None else (spec.host,))
