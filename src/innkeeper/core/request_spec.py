"""Request spec: all that a scheduling decision may depend on."""

import msgspec

from innkeeper.core.ids import CellName, HostName
from innkeeper.core.request_group import CandidateRequest


class RequestSpec(msgspec.Struct, frozen=True):
    """One kind of instance to place; several instances of a request share one spec."""

    request: CandidateRequest
    """The resources. ``limit`` is ignored: the scheduler looks at every host."""
    project_id: str = ""
    user_id: str = ""
    policy: str = ""
    """Name of a weigher profile (``fgd``, ``best-fit``, ...); "" takes the configured one."""
    workload: str = ""
    """Label of like workloads; GPU clustering keeps like with like."""
    zone: str | None = None
    cell: CellName | None = None
    host: HostName | None = None
    """Only this host."""
    ignore_hosts: tuple[HostName, ...] = ()
    same_host: tuple[HostName, ...] = ()
    """Only hosts among these (the hosts of the instances that a hint named)."""
    different_host: tuple[HostName, ...] = ()
    """Only hosts not among these."""
    group: str | None = None
    """Uuid of a server group."""
