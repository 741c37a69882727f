"""The `openstack` command with osc-placement, as an operator types it, against Innkeeper."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients.live_innkeeper import LiveInnkeeper
from tests.clients.openstack_shell import OpenStackShell, openstack_shell

HOST: Final = "aaaaaaaa-0000-4000-8000-000000000001"
GPU: Final = "aaaaaaaa-0000-4000-8000-000000000002"
OTHER: Final = "aaaaaaaa-0000-4000-8000-000000000003"
RACK: Final = "cccccccc-0000-4000-8000-000000000001"
SERVER: Final = "bbbbbbbb-0000-4000-8000-000000000001"
PROJECT: Final = "dddddddd-0000-4000-8000-000000000001"
USER: Final = "eeeeeeee-0000-4000-8000-000000000001"
NOBODY: Final = "ffffffff-0000-4000-8000-000000000001"
OWNED: Final = f"--project-id {PROJECT} --user-id {USER}"
MAX_INT: Final = 2147483647

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("openstack-command")]

ENTRY_POINTS: Final = (
    "import importlib.metadata as m;"
    "print(*(e.name for e in m.entry_points(group='openstack.placement.v1')), sep='\\n')"
)


@pytest.fixture
def empty(innkeeper: LiveInnkeeper) -> Iterator[LiveInnkeeper]:
    """Give the server, and remove what the test has left of its own."""
    yield innkeeper
    innkeeper.request("DELETE", f"/allocations/{SERVER}")
    for uuid in (GPU, HOST, OTHER):
        innkeeper.request("DELETE", f"/resource_providers/{uuid}")


@pytest.fixture
def shell(
    request: pytest.FixtureRequest,
    peers: Path,
    client_environment: dict[str, str],
    empty: LiveInnkeeper,
) -> Iterator[OpenStackShell]:
    """Give an `openstack` of the microversion that the test is parametrized with."""
    with openstack_shell(
        peers / "openstack", client_environment, url=empty.placement, version=request.param
    ) as one:
        yield one


def at(*versions: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shell", versions, indirect=True)


def provider(uuid: str, name: str, generation: int, *, parent: str | None = None) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name,
        "generation": generation,
        "root_provider_uuid": parent or uuid,
        "parent_provider_uuid": parent,
    }


def inventory(total: int, **fields: float) -> dict[str, Any]:
    usual = {"reserved": 0, "min_unit": 1, "max_unit": MAX_INT, "step_size": 1}
    return {"total": total, "allocation_ratio": 1.0, **usual, **fields}


def names(rows: list[dict[str, str]]) -> list[str]:
    return [row["name"] for row in rows]


def make_names(shell: OpenStackShell) -> None:
    shell.silent("resource class create CUSTOM_LICENSE")
    shell.silent("resource class set CUSTOM_LICENSE")
    shell.silent("resource class set CUSTOM_SEAT")
    assert shell.json("resource class show CUSTOM_SEAT") == {"name": "CUSTOM_SEAT"}
    listed = names(shell.json("resource class list"))
    assert listed[:3] == ["VCPU", "MEMORY_MB", "DISK_GB"]
    assert {"CUSTOM_LICENSE", "CUSTOM_SEAT"} < set(listed)
    shell.silent("resource class delete CUSTOM_SEAT")
    assert "No such resource class CUSTOM_SEAT" in shell.text("resource class show CUSTOM_SEAT")
    shell.silent("trait create CUSTOM_FAST")
    shell.silent("trait create CUSTOM_SLOW")
    assert shell.json("trait show CUSTOM_FAST") == {"name": "CUSTOM_FAST"}
    found = shell.json("trait list --name startswith:CUSTOM_")
    assert sorted(names(found)) == ["CUSTOM_FAST", "CUSTOM_SLOW"]
    shell.silent("trait delete CUSTOM_SLOW")
    assert "HTTP 404" in shell.text("trait show CUSTOM_SLOW")


def make_providers(shell: OpenStackShell) -> None:
    made = shell.json(f"resource provider create --uuid {HOST} rack1-host1")
    assert made == provider(HOST, "rack1-host1", 0)
    made = shell.json(f"resource provider create --uuid {GPU} --parent-provider {HOST} gpu0")
    assert made == provider(GPU, "gpu0", 0, parent=HOST)
    shell.json(f"resource provider create --uuid {OTHER} spare")
    renamed = shell.json(f"resource provider set {OTHER} --name spare-gpu --parent-provider {HOST}")
    assert renamed == provider(OTHER, "spare-gpu", 0, parent=HOST)
    assert shell.json(f"resource provider show {OTHER}") == renamed
    tree = shell.json(f"resource provider list --in-tree {GPU}")
    assert {row["uuid"] for row in tree} == {HOST, GPU, OTHER}
    assert shell.json("resource provider list --name gpu0") == [made]
    shell.silent(f"resource provider delete {OTHER}")
    assert "HTTP 404" in shell.text(f"resource provider show {OTHER}")


def stock_providers(shell: OpenStackShell) -> None:
    rows = shell.json(
        f"resource provider inventory set {HOST} --resource VCPU=16",
        "--resource VCPU:allocation_ratio=4.0 --resource MEMORY_MB=4096",
        "--resource MEMORY_MB:reserved=512 --resource MEMORY_MB:step_size=256",
    )
    vcpu = inventory(16, allocation_ratio=4.0)
    memory = inventory(4096, reserved=512, step_size=256)
    assert {row.pop("resource_class"): row for row in rows} == {"VCPU": vcpu, "MEMORY_MB": memory}
    amended = shell.json(
        f"resource provider inventory set {HOST} --amend --resource CUSTOM_LICENSE=3"
    )
    assert {row["resource_class"] for row in amended} == {"VCPU", "MEMORY_MB", "CUSTOM_LICENSE"}
    shown = shell.json(f"resource provider inventory show {HOST} VCPU")
    assert shown == {**vcpu, "used": 0}
    shell.json(f"resource provider inventory set {GPU} --resource PGPU=4")
    one = shell.json(
        f"resource provider inventory class set {GPU} PGPU --total 8 --max_unit 2 --reserved 1"
    )
    assert one == inventory(8, max_unit=2, reserved=1)
    shell.silent(f"resource provider inventory delete {HOST} --resource-class CUSTOM_LICENSE")
    listed = shell.json(f"resource provider inventory list {HOST}")
    assert {row.pop("resource_class"): row for row in listed} == {
        "VCPU": {**vcpu, "used": 0},
        "MEMORY_MB": {**memory, "used": 0},
    }


def describe_providers(shell: OpenStackShell) -> None:
    host = shell.json(f"resource provider show {HOST}")
    rows = shell.json(
        f"resource provider aggregate set {HOST} --aggregate {RACK}",
        f"--generation {host['generation']}",
    )
    assert rows == [{"uuid": RACK}]
    assert shell.json(f"resource provider aggregate list {HOST}") == [{"uuid": RACK}]
    conflict = shell.text(
        f"resource provider aggregate set {HOST} --generation {host['generation']}"
    )
    assert "generation already changed" in conflict
    assert "HTTP 409" in conflict
    found = shell.json(f"resource provider list --member-of {RACK} --resource VCPU=64")
    assert [row["uuid"] for row in found] == [HOST]
    assert shell.json(f"resource provider list --member-of {RACK} --resource VCPU=65") == []
    rows = shell.json(
        f"resource provider trait set {HOST} --trait CUSTOM_FAST --trait HW_CPU_X86_AVX2"
    )
    assert sorted(names(rows)) == ["CUSTOM_FAST", "HW_CPU_X86_AVX2"]
    shell.json(f"resource provider trait set {GPU} --trait CUSTOM_FAST")
    shell.silent(f"resource provider trait delete {GPU}")
    assert shell.json(f"resource provider trait list {GPU}") == []
    assert sorted(names(shell.json("trait list --associated"))) == [
        "CUSTOM_FAST",
        "HW_CPU_X86_AVX2",
    ]
    either = "--required CUSTOM_FAST,HW_CPU_X86_SSE"
    assert len(shell.json(f"resource provider list {either} --forbidden HW_CPU_X86_SGX")) == 1


def find_a_place(shell: OpenStackShell) -> None:
    rows = shell.json(
        "allocation candidate list --resource VCPU=2 --resource MEMORY_MB=512",
        f"--required CUSTOM_FAST --member-of {RACK} --group 1 --resource PGPU=1",
    )
    by_provider = {row.pop("resource provider"): row for row in rows}
    host, gpu = by_provider[HOST], by_provider[GPU]
    assert {row["#"] for row in rows} == {1}
    assert set(host["allocation"].split(",")) == {"VCPU=2", "MEMORY_MB=512"}
    used = {"VCPU=0/64", "MEMORY_MB=0/3584"}
    assert set(host["inventory used/capacity"].split(",")) == used
    assert sorted(host["traits"].split(",")) == ["CUSTOM_FAST", "HW_CPU_X86_AVX2"]
    assert gpu == {"#": 1, "allocation": "PGPU=1", "inventory used/capacity": "PGPU=0/7"} | {
        "traits": ""
    }
    assert shell.json("allocation candidate list --resource VCPU=1 --forbidden CUSTOM_FAST") == []


def take_it(shell: OpenStackShell, server: LiveInnkeeper) -> None:
    claim = f"resource provider allocation set {SERVER} {OWNED} --consumer-type INSTANCE"
    on_host = f"--allocation rp={HOST},VCPU=2,MEMORY_MB=512"
    rows = shell.json(claim, on_host, f"--allocation rp={GPU},PGPU=1")
    owner = {"project_id": PROJECT, "user_id": USER, "consumer_type": "INSTANCE"}
    by_provider = {row.pop("resource_provider"): row for row in rows}
    assert by_provider[HOST]["resources"] == {"VCPU": 2, "MEMORY_MB": 512}
    assert by_provider[GPU]["resources"] == {"PGPU": 1}
    assert by_provider[GPU].items() > owner.items()
    held = server.get(f"/allocations/{SERVER}")
    assert held["consumer_generation"] == 1
    assert {uuid: each["resources"] for uuid, each in held["allocations"].items()} == {
        HOST: {"VCPU": 2, "MEMORY_MB": 512},
        GPU: {"PGPU": 1},
    }
    shown = shell.json(f"resource provider show {HOST} --allocations")
    assert shown["allocations"][SERVER]["resources"] == {"VCPU": 2, "MEMORY_MB": 512}
    usage = shell.json(f"resource provider usage show {HOST}")
    assert {row["resource_class"]: row["usage"] for row in usage} == {"VCPU": 2, "MEMORY_MB": 512}
    mine = shell.json(f"resource usage show {PROJECT} --user-id {USER}")
    assert mine == [
        {
            "resource_class": "INSTANCE",
            "usage": {"consumer_count": 1, "VCPU": 2, "MEMORY_MB": 512, "PGPU": 1},
        }
    ]
    too_much = shell.text(claim, f"--allocation rp={HOST},VCPU=65")
    assert "Unable to create allocation for 'VCPU' on resource provider" in too_much
    assert "HTTP 409" in too_much


def give_it_back(shell: OpenStackShell, server: LiveInnkeeper) -> None:
    in_use = shell.text(f"resource provider inventory delete {HOST} --resource-class VCPU")
    assert "in use" in in_use
    assert "HTTP 409" in in_use
    left = shell.json(f"resource provider allocation unset {SERVER} --provider {GPU}")
    assert [row["resource_provider"] for row in left] == [HOST]
    left = shell.json(f"resource provider allocation unset {SERVER} --resource-class MEMORY_MB")
    assert [row["resources"] for row in left] == [{"VCPU": 2}]
    assert shell.json(f"resource provider allocation show {SERVER}") == left
    shell.silent(f"resource provider allocation delete {SERVER}")
    assert shell.json(f"resource provider allocation show {SERVER}") == []
    assert "HTTP 404" in shell.text(f"resource provider allocation delete {SERVER}")
    assert server.get(f"/resource_providers/{HOST}/usages")["usages"] == {"VCPU": 0, "MEMORY_MB": 0}
    assert "HTTP 409" in shell.text(f"resource provider delete {HOST}")
    shell.silent(f"resource provider inventory delete {HOST}")
    shell.silent(f"resource provider delete {GPU}")
    shell.silent(f"resource provider delete {HOST}")
    assert shell.json("resource provider list") == []
    shell.silent("trait delete CUSTOM_FAST")
    shell.silent("resource class delete CUSTOM_LICENSE")


@at("1.39")
def test_every_command(shell: OpenStackShell, peers: Path, empty: LiveInnkeeper) -> None:
    make_names(shell)
    make_providers(shell)
    stock_providers(shell)
    describe_providers(shell)
    find_a_place(shell)
    take_it(shell, empty)
    give_it_back(shell, empty)
    listed = subprocess.run(
        [peers / "python", "-c", ENTRY_POINTS], capture_output=True, text=True, check=True
    )
    commands = {name.replace("_", " ") for name in listed.stdout.split()}
    assert len(commands) >= 31
    assert {name for name in commands if not any(name in line for line in shell.lines)} == set()


@at("1.0")
def test_the_oldest_version(shell: OpenStackShell, empty: LiveInnkeeper) -> None:
    made = shell.json(f"resource provider create --uuid {HOST} old")
    assert made == {"uuid": HOST, "name": "old", "generation": 0}
    shell.json(f"resource provider inventory set {HOST} --resource VCPU=4")
    rows = shell.json(f"resource provider allocation set {SERVER} --allocation rp={HOST},VCPU=3")
    assert rows == [{"resource_provider": HOST, "generation": 2, "resources": {"VCPU": 3}}]
    assert (
        empty.get(f"/allocations/{SERVER}")["project_id"] == "0" * 8 + "-0000" * 3 + "-" + "0" * 12
    )
    assert "requires at least version 1.6" in shell.text("trait list")
    shell.silent(f"resource provider allocation delete {SERVER}")
    shell.silent(f"resource provider inventory delete {HOST} --resource-class VCPU")
    assert shell.json(f"resource provider inventory list {HOST}") == []


@at("1.28")
def test_a_version_between(shell: OpenStackShell) -> None:
    shell.json(f"resource provider create --uuid {HOST} between")
    shell.json(f"resource provider inventory set {HOST} --resource VCPU=4")
    candidates = shell.json("allocation candidate list --resource VCPU=2")
    assert [(row["allocation"], row["resource provider"]) for row in candidates] == [
        ("VCPU=2", HOST)
    ]
    claim = f"resource provider allocation set {SERVER} {OWNED} --allocation"
    for amount in (2, 3):
        rows = shell.json(f"{claim} rp={HOST},VCPU={amount}")
        assert [row["resources"] for row in rows] == [{"VCPU": amount}]
        assert rows[0]["project_id"] == PROJECT
    mine = shell.json(f"resource usage show {PROJECT}")
    assert mine == [{"resource_class": "VCPU", "usage": 3}]
    assert shell.json(f"resource provider allocation unset {SERVER}") == []


@at("1")
def test_the_version_that_the_command_negotiates(shell: OpenStackShell) -> None:
    made = shell.json(f"resource provider create --uuid {HOST} newest")
    assert made == provider(HOST, "newest", 0)
    assert "At least one --resource" in shell.text("allocation candidate list")
    unknown = shell.text("allocation candidate list --resource CUSTOM_NO_SUCH_THING=1")
    assert "CUSTOM_NO_SUCH_THING" in unknown
    assert "HTTP 400" in unknown
    again = shell.text(f"resource provider create --uuid {HOST} another-name")
    assert again == (f"Conflicting resource provider uuid: {HOST} already exists. (HTTP 409)"), (
        again
    )
