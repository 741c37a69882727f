"""What osc-placement and Nova test their own clients with, run against a live Innkeeper.

They ship these tests in their packages; nothing of them is changed but which server they use.
"""

import time
from typing import Final

import pytest

from tests.clients.peer_tests import PeerTests

OSC: Final = "osc_placement.tests.functional"
NOVA: Final = "nova.tests.functional"
AUDIT: Final = f"{NOVA}.test_nova_manage.TestNovaManagePlacementAudit"
PORTS: Final = f"{NOVA}.test_servers_resource_request.MultiGroupResourceRequestBasedSchedulingTest"

# How many tests there are at least: a suite that is not found must not pass.
SUITES: Final = {
    "osc-providers": (
        101,
        [
            f"{OSC}.test_{each}"
            for each in ("resource_provider", "trait", "resource_class", "inventory", "aggregate")
        ],
    ),
    "osc-allocations": (
        57,
        [f"{OSC}.test_{each}" for each in ("allocation", "allocation_candidate", "usage")],
    ),
    "nova-report-client": (18, [f"{NOVA}.test_report_client"]),
    # A whole Nova in one process: API, scheduler, conductor, compute hosts.
    "nova-cloud": (
        3,
        [
            f"{NOVA}.test_servers_provider_tree.ProviderTreeTests.test_reshape",
            f"{AUDIT}.test_audit_orphaned_allocations_from_confirmed_resize",
            f"{PORTS}.test_two_sriov_ports_one_with_request_two_available_pfs",
        ],
    ),
}

# More of the same, as many as there is time for: each takes minutes.
CLOUDS: Final = (
    "test_servers_resource_request.ServerMoveWithMultiGroupResourceRequestBasedSchedulingTest",
    "test_nova_manage.TestNovaManagePlacementHealAllocations",
    "test_servers.ConsumerGenerationConflictTest",
    "test_servers_provider_tree",
    "compute.test_resource_tracker",
    "test_servers.TraitsBasedSchedulingTest",
    "test_aggregates",
    "test_nova_manage.TestNovaManagePlacementHealPortAllocations",
    "test_nova_manage.TestNovaManagePlacementHealPortAllocationsExtended",
    "test_nova_manage.TestNovaManagePlacementSyncAggregates",
    "test_servers_resource_request.MultiGroupResourceRequestBasedSchedulingTest",
    "test_unified_limits",
    "test_routed_networks",
    "libvirt.test_pci_in_placement",
    "libvirt.test_reshape",
    "test_servers.ServerMovingTestsWithNestedResourceRequests",
    "test_servers.ServerMovingTestsFromFlatToNested",
    "test_servers.AcceleratorServerOpsTest",
)

# Test: why it fails. One that passes all the same fails here, so that it is removed.
EXPECTED_FAILURES: Final = {
    f"{OSC}.test_allocation_candidate.TestAllocationCandidate129.test_granular_two_groups": (
        "below 1.34 it expects candidates that differ in their mappings alone, which that version"
        " does not show, to be listed twice"
    ),
}


@pytest.mark.soak
def test_clouds(peer_tests: PeerTests, soak_seconds: float) -> None:
    end = time.monotonic() + soak_seconds
    for name in CLOUDS:
        assert peer_tests.passed([f"{NOVA}.{name}"], patience_s=None) > 0
        if time.monotonic() >= end:
            break


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_suite(suite: str, peer_tests: PeerTests) -> None:
    least, names = SUITES[suite]
    assert peer_tests.passed(names, expected_failures=EXPECTED_FAILURES) >= least
