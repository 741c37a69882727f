"""What osc-placement and Nova test their own clients with, run against a live Innkeeper.

They ship these tests in their packages; nothing of them is changed but which server they use.
"""

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.clients.live_innkeeper import TOKEN, LiveInnkeeper

SCRIPT: Final = Path(__file__).with_name("borrowed_suite.py")
PATIENCE_S: Final = 280

OSC: Final = "osc_placement.tests.functional"
NOVA: Final = "nova.tests.functional"

# How many tests there are at least: a suite that is not found must not pass.
SUITES: Final = {
    "osc-providers": (
        46,
        [f"{OSC}.test_{each}" for each in ("resource_provider", "trait", "resource_class")],
    ),
    "osc-inventories": (
        39,
        [f"{OSC}.test_{each}" for each in ("inventory", "aggregate")],
    ),
    "osc-allocations": (
        39,
        [f"{OSC}.test_{each}" for each in ("allocation", "allocation_candidate", "usage")],
    ),
    "nova-report-client": (18, [f"{NOVA}.test_report_client"]),
}

# Test: why it fails. One that passes all the same fails here, so that it is removed.
EXPECTED_FAILURES: Final = {
    f"{OSC}.test_allocation_candidate.TestAllocationCandidate129.test_granular_two_groups": (
        "below 1.34 it expects candidates that differ in their mappings alone, which that version"
        " does not show, to be listed twice"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_suite(
    suite: str,
    peers: Path,
    client_environment: dict[str, str],
    innkeeper: LiveInnkeeper,
    tmp_path: Path,
) -> None:
    least, names = SUITES[suite]
    report_path = tmp_path / "report.json"
    done = subprocess.run(
        [peers / "python", SCRIPT, innkeeper.placement, TOKEN, report_path, *names],
        env=client_environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert report_path.exists(), done.stderr[-4_000:]
    report = json.loads(report_path.read_text())
    assert len(report["outcomes"]) >= least
    assert report["skips"] == {}
    assert report["server_failures"] == []
    wrong = {test for test, why in report["outcomes"].items() if why is not None}
    reasons = [report["outcomes"][test] for test in sorted(wrong - EXPECTED_FAILURES.keys())]
    if reasons:
        pytest.fail("\n\n".join(reasons), pytrace=False)
    assert wrong == EXPECTED_FAILURES.keys() & report["outcomes"].keys(), "take it off the list"
