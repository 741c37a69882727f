"""Requests that schemathesis makes up from our documents: answers are as they say, never 5xx."""

import itertools
import json
import math
import os
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conformance.test_any_input import HOST, INVENTORIES, NUMA
from tests.e2e.conftest import serving
from tests.e2e.mutations import NAMES

EXAMPLES: Final = 6
"""Of each operation; there are some 150 of them here. The long form begins again with others."""
SEED: Final = int(os.environ.get("INNKEEPER_FUZZ_SEED", "1"))
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NATIVE: Final = {"openstack-api-version": "innkeeper latest"}
VERSIONS: Final = ["1.0", "1.12", "1.25", "1.39"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a server with a provider tree, a host of each cell and names of ours."""
    with serving(tmp_path_factory.mktemp("inn"), "--hosts", 2) as server:
        root = f"{server.url}/placement"
        headers = {"openstack-api-version": "placement 1.39"}
        with httpx2.Client(base_url=root, headers=headers) as client:
            client.put("/traits/CUSTOM_X").raise_for_status()
            client.put("/resource_classes/CUSTOM_GOLD").raise_for_status()
            for name, uuid, parent in (("a", HOST, None), ("b", NUMA, HOST)):
                body = {"name": name, "uuid": uuid, "parent_provider_uuid": parent}
                client.post("/resource_providers", json=body).raise_for_status()
                seen = {"resource_provider_generation": 0, "inventories": INVENTORIES}
                path = f"/resource_providers/{uuid}/inventories"
                client.put(path, json=seen).raise_for_status()
        yield server.url


def look_at_each(
    url: str,
    document: dict[str, Any],
    headers: dict[str, str],
    *,
    number: int = SEED,
    end: float = math.inf,
) -> int:
    """Try every operation of a document until ``end``; give how many requests were made."""
    root = url + document.get("servers", [{"url": ""}])[0]["url"]
    schema = schemathesis.openapi.from_dict(document)
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @seed(number)
        @settings(
            max_examples=EXAMPLES,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), known=st.integers(0, 3).map(bool))
        def look(case: Case, known: bool) -> None:  # noqa: FBT001 - Hypothesis gives it
            nonlocal count
            if time.monotonic() >= end:
                return
            count += 1
            for name in list(case.path_parameters or ()) if known else ():
                case.path_parameters[name] = NAMES.get(name, "CUSTOM_X")
            case.call_and_validate(root, headers=headers, checks=CHECKS, timeout=60)

        look()
    return count


def placement_document(url: str, version: str) -> dict[str, Any]:
    path = f"{url}/v1/placement/openapi.json?microversion={version}"
    found = json.loads(httpx2.get(path).raise_for_status().content)
    assert isinstance(found, dict)
    return found


@pytest.mark.slow
@pytest.mark.xdist_group("schemathesis")
@pytest.mark.parametrize("version", VERSIONS)
def test_placement(url: str, version: str) -> None:
    headers = {"openstack-api-version": f"placement {version}"}
    document = placement_document(url, version)
    operations = sum(len(methods) for methods in document["paths"].values())
    assert look_at_each(url, document, headers) >= operations


@pytest.mark.slow
@pytest.mark.xdist_group("schemathesis")
def test_native(url: str) -> None:
    document = json.loads(httpx2.get(f"{url}/v1/openapi.json").content)
    assert look_at_each(url, document, NATIVE) >= len(document["paths"])


@pytest.mark.soak
def test_both_for_long(url: str, soak_seconds: float) -> None:
    end = time.monotonic() + soak_seconds
    ours = json.loads(httpx2.get(f"{url}/v1/openapi.json").content)
    documents = [
        (placement_document(url, each), {"openstack-api-version": f"placement {each}"})
        for each in VERSIONS
    ]
    count = 0
    for number in itertools.count(SEED):
        for document, headers in (*documents, (ours, {}), (ours, NATIVE)):
            count += look_at_each(url, document, headers, number=number, end=end)
        if time.monotonic() >= end:
            break
    print(f"{count} requests")  # noqa: T201 - pytest shows it with -rP
