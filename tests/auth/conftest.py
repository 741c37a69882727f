"""A real Keystone, and Innkeepers that ask it; each is started once for the session."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.auth.keystone_peer import PASSWORD, Keystone
from tests.e2e.conftest import Server


@pytest.fixture(scope="session")
def keystone(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """Give a Keystone with a project demo, the user nova of it, and Innkeeper's own user."""
    one = Keystone(tmp_path_factory.mktemp("keystone"), checkout / ".venv-peers/bin/python")
    try:
        one.start()
        for project in ("service", "demo", "other"):
            one.made("project", name=project, domain_id="default")
        one.user("placement", service="service")
        one.user("nova", service="service")
        one.user("ann", demo="reader", other="member")
        one.user("sam", system="reader", domain="admin")
        yield one
    finally:
        one.kill()
        one.http.close()


@contextmanager
def innkeeper_with(keystone: Keystone, directory: Path, *, cache_s: float) -> Iterator[Server]:
    """Run Innkeeper behind a Keystone while the block lasts."""
    config = directory / "innkeeper.toml"
    config.write_text(
        f"""
        [auth]
        strategy = "keystone"
        [keystone]
        auth_url = "{keystone.url}"
        username = "placement"
        password = "{PASSWORD}"
        cache_s = {cache_s}
        www_authenticate_uri = "http://public:5000"
        """
    )
    server = Server(directory / "data", "--config", config, command="api")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def trusting(keystone: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give an Innkeeper that remembers tokens."""
    with innkeeper_with(keystone, tmp_path_factory.mktemp("trusting"), cache_s=3600) as server:
        yield server


@pytest.fixture(scope="session")
def asking(keystone: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give an Innkeeper that asks about a token each time."""
    with innkeeper_with(keystone, tmp_path_factory.mktemp("asking"), cache_s=0) as server:
        yield server
