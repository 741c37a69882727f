from collections.abc import Callable, Mapping

import msgspec
import pytest

from innkeeper.core.cell import Cell
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName, RpUuid
from innkeeper.core.picture import Picture
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import GroupPolicy, ServerGroup
from innkeeper.scheduler.filters.availability_zone import AvailabilityZoneFilter
from innkeeper.scheduler.filters.base import Filter
from innkeeper.scheduler.filters.cell import CellFilter
from innkeeper.scheduler.filters.compute import ComputeFilter
from innkeeper.scheduler.filters.different_host import DifferentHostFilter
from innkeeper.scheduler.filters.ignore_hosts import IgnoreHostsFilter
from innkeeper.scheduler.filters.per_host import PerHostFilter
from innkeeper.scheduler.filters.requested_host import RequestedHostFilter
from innkeeper.scheduler.filters.same_host import SameHostFilter
from innkeeper.scheduler.filters.server_group_affinity import ServerGroupAffinityFilter
from innkeeper.scheduler.filters.server_group_anti_affinity import ServerGroupAntiAffinityFilter
from innkeeper.scheduler.group_picks import MAX_GROUPS, GroupPicks
from tests.unit.scheduler.cluster import Cluster, flat_request

NONE = RequestSpec(flat_request(VCPU=1))
A, B, C, D = (HostName(name) for name in "abcd")


@pytest.fixture
def cluster() -> Cluster:
    """Give hosts a and b in cell c1, c and d in c2; zones z1, z2, z1, z2; d is disabled."""
    cluster = Cluster()
    for name, cell, zone in (("a", "c1", "z1"), ("b", "c1", "z2"), ("c", "c2", "z1")):
        cluster.add_host(name, {"VCPU": 8}, host=_host(name, cell, zone))
    cluster.add_host("d", {"VCPU": 8}, host=_host("d", "c2", "z2", enabled=False))
    return cluster


def _host(name: str, cell: str, zone: str, *, enabled: bool = True, up: bool = True) -> Host:
    return Host(HostName(name), CellName(cell), RpUuid(""), zone, enabled=enabled, up=up)


def passed(cluster: Cluster, which: Filter, spec: RequestSpec) -> str:
    """Give the names of the hosts that pass."""
    hosts = cluster.index.hosts
    if not which.applies(spec):
        return "".join(hosts.names)
    mask = which.mask(spec, hosts, cluster.index)
    assert mask.shape == (len(hosts),)
    return "".join(name for name, passes in zip(hosts.names, mask, strict=True) if passes)


def test_compute_passes_hosts_that_are_enabled_up_and_there(cluster: Cluster) -> None:
    down = _host("c", "c2", "z1", up=False)
    cluster.index.apply(Picture(hosts=(down,), hosts_removed=("b",)))
    assert passed(cluster, ComputeFilter(), NONE) == "a"


def spec_of(**fields: object) -> RequestSpec:
    return RequestSpec(NONE.request, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "spec", "expected"),
    [
        (AvailabilityZoneFilter, spec_of(), "abcd"),
        (AvailabilityZoneFilter, spec_of(zone="z1"), "ac"),
        (AvailabilityZoneFilter, spec_of(zone="nowhere"), ""),
        (RequestedHostFilter, spec_of(host=B), "b"),
        (RequestedHostFilter, spec_of(host="nobody"), ""),
        (RequestedHostFilter, spec_of(), "abcd"),
        (IgnoreHostsFilter, spec_of(ignore_hosts=(A, C, HostName("nobody"))), "bd"),
        (IgnoreHostsFilter, spec_of(), "abcd"),
        (SameHostFilter, spec_of(same_host=(A, C)), "ac"),
        (SameHostFilter, spec_of(), "abcd"),
        (DifferentHostFilter, spec_of(different_host=(A, C)), "bd"),
        (DifferentHostFilter, spec_of(), "abcd"),
    ],
)
def test_filters_of_what_the_spec_names(
    cluster: Cluster, make: Callable[[], Filter], spec: RequestSpec, expected: str
) -> None:
    assert passed(cluster, make(), spec) == expected


@pytest.mark.parametrize(
    ("cells", "spec", "expected"),
    [
        ([], spec_of(), "abcd"),
        ([], spec_of(cell="c2"), "cd"),
        ([], spec_of(cell="c9"), ""),
        ([Cell(CellName("c1"), enabled=False)], spec_of(), "cd"),
        ([Cell(CellName("c1"), up=False)], spec_of(), "cd"),
        ([Cell(CellName("c1"), enabled=False)], spec_of(cell="c1"), ""),
        ([Cell(CellName("c1"))], spec_of(), "abcd"),
    ],
)
def test_cell(cluster: Cluster, cells: list[Cell], spec: RequestSpec, expected: str) -> None:
    which = CellFilter({cell.name: cell for cell in cells})
    assert passed(cluster, which, spec) == expected


