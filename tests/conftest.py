"""What every test shares: Hypothesis' profiles, the root of the checkout, the summary."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Databases of servers that the tests start.
pytest_plugins = ("tests.servers.fixtures",)

# A shared machine is slow at times; the time of a single example says nothing there.
settings.register_profile("default", deadline=None)
# Under `make soak` the number of examples is the point, not the time.
settings.register_profile(
    "soak",
    deadline=None,
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Give the folder that holds pyproject.toml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def soak_seconds() -> float:
    """Give how long one soak test should go on."""
    return float(os.environ.get("INNKEEPER_SOAK_SECONDS", "60"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how upstream's suite of the Placement API went, if it ran: its tests, not ours."""
    counts: dict[str, list[tuple[int, int, int]]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            # A test has a report for each phase; one is enough.
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "conformance":
                        counts.setdefault(value[0], []).append(value[1:])
    if counts:
        terminalreporter.section("Placement API conformance")
    for engine, files in sorted(counts.items()):
        passed, failed, unfair = (sum(column) for column in zip(*files, strict=True))
        terminalreporter.line(
            f"{engine}: {passed} passed, {failed} failed, {unfair} unfair, in {len(files)} of"
            " upstream's files"
        )
