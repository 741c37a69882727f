"""How clients say who they are, where there is no Keystone: one strategy each."""

import dataclasses
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import bcrypt
import pytest

from tests.clients.live_innkeeper import LiveInnkeeper, in_place, live
from tests.clients.peer_tests import PeerTests

HOST: Final = "aaaaaaaa-0000-4000-8000-000000000001"
USERNAME, PASSWORD = "operator", "open sesame"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("identities")]


class OpenStack:
    """The `openstack` command, one process each time."""

    def __init__(self, program: Path, environment: Mapping[str, str], folder: Path) -> None:
        self._program = program
        self._environment = environment
        self._folder = folder

    def __call__(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self._program, *words],
            env=dict(self._environment),
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def openstack(peers: Path, client_environment: dict[str, str], tmp_path: Path) -> OpenStack:
    return OpenStack(peers / "openstack", client_environment, tmp_path)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveInnkeeper]:
    """Give a server that asks for a password."""
    folder = tmp_path_factory.mktemp("guarded")
    users = folder / "htpasswd"
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    users.write_text(f"{USERNAME}:{hashed}\n")
    settings = {
        "INNKEEPER_AUTH_STRATEGY": "http_basic",
        "INNKEEPER_AUTH_HTPASSWD_FILE": str(users),
    }
    with live(folder, settings, alone=True) as server:
        yield server


def create(*more: str) -> list[str]:
    return [*more, "resource", "provider", "create", "--uuid", HOST, "host", "-f", "json"]


def test_nobody_asks(
    openstack: OpenStack,
    innkeeper: LiveInnkeeper,
    documented: Callable[[str], str],
    tmp_path: Path,
) -> None:
    clouds = in_place(documented("clouds:\n"), innkeeper.placement)
    (tmp_path / "clouds.yaml").write_text(clouds)
    done = openstack(*create("--os-cloud", "innkeeper"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["root_provider_uuid"] == HOST
    assert innkeeper.get(f"/resource_providers/{HOST}")["name"] == "host"


def test_a_token_for_development(
    openstack: OpenStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("noauth2")
    with live(folder, {"INNKEEPER_AUTH_STRATEGY": "noauth2"}, alone=True) as server:
        identity = ("--os-auth-type", "admin_token", "--os-endpoint", server.placement)
        done = openstack(*create(*identity, "--os-token", "admin"))
        assert done.returncode == 0, done.stderr
        assert server.get(f"/resource_providers/{HOST}")["name"] == "host"
        assert server.request("PUT", "/traits/CUSTOM_X", token="somebody").status_code == 403


def test_a_password(openstack: OpenStack, guarded: LiveInnkeeper) -> None:
    identity = ("--os-auth-type", "http_basic", "--os-endpoint", guarded.placement)
    identity += ("--os-username", USERNAME)
    done = openstack(*create(*identity, "--os-password", PASSWORD))
    assert (done.returncode, json.loads(done.stdout)["uuid"]) == (0, HOST), done.stderr
    refused = openstack(*create(*identity, "--os-password", "wrong"))
    assert refused.returncode == 1
    # It looks for the errors of the API in it, which the 401 of no Placement has.
    assert "errors" in refused.stderr


def test_a_password_for_nova_and_openstacksdk(
    peer_tests: PeerTests, guarded: LiveInnkeeper
) -> None:
    there = dataclasses.replace(peer_tests, url=guarded.placement)
    assert there.passed(["passwords"]) == 4
