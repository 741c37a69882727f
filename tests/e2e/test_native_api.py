"""The native API of a whole system, asked inside this process."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import msgspec
import pytest

from innkeeper.config import Config, SimulationSettings
from innkeeper.wiring.parts import scheduler_settings
from innkeeper.wiring.simulated import simulated_hosts
from innkeeper.wiring.system import running

UNKNOWN = "0b3a5b4e-6d0c-4a3e-9f3a-7d7f6d6a4b11"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    config = msgspec.structs.replace(
        Config(),
        data_dir=str(tmp_path),
        api=msgspec.structs.replace(Config().api, port=0),
        simulation=SimulationSettings(hosts=6, build_s=0.0, failure_rate=0.0),
    )
    async with (
        running(
            config,
            simulated_hosts(config),
            scheduling=scheduler_settings(config),
            random=Random(1),
        ) as system,
        httpx2.AsyncClient(base_url=system.url) as client,
    ):
        yield client


def instance(name: str = "one", **more: object) -> dict[str, object]:
    asked = {"name": name, "project_id": "p", "user_id": "u", "resources": {"VCPU": 1}, **more}
    return {"instance": asked}


async def until_final(client: httpx2.AsyncClient, href: str) -> Any:
    while True:
        shown = (await client.get(href)).json()["instance"]
        if shown["task_state"] is None:
            return shown


async def test_the_root_says_what_there_is(client: httpx2.AsyncClient) -> None:
    versions = (await client.get("/")).json()["versions"]
    assert [each["id"] for each in versions] == ["v1", "placement"]
    ready = (await client.get("/readyz")).json()
    assert ready["status"] == "ready"
    assert {each["name"]: each["holds"] for each in ready["conditions"]} == {
        "started": True,
        "store_writable": True,
        "index_fresh": True,
    }
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/v1")).json()["version"]["id"] == "v1"
    assert (await client.get("/v1/openapi.json")).json()["openapi"] == "3.1.0"
    assert (await client.get("/placement/")).json()["versions"][0]["max_version"] == "1.39"


async def test_every_answer_names_its_version_and_request(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/cells")
    assert answer.headers["openstack-api-version"] == "innkeeper 1.0"
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    refused = await client.get("/v1/cells", headers={"OpenStack-API-Version": "innkeeper 9.9"})
    assert refused.status_code == 406


async def test_what_a_microversion_lacks_is_not_there(client: httpx2.AsyncClient) -> None:
    old = await client.post("/v1/repairs", json={})
    assert (old.status_code, old.json()["errors"][0]["code"]) == (404, "innkeeper.no_such_path")
    new = await client.post(
        "/v1/repairs", json={}, headers={"OpenStack-API-Version": "innkeeper 1.1"}
    )
    assert new.status_code == 201
    document = (await client.get("/v1/openapi.json")).json()
    plan = document["paths"]["/v1/repairs"]["post"]
    assert plan["description"] == "Since microversion 1.1."
    assert "404" in plan["responses"]


async def test_the_document_says_who_may_ask(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/v1/openapi.json")).json()
    schemes = document["components"]["securitySchemes"]
    assert {name for each in document["security"] for name in each} == set(schemes)
    assert document["paths"]["/v1"]["get"]["security"] == []
    assert "security" not in document["paths"]["/v1/cells"]["get"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "innkeeper.no_such_path"),
        ("GET", "/v1/nothing", 404, "innkeeper.no_such_path"),
        ("PUT", "/v1/cells", 405, "innkeeper.method_not_allowed"),
        ("GET", "/v1/hosts/nobody", 404, "innkeeper.not_found"),
        ("POST", "/v1/hosts/nobody/enable", 404, "innkeeper.not_found"),
        ("POST", "/v1/cells/nowhere/disable", 404, "innkeeper.not_found"),
        ("GET", f"/v1/instances/{UNKNOWN}", 404, "innkeeper.not_found"),
        ("GET", "/v1/instances/x", 404, "innkeeper.not_found"),
        ("DELETE", f"/v1/instances/{UNKNOWN}", 404, "innkeeper.not_found"),
        ("GET", "/v1/instances?limit=0", 400, "innkeeper.invalid_input"),
        ("GET", "/v1/instances?marker=x", 400, "innkeeper.invalid_input"),
        ("GET", "/v1/provider-trees/x", 404, "innkeeper.not_found"),
        ("GET", "/v1/audits/x", 404, "innkeeper.not_found"),
        ("DELETE", f"/v1/server-groups/{UNKNOWN}", 404, "innkeeper.not_found"),
        ("POST", "/v1/instances", 400, "innkeeper.invalid_input"),
    ],
)
async def test_errors(
    client: httpx2.AsyncClient,
    method: str,
    path: str,
    status: int,
    code: str,
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    (problem,) = answer.json()["errors"]
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["detail"]


async def test_an_instance_lives_and_dies(client: httpx2.AsyncClient) -> None:
    accepted = await client.post("/v1/instances", json=instance(host="cell-b-host-0002"))
    assert accepted.status_code == 202
    href = accepted.headers["location"]
    shown = await until_final(client, href)
    assert (shown["status"], shown["host"], shown["cell"]) == (
        "ACTIVE",
        "cell-b-host-0002",
        "cell-b",
    )
    assert shown["selection"]["allocations"][0]["amount"] == 1
    decision = (await client.get(f"{href}/decision")).json()["decision"]
    assert decision["why"].startswith("Of 6 hosts")
    host = (await client.get("/v1/hosts/cell-b-host-0002")).json()["host"]
    assert host["resources"]["VCPU"]["used"] == 1

    assert (await client.delete(href)).status_code == 202
    assert (await until_final(client, href))["status"] == "DELETED"
    host = (await client.get("/v1/hosts/cell-b-host-0002")).json()["host"]
    assert host["resources"]["VCPU"]["used"] == 0


async def test_what_fits_nowhere_is_recorded_with_the_reason(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/instances", json=instance(resources={"PGPU": 3}))
    assert answer.status_code == 202
    refused = answer.json()["instance"]
    assert refused["status"] == "ERROR"
    assert refused["fault"]["code"] == "innkeeper.no_valid_host"
    assert refused["selection"] is None


async def test_pages_give_each_instance_once(client: httpx2.AsyncClient) -> None:
    names = [f"n{number}" for number in range(7)]
    for name in names:
        await client.post("/v1/instances", json=instance(name))
    found, path = [], "/v1/instances?limit=3&project_id=p"
    sizes = []
    while path:
        page = (await client.get(path)).json()
        sizes.append(len(page["instances"]))
        found += [each["name"] for each in page["instances"]]
        path = next((link["href"] for link in page["links"]), "")
    assert found == names
    assert sizes == [3, 3, 1]
    assert (await client.get("/v1/instances?project_id=other")).json()["instances"] == []


async def test_hosts_are_paged_disabled_and_enabled(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/v1/hosts?cell=cell-a&limit=2")).json()
    assert [host["name"] for host in page["hosts"]] == ["cell-a-host-0001", "cell-a-host-0002"]
    rest = (await client.get(page["links"][0]["href"])).json()
    assert [host["name"] for host in rest["hosts"]] == ["cell-a-host-0003"]
    assert rest["links"] == []

    off = await client.post("/v1/hosts/cell-a-host-0001/disable", json={"reason": "disk"})
    assert off.json()["host"]["disabled_reason"] == "disk"
    refused = await client.post("/v1/instances", json=instance(host="cell-a-host-0001"))
    assert refused.json()["instance"]["status"] == "ERROR"
    on = await client.post("/v1/hosts/cell-a-host-0001/enable")
    assert on.json()["host"]["enabled"] is True


async def test_a_disabled_cell_gets_nothing(client: httpx2.AsyncClient) -> None:
    cells = (await client.get("/v1/cells")).json()["cells"]
    assert [(cell["name"], cell["up"], cell["hosts"]) for cell in cells] == [
        ("cell-a", True, 3),
        ("cell-b", True, 3),
    ]
    await client.post("/v1/cells/cell-a/disable")
    placed = [await client.post("/v1/instances", json=instance()) for _ in range(4)]
    assert {each.json()["instance"]["cell"] for each in placed} == {"cell-b"}
    assert (await client.post("/v1/cells/cell-a/enable")).json()["cell"]["enabled"] is True


async def test_a_server_group_keeps_its_members_apart(client: httpx2.AsyncClient) -> None:
    made = await client.post(
        "/v1/server-groups",
        json={"server_group": {"name": "db", "policy": "anti-affinity"}},
    )
    assert made.status_code == 201
    uuid = made.json()["server_group"]["uuid"]
    placed = [
        (await client.post("/v1/instances", json=instance(server_group=uuid))).json()["instance"]
        for _ in range(7)
    ]
    hosts = [each["host"] for each in placed if each["host"] is not None]
    assert len(hosts) == len(set(hosts)) == 6
    assert placed[6]["fault"]["code"] == "innkeeper.no_valid_host"
    group = (await client.get(made.headers["location"])).json()["server_group"]
    assert [each["members"] for each in group["hosts"]] == [1] * 6
    assert len((await client.get("/v1/server-groups")).json()["server_groups"]) == 1
    assert (await client.delete(made.headers["location"])).status_code == 204
    assert (await client.get(made.headers["location"])).status_code == 404


async def test_selections_are_claimed_for_consumers_of_ones_own(
    client: httpx2.AsyncClient,
) -> None:
    other = "5b0f6a3e-1d1c-4f6f-9a57-0d6a6d7a1b22"
    asked = {
        "project_id": "p",
        "user_id": "u",
        "resources": {"VCPU": 2},
        "consumers": [UNKNOWN, other],
        "alternates": 2,
    }
    answer = await client.post("/v1/selections", json={"selections": asked})
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["selections"]
    assert (first["consumer"], second["consumer"]) == (UNKNOWN, other)
    # The third host of the cell is left as an alternate: the request itself takes two.
    assert len(first["selections"]) == 2
    cells = {each["cell"] for each in first["selections"]}
    assert len(cells) == 1
    held = (await client.get(f"/placement/allocations/{UNKNOWN}")).json()["allocations"]
    assert held[first["selections"][0]["provider"]]["resources"] == {"VCPU": 2}
    again = await client.post("/v1/selections", json={"selections": asked})
    assert again.status_code == 409
    assert again.json()["errors"][0]["code"] == "innkeeper.duplicate_name"


async def test_a_tree_is_found_by_any_of_its_providers(client: httpx2.AsyncClient) -> None:
    by_name = (await client.get("/v1/provider-trees/cell-a-host-0001_gpu1")).json()
    tree = by_name["provider_tree"]
    assert tree["name"] == "cell-a-host-0001"
    assert tree["inventories"]["VCPU"]["capacity"] == 32
    by_uuid = await client.get(f"/v1/provider-trees/{tree['children'][0]['uuid']}")
    assert by_uuid.json() == by_name
    page = (await client.get("/v1/provider-trees?limit=4")).json()
    assert len(page["provider_trees"]) == 4
    rest = (await client.get(page["links"][0]["href"])).json()
    assert [each["name"] for each in rest["provider_trees"]] == [
        "cell-b-host-0002",
        "cell-b-host-0003",
    ]


async def test_an_audit_runs_and_is_kept(client: httpx2.AsyncClient) -> None:
    begun = await client.post("/v1/audits")
    assert begun.status_code == 202
    audit = begun.json()["audit"]
    while audit["state"] == "running":
        audit = (await client.get(begun.headers["location"])).json()["audit"]
    assert audit["clean"] is True
    assert audit["counts"]["hosts"] == 6
    assert (await client.get("/v1/audits")).json()["audits"] == [audit]


async def test_metrics_tell_what_happened(client: httpx2.AsyncClient) -> None:
    made = await client.post("/v1/instances", json=instance())
    await until_final(client, made.headers["location"])
    await client.get("/placement/allocation_candidates?resources=VCPU:1", headers=LATEST)
    await client.get("/placement/nowhere")
    lines = (await client.get("/metrics")).text.splitlines()
    for line in (
        'innkeeper_requests_total{api="native",method="POST",route="/instances",status="202"} 1.0',
        'innkeeper_requests_total{api="placement",method="GET",route="other",status="404"} 1.0',
        'innkeeper_searches_total{outcome="found"} 1.0',
        'innkeeper_claims_total{outcome="won"} 1.0',
        'innkeeper_builds_total{outcome="built",place="first"} 1.0',
        "innkeeper_index_hosts 6.0",
        "innkeeper_index_held_claims 0.0",
    ):
        assert line in lines, line
    assert any(line.startswith("innkeeper_store_commits_total") for line in lines)


LATEST = {"openstack-api-version": "placement latest"}
