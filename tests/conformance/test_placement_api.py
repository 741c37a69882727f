"""What clients rely on and upstream's suite does not look at."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.in_process import Client, client_of

HOST = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER = "aaaaaaaa-0000-4000-8000-000000000002"
ONE = "bbbbbbbb-0000-4000-8000-000000000001"
TWO = "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with client_of(tmp_path) as client:
        yield client


async def host(client: Client, uuid: str = HOST, **inventories: int) -> None:
    await client("POST", "/resource_providers", body={"name": uuid, "uuid": uuid})
    body = {
        "resource_provider_generation": 0,
        "inventories": {name: {"total": total} for name, total in inventories.items()},
    }
    answer = await client("PUT", f"/resource_providers/{uuid}/inventories", body=body)
    assert answer.status == 200


def held(generation: int | None, **resources: dict[str, int]) -> dict[str, Any]:
    return {
        "allocations": {
            uuid.replace("_", "-"): {"resources": amounts} for uuid, amounts in resources.items()
        },
        "project_id": "p",
        "user_id": "u",
        "consumer_type": "INSTANCE",
        "consumer_generation": generation,
    }


def on(uuid: str, generation: int | None, **amounts: int) -> dict[str, Any]:
    return held(generation, **{uuid: amounts})


@pytest.mark.parametrize("path", ["", "/"])
async def test_discovery_needs_no_token(client: Client, path: str) -> None:
    answer = await client("GET", path, root_path="/placement", headers={"x-auth-token": ""})
    assert answer.status == 200
    assert answer.json["versions"][0]["max_version"] == "1.39"


async def test_below_a_mount_links_and_locations_name_it(client: Client) -> None:
    answer = await client(
        "POST", "/resource_providers", body={"name": "n", "uuid": HOST}, root_path="/placement"
    )
    path = f"/placement/resource_providers/{HOST}"
    assert answer.headers["location"] == f"http://inn.example:8080{path}"
    assert answer.json["links"][0] == {"rel": "self", "href": path}


async def test_an_empty_put_without_a_content_type(client: Client) -> None:
    for version in ("1.7", "1.39"):
        headers = {"content-length": "0"}
        path = f"/resource_classes/CUSTOM_V{version.replace('.', '_')}"
        assert (await client("PUT", path, version=version, headers=headers)).status == 201


async def test_what_one_consumer_gives_up_another_takes_in_the_same_request(
    client: Client,
) -> None:
    await host(client, VCPU=4)
    await host(client, OTHER, VCPU=4)
    assert (await client("PUT", f"/allocations/{ONE}", body=on(HOST, None, VCPU=4))).status == 204
    assert (await client("PUT", f"/allocations/{TWO}", body=on(OTHER, None, VCPU=4))).status == 204
    swapped = {ONE: on(OTHER, 1, VCPU=4), TWO: on(HOST, 1, VCPU=4)}
    assert (await client("POST", "/allocations", body=swapped)).status == 204
    answer = await client("GET", f"/allocations/{ONE}")
    assert list(answer.json["allocations"]) == [OTHER]


async def test_one_consumer_or_provider_in_two_spellings_is_refused(client: Client) -> None:
    await host(client, VCPU=4)
    held_by_one = on(HOST, None, VCPU=1)
    twice_held = held(None, **{HOST: {"VCPU": 1}, HOST.upper(): {"VCPU": 1}})
    inventories = {"resource_provider_generation": 1, "inventories": {"VCPU": {"total": 4}}}
    for method, path, body in (
        ("POST", "/allocations", {ONE: held_by_one, ONE.upper(): held_by_one}),
        ("POST", "/allocations", {ONE: twice_held}),
        ("PUT", f"/allocations/{ONE}", twice_held),
        (
            "POST",
            "/reshaper",
            {"inventories": {HOST: inventories}, "allocations": {ONE: twice_held}},
        ),
        (
            "POST",
            "/reshaper",
            {"inventories": {HOST: inventories, HOST.upper(): inventories}, "allocations": {}},
        ),
    ):
        answer = await client(method, path, body=body)
        assert answer.status == 400
        assert "is named twice" in answer.detail
    answer = await client("GET", f"/resource_providers/{HOST}/usages")
    assert answer.json["usages"] == {"VCPU": 0}


@pytest.mark.parametrize(
    ("method", "target", "raw"),
    [
        ("POST", "/resource_providers", rb'{"name": "a\u0000b"}'),
        ("POST", "/resource_providers", rb'{"name": "a\\\u0000b"}'),
        ("POST", "/resource_providers", '{"name": "a\\u0000b"}'.encode("utf-16")),
        ("GET", "/resource_providers?name=a%00b", b""),
        ("GET", "/allocations/a\0b", b""),
    ],
)
async def test_a_nul_character_is_refused(
    client: Client, method: str, target: str, raw: bytes
) -> None:
    assert (await client(method, target, raw=raw)).status == 400


async def test_what_only_looks_like_a_nul_character_is_taken(client: Client) -> None:
    raw = rb'{"name": "a\\u0000b"}'
    assert (await client("POST", "/resource_providers", raw=raw)).status == 200


async def test_a_failed_first_write_leaves_no_consumer_behind(client: Client) -> None:
    await host(client, VCPU=4)
    for refused in (on(OTHER, None, VCPU=1), on(HOST, None, VCPU=5), on(HOST, None, VCPU=2**70)):
        answer = await client("PUT", f"/allocations/{ONE}", body=refused)
        assert answer.status in {400, 409}
    assert (await client("PUT", f"/allocations/{ONE}", body=on(HOST, None, VCPU=1))).status == 204


async def test_an_answered_write_is_seen_by_the_next_read(client: Client) -> None:
    await host(client, VCPU=4)
    for generation in (None, 1, 2):
        body = on(HOST, generation, VCPU=(generation or 0) + 1)
        assert (await client("PUT", f"/allocations/{ONE}", body=body)).status == 204
        answer = await client("GET", f"/resource_providers/{HOST}/usages")
        assert answer.json["usages"] == {"VCPU": (generation or 0) + 1}


async def test_a_uuid_without_dashes_is_the_same(client: Client) -> None:
    await host(client, VCPU=4)
    bare = ONE.replace("-", "").upper()
    assert (await client("PUT", f"/allocations/{bare}", body=on(HOST, None, VCPU=1))).status == 204
    for spelling in (ONE, bare):
        assert (await client("GET", f"/allocations/{spelling}")).json["allocations"]
    answer = await client("GET", f"/resource_providers/{HOST.replace('-', '')}")
    assert answer.json["uuid"] == HOST


@pytest.mark.parametrize(
    "inventories",
    [
        {"VCPU": None},
        {"VCPU": "x"},
        {"vcpu": None},
        {"vcpu": {"total": 1}},
        {"VCPU": {"total": 1, "allocation_ratio": -1}},
        {"CUSTOM_NONE": {"total": 1}},
    ],
)
async def test_inventories_that_are_refused(client: Client, inventories: dict[str, Any]) -> None:
    await host(client, VCPU=4)
    body = {"resource_provider_generation": 1, "inventories": inventories}
    answer = await client("PUT", f"/resource_providers/{HOST}/inventories", body=body)
    assert answer.status == 400
    answer = await client("GET", f"/resource_providers/{HOST}")
    assert answer.json["generation"] == 1


async def test_a_ratio_beyond_all_bounds_still_counts(client: Client) -> None:
    await client("POST", "/resource_providers", body={"name": HOST, "uuid": HOST})
    body = {
        "resource_provider_generation": 0,
        "inventories": {"VCPU": {"total": 2**31 - 1, "allocation_ratio": 3.4e38}},
    }
    answer = await client("PUT", f"/resource_providers/{HOST}/inventories", body=body)
    assert answer.status == 200
    answer = await client("GET", "/allocation_candidates?resources=VCPU:2147483647")
    assert len(answer.json["allocation_requests"]) == 1


async def test_candidates_are_what_a_claim_takes(client: Client) -> None:
    await host(client, VCPU=4, MEMORY_MB=64)
    query = "resources=VCPU:2,MEMORY_MB:8"
    found = (await client("GET", f"/allocation_candidates?{query}")).json
    assert found["provider_summaries"][HOST] == {
        "resources": {
            "VCPU": {"capacity": 4, "used": 0},
            "MEMORY_MB": {"capacity": 64, "used": 0},
        },
        "traits": [],
        "parent_provider_uuid": None,
        "root_provider_uuid": HOST,
    }
    (request,) = found["allocation_requests"]
    body = {**held(None), **request}
    assert (await client("PUT", f"/allocations/{ONE}", body=body)).status == 204
    assert request["mappings"] == {"": [HOST]}


async def devices(client: Client, count: int) -> None:
    """Put ``count`` like devices below a host."""
    await client("POST", "/resource_providers", body={"name": "root", "uuid": OTHER})
    for number in range(count):
        uuid = f"dddddddd-0000-4000-8000-{number:012}"
        body = {"name": uuid, "uuid": uuid, "parent_provider_uuid": OTHER}
        await client("POST", "/resource_providers", body=body)
        body = {"resource_provider_generation": 0, "inventories": {"VGPU": {"total": 1}}}
        await client("PUT", f"/resource_providers/{uuid}/inventories", body=body)


def groups(count: int) -> str:
    return "&".join(
        [f"resources{n}=VGPU:1" for n in range(1, count + 1)] + ["group_policy=isolate"]
    )


async def test_who_serves_which_group_counts_only_where_it_is_said(client: Client) -> None:
    await devices(client, 2)
    for version, expected in (("1.34", 2), ("1.33", 1)):
        answer = await client(
            "GET",
            f"/allocation_candidates?{groups(2)}",
            headers={"openstack-api-version": f"placement {version}"},
        )
        assert len(answer.json["allocation_requests"]) == expected


async def test_a_search_that_takes_too_long_gives_what_it_has_found(client: Client) -> None:
    # All would be 8! = 40,320; the test's clock goes on by a second at each look.
    await devices(client, 8)
    answer = await client("GET", f"/allocation_candidates?{groups(8)}")
    assert answer.status == 200
    assert 0 < len(answer.json["allocation_requests"]) < 40_320


async def test_an_empty_consumer_type_does_not_match_the_pattern(client: Client) -> None:
    answer = await client("GET", "/usages?project_id=p&consumer_type=")
    assert "'' does not match '^[A-Z0-9_]+$|^all|^unknown$'" in answer.detail
    body = {**on(HOST, None, VCPU=1), "consumer_type": ""}
    answer = await client("PUT", f"/allocations/{ONE}", body=body)
    assert "'' does not match '^[A-Z0-9_]+$'" in answer.detail


async def test_leave_comes_before_everything_about_the_thing(client: Client) -> None:
    nobody = {"x-auth-token": "u:p", "x-roles": "member"}
    answer = await client("PUT", f"/resource_providers/{HOST}", body="nonsense", headers=nobody)
    assert answer.status == 403
    assert "placement:resource_providers:update" in answer.detail
    answer = await client("GET", "/usages?project_id=p", headers={**nobody, "x-roles": "reader"})
    assert answer.status == 200


async def test_a_quoted_schema_says_that_allocations_may_be_none(client: Client) -> None:
    body = {ONE: held(None) | {"allocations": {"x": {}}}}
    answer = await client("POST", "/allocations", body=body)
    assert "'minProperties': 0" in answer.detail


async def test_inventories_that_stay_the_same_raise_the_generation(client: Client) -> None:
    await host(client, VCPU=4, DISK_GB=10)
    path = f"/resource_providers/{HOST}/inventories"
    answer = await client(
        "PUT", f"{path}/VCPU", body={"resource_provider_generation": 1, "total": 4}
    )
    assert (answer.status, answer.json["resource_provider_generation"]) == (200, 2)
    both = {"VCPU": {"total": 4}, "DISK_GB": {"total": 10}}
    for inventories, generation in ((both, 2), ({"VCPU": both["VCPU"]}, 3)):
        body = {"resource_provider_generation": generation, "inventories": inventories}
        answer = await client("PUT", path, body=body)
        assert (answer.status, answer.json["inventories"].keys()) == (200, inventories.keys())
        found = (await client("GET", path)).json
        assert found == answer.json
        assert found["resource_provider_generation"] == generation + 1
