"""What every test shares: the profiles of Hypothesis and the root of the checkout."""

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
