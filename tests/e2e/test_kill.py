"""A server that is killed at any moment goes on where it was: nothing lost, nothing twice."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Final

import httpx2
import pytest

from tests.e2e.conftest import Innkeeper, Json, Server

pytestmark = pytest.mark.slow

SEED: Final = 20260721
KILLS: Final = 5
CLIENTS: Final = 6
MAX_ANSWERS: Final = 40
"""A kill comes after this many answers at most."""
DEADLINE_S: Final = 120.0
POLL_S: Final = 0.05

BODY: Final = {
    "instance": {
        "name": "guest",
        "project_id": "p",
        "user_id": "u",
        "resources": {"VCPU": 1, "MEMORY_MB": 512},
    }
}


def test_killed_again_and_again(innkeeper: Innkeeper, tmp_path: Path) -> None:
    random = Random(SEED)
    server = Server(tmp_path / "inn", "--hosts", 12, "--build-s", 0.05, "--failure-rate", 0.25)
    created: set[str] = set()
    deleted: set[str] = set()
    try:
        for _ in range(KILLS):
            server.start()
            deleted |= delete_some(server.url, created - deleted, random)
            created |= create_and_kill(server, after=random.randint(1, MAX_ANSWERS))
        server.start()
        final = wait_for(lambda: all_final(server.url, deleted))
        wait_for(lambda: no_tasks(server.url))
        assert server.stop() == 0
    finally:
        server.kill()

    assert created <= set(final), "an instance that was answered for is lost"
    assert {final[uuid]["status"] for uuid in deleted} <= {"DELETED"}
    assert {final[uuid]["status"] for uuid in created - deleted} <= {"ACTIVE", "ERROR"}
    assert Counter(each["status"] for each in final.values())["ACTIVE"] > 0
    audited = innkeeper("audit", "--data-dir", server.data_dir, "--json")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    check_guests(server.data_dir, final)


def create_and_kill(server: Server, *, after: int) -> set[str]:
    """Ask for instances from several clients, and kill the server after so many answers."""
    answers: list[str] = []
    enough = threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=server.url, timeout=DEADLINE_S) as client:
            while True:
                try:
                    response = client.post("/v1/instances", json=BODY)
                except httpx2.TransportError:
                    return
                assert response.status_code == 202, response.text
                answers.append(response.json()["instance"]["uuid"])
                if len(answers) >= after:
                    enough.set()

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask) for _ in range(CLIENTS)]
        assert enough.wait(DEADLINE_S)
        server.kill()
        for each in asking:
            each.result()
    return set(answers)


def delete_some(url: str, uuids: set[str], random: Random) -> set[str]:
    """Delete a few instances, be they built or not; give those whose deletion was accepted."""
    chosen = random.sample(sorted(uuids), len(uuids) // 4)
    with httpx2.Client(base_url=url, timeout=DEADLINE_S) as client:
        for uuid in chosen:
            assert client.delete(f"/v1/instances/{uuid}").status_code == 202
    return set(chosen)


def all_final(url: str, deleted: set[str]) -> dict[str, Json] | None:
    """Give all instances, of those too whose creation nobody was told; None if any is not final."""
    with httpx2.Client(base_url=url, timeout=DEADLINE_S) as client:
        found = {
            each["uuid"]: each
            for query in ("", "&status=DELETED")
            for each in walk(client, f"/v1/instances?limit=50{query}")
        }
    if any(found[uuid]["status"] != "DELETED" for uuid in deleted & set(found)):
        return None
    if any(each["task_state"] is not None for each in found.values()):
        return None
    return found


def walk(client: httpx2.Client, path: str) -> Iterator[Json]:
    following: str | None = path
    while following is not None:
        page = client.get(following).json()
        yield from page["instances"]
        following = next((one["href"] for one in page["links"] if one["rel"] == "next"), None)


def no_tasks(url: str) -> bool | None:
    with httpx2.Client(base_url=url, timeout=DEADLINE_S) as client:
        where = client.post("/v1/audits").headers["location"]
        done = wait_for(lambda: finished(client, where))
    return True if done["counts"]["tasks"] == 0 else None


def finished(client: httpx2.Client, where: str) -> Json | None:
    audit = client.get(where).json()["audit"]
    return audit if audit["state"] == "done" else None


def wait_for(look: Callable[[], Json | None]) -> Json:
    """Look until there is something, or the deadline is past."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        pause.wait(POLL_S)
    raise AssertionError("nothing came in time: something is stuck")


def check_guests(data_dir: Path, final: dict[str, Json]) -> None:
    """Every active instance has one guest, on its own host; no other has any."""
    guests: dict[str, set[str]] = {}
    for journal in sorted(data_dir.glob("guests-*.journal")):
        for line in journal.read_text().splitlines():
            record = json.loads(line)
            if record["type"] == "made":
                guests.setdefault(record["guest"]["instance"], set()).add(record["guest"]["host"])
            else:
                guests[record["instance"]].remove(record["host"])
    there = {uuid: hosts for uuid, hosts in guests.items() if hosts}
    active = {uuid: {one["host"]} for uuid, one in final.items() if one["status"] == "ACTIVE"}
    assert there == active
