"""`innkeeper audit --fix` as an operator types it: without a server, and through one."""

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import Innkeeper, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("audit_fix")]

RP = "5d3f0d8e-0a8e-4a86-9d7e-000000000001"
DEAD, ALIVE, OTHER = (f"5d3f0d8e-0a8e-4a86-9d7e-00000000001{number}" for number in range(3))


def fill(url: str) -> None:
    headers = {"openstack-api-version": "placement 1.39"}
    with httpx2.Client(base_url=f"{url}/placement", headers=headers) as client:
        client.post("/resource_providers", json={"name": "one", "uuid": RP}).raise_for_status()
        client.put(
            f"/resource_providers/{RP}/inventories",
            json={
                "resource_provider_generation": 0,
                "inventories": {"VCPU": {"total": 8}},
            },
        ).raise_for_status()
        for consumer in (DEAD, ALIVE, OTHER):
            client.put(
                f"/allocations/{consumer}",
                json={
                    "allocations": {RP: {"resources": {"VCPU": 2}}},
                    "project_id": "p",
                    "user_id": "u",
                    "consumer_generation": None,
                    "consumer_type": "INSTANCE",
                },
            ).raise_for_status()


def digest(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.glob("innkeeper.db*"))
        # Readers of a database in WAL mode write their marks there.
        if not file.name.endswith(("-shm", "-wal"))
    }


def shown(text: str) -> Any:
    return json.loads(text)["repair"]


def test_without_a_server(innkeeper: Innkeeper, tmp_path: Path) -> None:
    folder = tmp_path / "inn"
    with serving(folder, command="api") as server:
        fill(server.url)
        assert server.stop() == 0
    where = ("--data-dir", folder)
    assert innkeeper("audit", "--fix", *where).returncode == 0
    conn = sqlite3.connect(folder / "innkeeper.db")
    with conn:
        conn.execute("UPDATE inventories SET used = 5")
    conn.close()

    before = digest(folder)
    dry = innkeeper("audit", "--fix", *where)
    assert dry.returncode == 1
    assert "used_equals_allocations" in dry.stdout
    assert "raise used by 1" in dry.stdout
    assert "--yes" in dry.stderr
    assert digest(folder) == before

    done = innkeeper("audit", "--fix", "--yes", *where)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 done" in done.stdout
    assert innkeeper("audit", *where).returncode == 0
    assert innkeeper("audit", "--fix", *where).returncode == 0


def test_orphans_through_a_server(innkeeper: Innkeeper, tmp_path: Path) -> None:
    folder = tmp_path / "inn"
    alive = tmp_path / "alive"
    alive.write_text(f"{ALIVE}\n\n{OTHER.replace('-', '').upper()}\n")
    with serving(folder, command="api") as server:
        fill(server.url)
        where = ("--data-dir", folder, "--live-consumers", alive)
        # Too young by default.
        assert innkeeper("audit", *where).returncode == 0
        found = innkeeper("audit", *where, "--older-than", "0s", "--json")
        assert found.returncode == 1
        (step,) = shown(found.stdout)["steps"]
        assert step["subject"] == DEAD
        assert "2 VCPU of one" in step["problem"]
        assert (
            innkeeper("audit", *where, "--older-than", "0s", "--consumer-type", "OTHER").returncode
            == 0
        )

        fixed = innkeeper("audit", *where, "--older-than", "0s", "--fix", "--yes", "--json")
        assert fixed.returncode == 0, fixed.stderr
        assert shown(fixed.stdout)["done"] == 1
        usages = httpx2.get(f"{server.url}/placement/resource_providers/{RP}/usages")
        assert usages.json()["usages"] == {"VCPU": 4}
        assert innkeeper("audit", *where, "--older-than", "0s").returncode == 0

        alive.write_text("[]")
        held_back = innkeeper("audit", *where, "--older-than", "0s", "--fix", "--yes")
        assert held_back.returncode == 1
        assert "Held back" in held_back.stdout
        usages = httpx2.get(f"{server.url}/placement/resource_providers/{RP}/usages")
        assert usages.json()["usages"] == {"VCPU": 4}


@pytest.mark.parametrize(
    ("text", "words"),
    [("x\n", "entry 1 is no uuid"), ('["x"', "not a JSON list"), (None, "cannot be read")],
)
def test_a_bad_list_is_refused(
    innkeeper: Innkeeper, tmp_path: Path, text: str | None, words: str
) -> None:
    listed = tmp_path / "alive"
    if text is not None:
        listed.write_text(text)
    done = innkeeper("audit", "--live-consumers", listed, "--data-dir", tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
