"""The OpenAPI document of the Placement API: valid at each version, and true of real answers."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis

from innkeeper.api.placement.described import DESCRIBED
from innkeeper.api.placement.openapi import document
from innkeeper.api.placement.routes import ROUTES
from innkeeper.api.placement.versions import VERSIONS, Version
from innkeeper.api.routing import RouteTable
from tests.conformance.test_any_input import AGGREGATE, CONSUMER, HOST, NUMA, READS, Running

SEVERAL = [(1, 0), (1, 7), (1, 11), (1, 13), (1, 19), (1, 24), (1, 29), (1, 33), (1, 36), (1, 39)]


@pytest.mark.parametrize("minor", range(len(VERSIONS)))
def test_the_document_is_valid(minor: int) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(document((1, minor))))
    schema.validate()


@pytest.mark.parametrize("minor", [0, 12, 25, 39])
def test_every_schema_is_one(minor: int) -> None:
    def look(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("schema"), dict):
                jsonschema.Draft202012Validator.check_schema(node["schema"])
            for below in node.values():
                look(below)
        elif isinstance(node, list):
            for below in node:
                look(below)

    look(json.loads(document((1, minor))))


def test_every_handler_is_described_and_no_other() -> None:
    handlers = {
        endpoint.handler
        for methods in ROUTES.values()
        for endpoints in methods.values()
        for endpoint in endpoints
    }
    assert set(DESCRIBED) == handlers


def test_anybody_may_ask_for_the_versions_alone() -> None:
    found = json.loads(document((1, 39)))
    schemes = found["components"]["securitySchemes"]
    assert {name for each in found["security"] for name in each} == set(schemes)
    free = [
        (path, method)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
        if operation.get("security") == []
    ]
    assert free == [("/", "get")]


def test_what_a_version_lacks_is_not_in_its_document() -> None:
    old, new = (json.loads(document(version))["paths"] for version in ((1, 0), (1, 39)))
    assert "/traits" not in old
    assert "/traits" in new
    assert set(new) == set(ROUTES)


@pytest.fixture
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("placement"))
    yield running
    running.stop()


PATHS = [
    *("/", "/resource_classes", "/resource_classes/VCPU", "/resource_providers"),
    f"/resource_providers/{HOST}",
    *(f"/resource_providers/{HOST}/{what}" for what in ("inventories", "usages", "allocations")),
    *(f"/resource_providers/{NUMA}/{what}" for what in ("aggregates", "traits")),
    *(f"/resource_providers/{HOST}/inventories/VCPU", f"/allocations/{CONSUMER}"),
    *(f"/allocations/{NUMA}", "/traits", "/traits/CUSTOM_X", "/traits/CUSTOM_NONE"),
    *("/usages?project_id=p", "/usages?project_id=p&consumer_type=all", "/usages"),
    *("/allocation_candidates?resources=VCPU:1", "/allocation_candidates"),
]
LONG = "/allocation_candidates?" + "&".join(f"{name}={text}" for name, text in READS[0][1])
SEEN = {"resource_provider_generation": -1}
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/resource_providers", {"name": "new"}),
    ("PUT", f"/resource_providers/{HOST}", {"name": "host"}),
    ("POST", "/resource_classes", {"name": "CUSTOM_MADE"}),
    ("PUT", "/resource_classes/CUSTOM_ENSURED", None),
    ("PUT", "/traits/CUSTOM_MADE", None),
    ("DELETE", "/traits/CUSTOM_MADE", None),
    ("PUT", f"/resource_providers/{HOST}/traits", {**SEEN, "traits": ["CUSTOM_X"]}),
    ("PUT", f"/resource_providers/{HOST}/aggregates", {**SEEN, "aggregates": [AGGREGATE]}),
    ("PUT", f"/resource_providers/{HOST}/aggregates", [AGGREGATE]),
    ("PUT", f"/resource_providers/{HOST}/inventories/MEMORY_MB", {**SEEN, "total": 64}),
    ("POST", f"/resource_providers/{HOST}/inventories", {"resource_class": "PGPU", "total": 1}),
    ("DELETE", f"/resource_providers/{HOST}/inventories/PGPU", None),
    ("PUT", f"/resource_providers/{NUMA}", {"name": 1}),
    ("DELETE", f"/resource_providers/{HOST}", None),
    ("DELETE", f"/allocations/{NUMA}", None),
]


def responses_of(version: Version, method: str, path: str) -> tuple[Any, Any]:
    described = json.loads(document(version))
    found = RouteTable({path: path for path in described["paths"]}).find(path)
    if found is None or method.lower() not in described["paths"][found.target]:
        return None, described
    return described["paths"][found.target][method.lower()]["responses"], described


@pytest.mark.parametrize("version", SEVERAL, ids=str)
def test_real_answers_are_as_the_document_says(running: Running, version: Version) -> None:
    generation = running.ask("GET", f"/resource_providers/{HOST}").json["generation"]
    good = set()
    for method, target, body in [*(("GET", path, None) for path in [*PATHS, LONG]), *WRITES]:
        if isinstance(body, dict) and "resource_provider_generation" in body:
            body = {**body, "resource_provider_generation": generation}  # noqa: PLW2901
        path = target.partition("?")[0]
        responses, described = responses_of(version, method, path)
        answer = running.ask(method, target, body=body, version=f"{version[0]}.{version[1]}")
        generation = running.ask("GET", f"/resource_providers/{HOST}").json["generation"]
        if responses is None:
            assert answer.status in {404, 405}, (method, target)
            continue
        assert str(answer.status) in responses, (method, target, answer.status)
        response = responses[str(answer.status)]
        if "$ref" in response:
            response = described["components"]["responses"]["Error"]
        for name, header in response["headers"].items():
            assert name.lower() in answer.headers or not header["required"], (target, name)
        kind = answer.headers.get("content-type")
        assert (kind is None) == ("content" not in response), (method, target)
        if kind is not None:
            jsonschema.validate(answer.json, response["content"][kind]["schema"])
        if answer.status < 300:
            good.add((method, path))
    assert len(good) > len(PATHS) // 3


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from innkeeper.cli.main import make_app  # noqa: PLC0415 - only here

    assert make_app()(["openapi", "placement", "--microversion", "1.7"]) == 0
    assert json.loads(capsys.readouterr().out)["info"]["version"] == "1.7"
    assert make_app()(["openapi", "native"]) == 0
    assert "/v1/hosts" in json.loads(capsys.readouterr().out)["paths"]