def group(policy: GroupPolicy, *, most: int = 1, **members: int) -> ServerGroup:
    return ServerGroup(
        "g",
        "g",
        policy,
        max_server_per_host=most,
        members=tuple((HostName(name), count) for name, count in members.items()),
    )


@pytest.mark.parametrize(
    ("of", "chosen", "expected"),
    [
        (group("affinity"), "", "abcd"),
        (group("affinity", b=2), "", "b"),
        (group("affinity"), "c", "c"),
        (group("affinity", gone=1), "", ""),
        (group("anti-affinity", b=1), "", "abcd"),
        (group("soft-affinity", b=1), "", "abcd"),
    ],
)
def test_affinity(cluster: Cluster, of: ServerGroup, chosen: str, expected: str) -> None:
    picks = GroupPicks(cluster.index.hosts)
    cluster.add_group(of)
    for name in chosen:
        picks.add("g", "abcd".index(name))
    which = ServerGroupAffinityFilter(cluster.index.groups, picks)
    assert passed(cluster, which, spec_of(group="g")) == expected


@pytest.mark.parametrize(
    ("of", "chosen", "expected"),
    [
        (group("anti-affinity"), "", "abcd"),
        (group("anti-affinity", b=1), "", "acd"),
        (group("anti-affinity", b=1), "c", "ad"),
        (group("anti-affinity", most=2, b=1, c=2), "", "abd"),
        (group("anti-affinity", most=2, b=1), "b", "acd"),
        (group("affinity", b=1), "", "abcd"),
        (group("soft-anti-affinity", b=1), "", "abcd"),
    ],
)
def test_anti_affinity(cluster: Cluster, of: ServerGroup, chosen: str, expected: str) -> None:
    picks = GroupPicks(cluster.index.hosts)
    cluster.add_group(of)
    for name in chosen:
        picks.add("g", "abcd".index(name))
    which = ServerGroupAntiAffinityFilter(cluster.index.groups, picks)
    assert passed(cluster, which, spec_of(group="g")) == expected


@pytest.mark.parametrize("make", [ServerGroupAffinityFilter, ServerGroupAntiAffinityFilter])
def test_a_group_that_does_not_exist_has_no_host(
    cluster: Cluster, make: Callable[[Mapping[str, ServerGroup], GroupPicks], Filter]
) -> None:
    which = make(cluster.index.groups, GroupPicks(cluster.index.hosts))
    assert passed(cluster, which, spec_of(group="gone")) == ""
    assert passed(cluster, which, spec_of()) == "abcd"


def test_per_host_asks_the_function_about_hosts_that_are_there(cluster: Cluster) -> None:
    asked: list[str] = []

    def passes(spec: RequestSpec, host: HostName) -> bool:
        asked.append(host)
        return host in spec.same_host

    cluster.index.apply(Picture(hosts_removed=("b",)))
    which = PerHostFilter(passes, reason="the function says no")
    assert passed(cluster, which, spec_of(same_host=(A, B))) == "a"
    assert asked == ["a", "c", "d"]


def test_a_pick_counts_until_it_is_removed(cluster: Cluster) -> None:
    picks = GroupPicks(cluster.index.hosts)
    of = group("anti-affinity", a=1, gone=1)
    picks.add("g", 0)
    assert picks.members(of).tolist() == [2, 0, 0, 0]
    picks.add("g", 1)
    assert picks.members(of).tolist() == [2, 1, 0, 0]
    picks.remove("g", 0)
    # The claim of what was picked is in the group's next picture, and no longer chosen.
    assert picks.members(group("anti-affinity", a=2)).tolist() == [2, 1, 0, 0]
    picks.remove("g", 1)
    assert picks.members(of).tolist() == [1, 0, 0, 0]


def test_members_are_counted_anew_when_there_are_other_hosts(cluster: Cluster) -> None:
    picks = GroupPicks(cluster.index.hosts)
    of = group("anti-affinity", a=1, e=1)
    picks.add("g", 1)
    assert picks.members(of).tolist() == [1, 1, 0, 0]
    cluster.add_host("e", {"VCPU": 2})
    picks.add("g", 4)
    assert picks.members(of).tolist() == [1, 1, 0, 0, 2]


def test_counts_are_kept_of_so_many_groups(cluster: Cluster) -> None:
    picks = GroupPicks(cluster.index.hosts)
    first = group("anti-affinity", a=1)
    before = picks.members(first)
    assert picks.members(first) is before
    for number in range(MAX_GROUPS):
        picks.members(msgspec.structs.replace(first, uuid=f"g{number}"))
    assert picks.members(first) is not before
