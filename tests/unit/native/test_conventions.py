import json

import pytest

from innkeeper.api.native import versions
from innkeeper.api.native.call import Call
from innkeeper.api.native.faults import Refused, problems, status_of
from innkeeper.api.native.hosts import HostQuery
from innkeeper.api.native.openapi import document
from innkeeper.api.native.operations import OPERATIONS
from innkeeper.api.native.pages import next_links
from innkeeper.core import errors
from innkeeper.core.decision import Decision


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (None, versions.MINIMUM),
        ("innkeeper 1.0", (1, 0)),
        ("innkeeper latest", versions.MAXIMUM),
        ("placement 1.39, innkeeper 1.0", (1, 0)),
        ("placement 1.39", versions.MINIMUM),
    ],
)
def test_versions_are_negotiated(header: str | None, version: tuple[int, int]) -> None:
    headers = {} if header is None else {"openstack-api-version": header}
    assert versions.negotiate(headers) == version


@pytest.mark.parametrize("asked", ["0.9", "1.999", "2.0", "first"])
def test_a_version_that_there_is_not_is_not_acceptable(asked: str) -> None:
    with pytest.raises(Refused) as refused:
        versions.negotiate({"openstack-api-version": f"innkeeper {asked}"})
    assert refused.value.status == 406


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UnknownName("x"), 400),
        (errors.NotFound("x"), 404),
        (errors.CapacityExceeded("x"), 409),
        (errors.NoValidHost(Decision("fgd", 0)), 409),
        (errors.CellDown("x"), 503),
        (errors.Unavailable("x"), 503),
        (errors.InnkeeperError("x"), 500),
    ],
)
def test_each_error_has_its_status(error: errors.InnkeeperError, status: int) -> None:
    assert status_of(error) == status


def test_a_problem_has_all_that_the_guidelines_want() -> None:
    (problem,) = problems(
        status_of(errors.NotFound("")), code="c", detail="d", request_id="r"
    ).errors
    assert (problem.status, problem.title, problem.links) == (404, "Not Found", ())


def test_the_next_page_keeps_the_query() -> None:
    call = Call(path={}, query={"cell": "a b", "marker": "1"}, content=b"", url="/v1/hosts")
    (link,) = next_links(call, marker="2&")
    assert link.href == "/v1/hosts?cell=a+b&marker=2%26"
    assert next_links(call, marker=None) == ()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"limit": "0"}, "limit: Expected `int` >= 1"),
        ({"limit": "many"}, "limit: Expected `int`"),
        ({"offset": "3"}, "unknown field `offset`"),
    ],
)
def test_a_bad_query_is_refused_with_its_parameter(query: dict[str, str], words: str) -> None:
    with pytest.raises(errors.InvalidInput, match=words):
        Call(path={}, query=query, content=b"", url="/v1/hosts").asked(HostQuery)


def test_the_document_describes_every_operation_and_no_other() -> None:
    described = json.loads(document(OPERATIONS))
    assert described["openapi"] == "3.1.0"
    found = {
        (method.upper(), path) for path, methods in described["paths"].items() for method in methods
    }
    assert found == {(each.method, versions.ROOT + each.path) for each in OPERATIONS}
    ids = [m["operationId"] for path in described["paths"].values() for m in path.values()]
    assert len(ids) == len(set(ids))


def test_all_references_of_the_document_lead_somewhere() -> None:
    described = json.loads(document(OPERATIONS))
    schemas = described["components"]["schemas"]
    references = [
        text.rpartition("/")[2]
        for text in json.dumps(described).split('"')
        if text.startswith("#/components/schemas/")
    ]
    assert references
    assert set(references) <= set(schemas)
