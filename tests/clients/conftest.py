"""Real clients of OpenStack, from an environment of their own, and the Innkeeper they talk to."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.live_innkeeper import LiveInnkeeper, live
from tests.clients.peer_tests import PeerTests


@pytest.fixture(scope="session")
def peers(checkout: Path) -> Path:
    """Give the folder of the programs of OpenStack that the tests start."""
    folder = checkout / ".venv-peers" / "bin"
    assert folder.is_dir(), "make .venv-peers/.stamp"
    return folder


@pytest.fixture(scope="session")
def client_environment() -> dict[str, str]:
    """Give an environment in which no client finds settings but those it is given."""
    names = ("OS_", "NOVA_", "INNKEEPER_", "PYTHON")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(names)}
    # Nova replaces parts of the standard library when it is imported, unless it is told not to.
    return {**kept, "OS_NOVA_DISABLE_EVENTLET_PATCHING": "true", "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def innkeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveInnkeeper]:
    """Give a server for one module, as `innkeeper up` starts it."""
    with live(tmp_path_factory.mktemp("innkeeper"), {}) as server:
        yield server


@pytest.fixture(scope="session")
def documented(checkout: Path) -> Callable[[str], str]:
    """Give a function that finds the example with certain words on the page about clients.

    What the page tells users to write is what the tests use.
    """
    page = (checkout / "docs/how-to/use-openstack-clients.md").read_text()
    examples: list[str] = re.findall(r"^```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    def find(words: str) -> str:
        (example,) = [each for each in examples if words in each]
        return example

    return find


@pytest.fixture
def peer_tests(
    peers: Path,
    client_environment: dict[str, str],
    documented: Callable[[str], str],
    innkeeper: LiveInnkeeper,
    tmp_path: Path,
) -> PeerTests:
    """Give what runs tests of real clients in an environment that has them."""
    files = {
        f"NOVA_CONF_{kind.upper()}": documented(f"[placement]\nauth_type = {kind}\n")
        for kind in ("none", "admin_token", "http_basic")
    }
    environment = {**client_environment, **files}
    return PeerTests(peers / "python", environment, innkeeper.placement, tmp_path)
