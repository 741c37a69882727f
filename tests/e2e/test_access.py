"""Strategies without Keystone, in a real server: both APIs ask who is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import httpx2
import pytest

from tests.e2e.conftest import Innkeeper, Server

pytestmark = pytest.mark.slow

PATHS = ("/placement/resource_providers", "/v1/hosts")


@contextmanager
def serving(tmp_path: Path, settings: str) -> Iterator[Server]:
    config = tmp_path / "innkeeper.toml"
    config.write_text(settings)
    server = Server(tmp_path / "data", "--config", config, command="api")
    server.start()
    try:
        yield server
    finally:
        server.kill()


def test_http_basic(tmp_path: Path, client: httpx2.Client, innkeeper: Innkeeper) -> None:
    hashed = bcrypt.hashpw(b"pass", bcrypt.gensalt(4)).decode()
    (tmp_path / "users").write_text(f"ann:{hashed}\nbob:{hashed}\n")
    (tmp_path / "policy.yaml").write_text('"innkeeper:write": "user_id:ann"\n')
    settings = (
        f'[auth]\nstrategy = "http_basic"\nhtpasswd_file = "{tmp_path}/users"\n'
        f'policy_file = "{tmp_path}/policy.yaml"\n'
        '[cors]\nallowed_origins = ["https://ops.example"]\n'
    )
    with serving(tmp_path, settings) as server:
        for path in PATHS:
            refused = client.get(server.url + path, auth=("ann", "wrong"))
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic ")
            answer = client.get(
                server.url + path, auth=("ann", "pass"), headers={"origin": "https://ops.example"}
            )
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == "https://ops.example"
        audits = f"{server.url}/v1/audits"
        assert client.post(audits, auth=("bob", "pass")).status_code == 403
        assert client.post(audits, auth=("ann", "pass")).status_code == 202
        repairing = ("audit", "--fix", "--url", server.url)
        unknown = innkeeper(*repairing)
        assert unknown.returncode == 2
        assert "INNKEEPER_USER" in unknown.stderr
        assert innkeeper(*repairing, INNKEEPER_USER="bob:pass").returncode == 1
        mended = innkeeper(*repairing, INNKEEPER_USER="ann:pass")
        assert mended.returncode == 0, mended.stderr
        assert "nothing to repair" in mended.stdout
        metrics = client.get(f"{server.url}/metrics").text
        for outcome in ("accepted", "refused"):
            assert f'strategy="http_basic",outcome="{outcome}"' in metrics or (
                f'outcome="{outcome}",strategy="http_basic"' in metrics
            )
        listing = ("host", "list", "--url", server.url)
        refused_command = innkeeper(*listing)
        assert refused_command.returncode == 2
        assert "INNKEEPER_USER" in refused_command.stderr
        assert innkeeper(*listing, INNKEEPER_USER="ann:pass").returncode == 0


def test_noauth2(tmp_path: Path, client: httpx2.Client) -> None:
    with serving(tmp_path, '[auth]\nstrategy = "noauth2"\n') as server:
        for path in PATHS:
            assert client.get(server.url + path).status_code == 401
            for token, status in (("admin", 200), ("somebody", 403)):
                headers = {"x-auth-token": token}
                assert client.get(server.url + path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"INNKEEPER_AUTH_POLICY_FILE": "none.yaml"}, "none.yaml: cannot be read"),
        (
            {"INNKEEPER_AUTH_STRATEGY": "http_basic", "INNKEEPER_AUTH_HTPASSWD_FILE": "none"},
            "Cannot read the password file none",
        ),
        ({"INNKEEPER_AUTH_STRATEGY": "keystone"}, "keystone.auth_url"),
    ],
)
def test_what_keeps_it_from_starting(
    innkeeper: Innkeeper, settings: dict[str, str], words: str
) -> None:
    done = innkeeper("api", "--port", 0, **settings)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert words in line
