"""AvailabilityZoneFilter: only hosts of the zone that was asked for."""

from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask


class AvailabilityZoneFilter:
    """Passes hosts of the spec's availability zone."""

    standing = True
    reason = "the host is in another availability zone"

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a zone was asked for."""
        return spec.zone is not None

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts of the zone; an unknown zone has none."""
        mask: Mask = hosts.zone == hosts.zone_number(spec.zone or "")
        return mask
