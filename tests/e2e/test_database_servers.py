"""The whole system on a database server: a real trace as servers, and kills of either side."""

import gzip
import json
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.e2e.conftest import Innkeeper, serving
from tests.e2e.test_kill import BODY, DEADLINE_S, all_final, wait_for
from tests.servers.server import DatabaseUrl

pytestmark = pytest.mark.slow

NODES: Final = 50
TASKS: Final = 200


@pytest.fixture
def part_of_openb(checkout: Path, tmp_path: Path) -> Path:
    """Give the first nodes and tasks of OpenB, as a trace of its own."""
    folder = tmp_path / "part"
    folder.mkdir()
    for name, count in (
        ("openb_node_list_gpu_node.csv", NODES),
        ("openb_pod_list_default.csv.gz", TASKS),
    ):
        raw = (checkout / "examples/openb" / name).read_bytes()
        text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()
        lines = text.splitlines(keepends=True)[: count + 1]
        (folder / name.removesuffix(".gz")).write_text("".join(lines))
    return folder


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_openb_as_servers(
    innkeeper: Innkeeper, part_of_openb: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    url: DatabaseUrl = request.getfixturevalue(f"{engine}_url")
    replay = (
        *("replay", "openb", "--as-servers", "--exit", "--port", 0, "--failure-rate", 0.2),
        *("--data", part_of_openb, "--json", "--database-url", url),
    )
    done = innkeeper(*replay)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    last = result["last"]
    assert last["active"] + sum(result["errors"].values()) == last["tasks"] == TASKS
    assert last["retried"] > 0
    assert result["audit"]["findings"] == []

    audited = innkeeper("audit", "--database-url", url, "--json")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    (books,) = json.loads(audited.stdout)["audits"]
    assert books["counts"]["hosts"] == NODES
    assert books["counts"]["instances"] >= TASKS
    assert url.password + "@" not in books["database"]

    again = innkeeper(*replay)
    assert again.returncode == 2
    assert "holds something already" in again.stderr


def test_the_server_and_innkeeper_are_killed_in_turn(
    innkeeper: Innkeeper, tmp_path: Path, postgresql_url: DatabaseUrl
) -> None:
    options = ("--database-url", postgresql_url, "--hosts", 8, "--build-s", 0.05)
    created: set[str] = set()
    with serving(tmp_path / "inn", *options) as server:
        for _ in range(2):
            created |= create(server.url, 10)
            postgresql_url.server.kill()
            postgresql_url.server.start()
            created |= create(server.url, 10)
            server.kill()
            server.start()
        second = innkeeper("up", "--port", 0, "--data-dir", "other", *options)
        assert second.returncode == 2
        assert "in use by another process" in second.stderr
        final = wait_for(lambda: all_final(server.url, set()))
        assert server.stop() == 0
    assert created <= final.keys(), "an instance that was answered for is lost"
    audited = innkeeper("audit", "--database-url", postgresql_url, "--json")
    assert audited.returncode == 0, audited.stdout + audited.stderr


def create(url: str, count: int) -> set[str]:
    with httpx2.Client(base_url=url, timeout=DEADLINE_S) as client:
        answers = [client.post("/v1/instances", json=BODY) for _ in range(count)]
    assert [answer.status_code for answer in answers] == [202] * count
    return {answer.json()["instance"]["uuid"] for answer in answers}
