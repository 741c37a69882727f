"""Innkeeper behind a real Keystone: who gets in, with what token, for how long."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.auth.keystone_peer import PASSWORD, PATIENCE_S, POLL_S, Keystone
from tests.e2e.conftest import COMMAND, Server, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("keystone")]

PROVIDERS = "/placement/resource_providers"
DEFAULT = {"id": "default"}
SYSTEM = {"system": {"all": True}}


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=PATIENCE_S) as one:
        yield one


@pytest.fixture
def status(http: httpx2.Client) -> Callable[..., int]:
    """Give a function that asks a server and gives the status of its answer."""

    def asked(
        server: Server, path: str, token: str | None = None, service: str | None = None
    ) -> int:
        headers = {"x-auth-token": token, "x-service-token": service}
        sent = {name: text for name, text in headers.items() if text is not None}
        return http.get(server.url + path, headers=sent).status_code

    return asked


Status = Callable[..., int]


def until(held: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not held():
        assert time.monotonic() < deadline
        time.sleep(POLL_S)


def test_who_has_no_token_learns_where_to_get_one(asking: Server, http: httpx2.Client) -> None:
    for headers in ({}, {"x-auth-token": "made-up"}):
        for path in (PROVIDERS, "/v1/hosts"):
            answer = http.get(asking.url + path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == 'Keystone uri="http://public:5000"'
            body = answer.json()
            error = body["error"] if path == PROVIDERS else body["errors"][0]
            assert error["title"] == "Unauthorized"


def test_discovery_and_health_are_free(asking: Server, status: Status) -> None:
    for path in (
        "/",
        "/placement",
        "/placement/",
        "/v1",
        "/v1/openapi.json",
        "/healthz",
        "/readyz",
    ):
        assert status(asking, path) == 200, path


def test_an_administrator_and_a_service_may(
    asking: Server, keystone: Keystone, status: Status
) -> None:
    for name in ("admin", "nova"):
        assert status(asking, PROVIDERS, keystone.token(name)) == 200
        assert status(asking, "/v1/hosts", keystone.token(name)) == 200


def test_a_reader_sees_what_his_project_uses(
    asking: Server, keystone: Keystone, status: Status
) -> None:
    token = keystone.token("ann")
    for project, expected in (("demo", 200), ("other", 403)):
        path = f"/placement/usages?project_id={keystone.found('projects', project)}"
        headers = {"openstack-api-version": "placement 1.9"}
        answer = keystone.http.get(asking.url + path, headers={"x-auth-token": token, **headers})
        assert answer.status_code == expected
    assert status(asking, PROVIDERS, token) == 403
    assert status(asking, "/v1/hosts", token) == 403


def test_scopes(asking: Server, keystone: Keystone, status: Status) -> None:
    of_system = keystone.token("sam", SYSTEM)
    assert status(asking, PROVIDERS, of_system) == 403
    assert status(asking, "/v1/hosts", of_system) == 200
    headers = {"x-auth-token": of_system}
    assert keystone.http.post(f"{asking.url}/v1/audits", headers=headers).status_code == 403
    of_domain = keystone.token("sam", {"domain": DEFAULT})
    assert status(asking, PROVIDERS, of_domain) == 403
    assert status(asking, "/v1/hosts", of_domain) == 403


def test_a_revoked_token(
    asking: Server, trusting: Server, keystone: Keystone, status: Status
) -> None:
    token = keystone.token("nova")
    assert status(asking, PROVIDERS, token) == 200
    assert status(trusting, PROVIDERS, token) == 200
    keystone.revoke(token)
    assert status(asking, PROVIDERS, token) == 401
    assert status(trusting, PROVIDERS, token) == 200, "believed until keystone.cache_s is over"


def test_an_ended_token_gets_in_with_a_service(
    asking: Server, trusting: Server, keystone: Keystone, status: Status
) -> None:
    token = keystone.token("admin", lives_s=2)
    status(trusting, PROVIDERS, token)
    for server in (asking, trusting):
        until(lambda server=server: status(server, PROVIDERS, token) == 401)  # type: ignore[misc]
        assert status(server, PROVIDERS, token, service=keystone.token("nova")) == 200
        assert status(server, PROVIDERS, token, service=keystone.token("ann")) == 401
        assert status(server, PROVIDERS, token) == 401
    assert status(asking, PROVIDERS, keystone.token("nova"), service="made-up") == 401


def test_a_restricted_application_credential(
    asking: Server, keystone: Keystone, status: Status
) -> None:
    user = keystone.found("users", "ann")
    own = keystone.token("ann", {"project": {"name": "other", "domain": DEFAULT}})
    rule = {"service": "placement", "method": "GET", "path": "/placement/usages"}
    answer = keystone.http.post(
        f"{keystone.url}/users/{user}/application_credentials",
        headers={"x-auth-token": own},
        json={"application_credential": {"name": "usages", "access_rules": [rule]}},
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()["application_credential"]
    by = {"id": made["id"], "secret": made["secret"]}
    token = keystone.token(
        "ann", identity={"methods": ["application_credential"], "application_credential": by}
    )
    project = keystone.found("projects", "other")
    headers = {"x-auth-token": token, "openstack-api-version": "placement 1.9"}
    usages = keystone.http.get(
        f"{asking.url}/placement/usages?project_id={project}", headers=headers
    )
    assert usages.status_code == 200
    assert status(asking, PROVIDERS, token) == 401, "not 403: the token is not for this"


def test_a_token_is_asked_about_once(trusting: Server, keystone: Keystone, status: Status) -> None:
    token = keystone.token("nova")
    before = keystone.validations()
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: status(trusting, PROVIDERS, token), range(64)))
    assert set(found) == {200}
    assert keystone.validations() == before + 1


def test_a_keystone_that_is_gone_and_comes_back(
    asking: Server, trusting: Server, keystone: Keystone, status: Status
) -> None:
    known, unknown = keystone.token("nova"), keystone.token("admin")
    assert status(trusting, PROVIDERS, known) == 200
    keystone.kill()
    try:
        assert status(trusting, PROVIDERS, known) == 200
        for server in (trusting, asking):
            answer = keystone.http.get(server.url + PROVIDERS, headers={"x-auth-token": unknown})
            assert answer.status_code == 503
            assert "Keystone" in answer.json()["errors"][0]["detail"]
            assert status(server, "/v1/hosts", unknown) == 503
            assert status(server, "/placement") == 200
            assert status(server, "/healthz") == 200
    finally:
        keystone.start()
    assert status(trusting, PROVIDERS, unknown) == 200
    assert status(asking, PROVIDERS, known) == 200


def openstack_variables(keystone: Keystone) -> dict[str, str]:
    return {
        "OS_AUTH_URL": keystone.url,
        "OS_USERNAME": "admin",
        "OS_PASSWORD": PASSWORD,
        "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_IDENTITY_API_VERSION": "3",
    }


def test_the_openstack_command_finds_it_in_the_catalog(
    checkout: Path, trusting: Server, keystone: Keystone
) -> None:
    service = keystone.made("service", type="placement", name="placement")
    keystone.made(
        "endpoint",
        service_id=service,
        interface="public",
        region_id="RegionOne",
        url=f"{trusting.url}/placement",
    )

    def openstack(*arguments: str) -> list[dict[str, object]]:
        done = subprocess.run(
            [checkout / ".venv-peers/bin/openstack", *arguments, "-f", "json"],
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
            | openstack_variables(keystone),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: list[dict[str, object]] = json.loads(done.stdout)
        return found

    token = keystone.token("admin")
    made = keystone.http.post(
        trusting.url + PROVIDERS, json={"name": "rack-1"}, headers={"x-auth-token": token}
    )
    assert made.status_code == 201
    assert "rack-1" in {each["name"] for each in openstack("resource", "provider", "list")}


def innkeeper(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_our_own_command(asking: Server, keystone: Keystone) -> None:
    listing = ("host", "list", "--json", "--url", asking.url)
    refused = innkeeper(*listing)
    assert refused.returncode == 2
    assert "INNKEEPER_TOKEN" in refused.stderr
    assert "OS_AUTH_URL" in refused.stderr
    assert innkeeper(*listing, INNKEEPER_TOKEN=keystone.token("nova")).returncode == 0
    assert innkeeper(*listing, **openstack_variables(keystone)).returncode == 0
    forbidden = innkeeper(*listing, "--token", keystone.token("ann"))
    assert forbidden.returncode == 1
    assert "innkeeper:read" in forbidden.stderr
