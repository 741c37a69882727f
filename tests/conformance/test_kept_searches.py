"""A search whose answer was kept is made anew after anything that may have changed it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from tests.conformance.in_process import Answer, Client, client_of

HOST = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER = "aaaaaaaa-0000-4000-8000-000000000002"
CONSUMER = "bbbbbbbb-0000-4000-8000-000000000001"
AGGREGATE = "cccccccc-0000-4000-8000-000000000001"
TRAIT = "CUSTOM_QUIET"
ASKED = f"/allocation_candidates?resources=VCPU:1&required=!{TRAIT}&member_of=!in:{AGGREGATE}"
OTHERWISE = f"/allocation_candidates?member_of=!in:{AGGREGATE}&required=!{TRAIT}&resources=VCPU:1"
"""The same question in other words, to which no answer is kept."""

Write = Callable[[Client], Awaitable[Answer]]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with client_of(tmp_path) as client:
        await client("PUT", f"/traits/{TRAIT}")
        for uuid in (HOST, OTHER):
            await client("POST", "/resource_providers", body={"name": uuid, "uuid": uuid})
            assert (await stock(client, uuid, 0, 4)).status == 200
        yield client


async def stock(client: Client, uuid: str, generation: int, total: int) -> Answer:
    path = f"/resource_providers/{uuid}/inventories"
    inventories = {"VCPU": {"total": total}}
    body = {"resource_provider_generation": generation, "inventories": inventories}
    return await client("PUT", path, body=body)


async def more(client: Client) -> Answer:
    return await stock(client, HOST, 1, 5)


async def none_left(client: Client) -> Answer:
    return await client("DELETE", f"/resource_providers/{HOST}/inventories")


async def claimed(client: Client) -> Answer:
    body = {
        "allocations": {HOST: {"resources": {"VCPU": 1}}},
        "project_id": "p",
        "user_id": "u",
        "consumer_type": "INSTANCE",
        "consumer_generation": None,
    }
    return await client("PUT", f"/allocations/{CONSUMER}", body=body)


async def marked(client: Client) -> Answer:
    body = {"resource_provider_generation": 1, "traits": [TRAIT]}
    return await client("PUT", f"/resource_providers/{HOST}/traits", body=body)


async def aggregated(client: Client) -> Answer:
    body = {"resource_provider_generation": 1, "aggregates": [AGGREGATE]}
    return await client("PUT", f"/resource_providers/{HOST}/aggregates", body=body)


async def below(client: Client) -> Answer:
    body = {"name": "new", "parent_provider_uuid": HOST}
    return await client("POST", "/resource_providers", body=body)


async def gone(client: Client) -> Answer:
    return await client("DELETE", f"/resource_providers/{HOST}")


async def forgotten(client: Client) -> Answer:
    return await client("DELETE", f"/traits/{TRAIT}")


def said(answer: Answer) -> object:
    """Give what an answer says, but for the id of its request."""
    for error in answer.json.get("errors", ()):
        return {**error, "request_id": ""}
    return answer.json


@pytest.mark.parametrize(
    "write", [more, none_left, claimed, marked, aggregated, below, gone, forgotten]
)
async def test_what_was_written_is_seen_by_the_same_search(client: Client, write: Write) -> None:
    before = await client("GET", ASKED)
    assert len(before.json["allocation_requests"]) == 2
    again = await client("GET", ASKED)
    assert (again.status, again.body) == (200, before.body)
    assert client.searches == ["found", "kept"]

    assert (await write(client)).status < 300
    after = await client("GET", ASKED)
    assert client.searches[2:] != ["kept"]
    fresh = await client("GET", OTHERWISE)
    assert (after.status, said(after)) == (fresh.status, said(fresh))
    assert after.body != before.body


async def test_versions_have_answers_of_their_own(client: Client) -> None:
    asked = "/allocation_candidates?resources=VCPU:1"
    new, old = [await client("GET", asked, version=version) for version in ("1.39", "1.10")]
    assert isinstance(new.json["allocation_requests"][0]["allocations"], dict)
    assert isinstance(old.json["allocation_requests"][0]["allocations"], list)


async def test_an_answer_that_was_drawn_is_drawn_anew(tmp_path: Path) -> None:
    async with client_of(tmp_path, shuffle=Random(1)) as client:
        await client("POST", "/resource_providers", body={"name": HOST, "uuid": HOST})
        await stock(client, HOST, 0, 4)
        for _ in range(2):
            await client("GET", "/allocation_candidates?resources=VCPU:1")
        assert client.searches == ["found", "found"]


async def test_a_search_that_finds_nothing_is_counted_as_that_each_time(client: Client) -> None:
    for _ in range(2):
        answer = await client("GET", "/allocation_candidates?resources=VCPU:5")
        assert answer.json["allocation_requests"] == []
    assert client.searches == ["none", "none"]
