"""`innkeeper api --workers N`: several processes on one store, that see what each other does."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.e2e.conftest import Innkeeper, Server
from tests.servers.server import DatabaseUrl, children_of, poll

pytestmark = pytest.mark.slow

PLACEMENT: Final = {"openstack-api-version": "placement 1.39"}
DEADLINE_S: Final = 60.0


def uuid(number: int) -> str:
    return f"5d3f0d8e-0a8e-4a86-9d7e-{number:012}"


@pytest.fixture
def server(tmp_path: Path, postgresql_url: DatabaseUrl) -> Iterator[Server]:
    options = ("--workers", 2, "--database-url", postgresql_url)
    server = Server(tmp_path / "inn", *options, command="api")
    server.start()
    yield server
    server.stop()


def workers_of(server: Server) -> list[int]:
    assert server._process is not None
    return children_of(server._process.pid)


def ask(server: Server, method: str, path: str, **more: Any) -> httpx2.Response:
    """Ask by a connection of its own, so that any of the workers may answer."""
    url = f"{server.url}/placement{path}"
    return httpx2.request(method, url, headers=PLACEMENT, timeout=DEADLINE_S, **more)


def test_they_serve_as_one_and_those_that_die_are_replaced(server: Server) -> None:
    for number in range(20):
        made = ask(
            server,
            "POST",
            "/resource_providers",
            json={"name": f"host {number}", "uuid": uuid(number)},
        )
        assert made.status_code == 200
        for _ in range(3):
            assert ask(server, "GET", f"/resource_providers/{uuid(number)}").status_code == 200
    health = {httpx2.get(f"{server.url}/healthz").json()["server"] for _ in range(10)}
    assert len(health) == 1
    ready = httpx2.get(f"{server.url}/readyz").json()
    assert {each["name"]: each["holds"] for each in ready["conditions"]}["index_fresh"]
    before = workers_of(server)
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    poll(
        lambda: len(workers_of(server)) == 2 and before[0] not in workers_of(server),
        deadline_s=DEADLINE_S,
    )
    os.kill(before[1], signal.SIGKILL)
    # Nobody is left but the new one, which may be still starting: the connection waits for it.
    assert ask(server, "GET", f"/resource_providers/{uuid(0)}").status_code == 200
    workers = workers_of(server)
    assert server.stop() == 0
    assert not any(map(is_alive, workers))
    assert not (server.data_dir / "server.json").exists()


def test_workers_end_with_the_one_that_started_them(server: Server) -> None:
    workers = workers_of(server)
    server.kill()
    poll(lambda: not any(map(is_alive, workers)), deadline_s=DEADLINE_S)


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_who_shares_and_who_wants_it_alone(
    server: Server, innkeeper: Innkeeper, tmp_path: Path, postgresql_url: DatabaseUrl
) -> None:
    database = ("--database-url", postgresql_url)
    for command in (("up", "--port", 0), ("api", "--port", 0), ("db", "sync")):
        refused = innkeeper(*command, *database, "--data-dir", tmp_path / "other")
        assert refused.returncode == 2
        assert "in use by another process" in refused.stderr
    beside = Server(tmp_path / "beside", "--workers", 1, *database, command="api")
    beside.start()
    try:
        body = {"name": "one", "uuid": uuid(1)}
        assert ask(server, "POST", "/resource_providers", json=body).status_code == 200
        assert ask(beside, "GET", f"/resource_providers/{uuid(1)}").status_code == 200
    finally:
        assert beside.stop() == 0
    # The data directory says who serves it.
    audited = innkeeper("audit", "--json", "--data-dir", server.data_dir)
    assert audited.returncode == 0, audited.stderr


def test_who_has_it_alone_refuses_workers(
    innkeeper: Innkeeper, tmp_path: Path, postgresql_url: DatabaseUrl
) -> None:
    database = ("--database-url", postgresql_url)
    alone = Server(tmp_path / "alone", *database, command="api")
    alone.start()
    try:
        refused = innkeeper(
            "api", "--workers", 2, "--port", 0, *database, "--data-dir", tmp_path / "other"
        )
        assert refused.returncode == 2
        assert "in use by another process" in refused.stderr
    finally:
        alone.stop()


def test_sqlite_is_refused(innkeeper: Innkeeper, tmp_path: Path) -> None:
    refused = innkeeper("api", "--workers", 2, "--port", 0, "--data-dir", tmp_path / "inn")
    assert refused.returncode == 2
    assert "--database-url" in refused.stderr
    assert refused.stderr.count("\n") == 1
