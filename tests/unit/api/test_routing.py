"""The route table: what leads where, and what is no path at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innkeeper.api.placement.routes import ROUTES
from innkeeper.api.routing import RouteTable

TABLE = RouteTable({template: template for template in ROUTES})


@pytest.mark.parametrize(
    ("path", "template", "params"),
    [
        ("", "/", {}),
        ("/", "/", {}),
        ("/traits", "/traits", {}),
        ("/traits/", "/traits", {}),
        ("/traits/CUSTOM_X", "/traits/{name}", {"name": "CUSTOM_X"}),
        ("/resource_providers/u/usages", "/resource_providers/{uuid}/usages", {"uuid": "u"}),
        (
            "/resource_providers/u/inventories/VCPU",
            "/resource_providers/{uuid}/inventories/{resource_class}",
            {"uuid": "u", "resource_class": "VCPU"},
        ),
    ],
)
def test_known(path: str, template: str, params: dict[str, str]) -> None:
    match = TABLE.find(path)
    assert match is not None
    assert (match.target, match.params) == (template, params)


def test_a_slash_more_may_be_another_path() -> None:
    strict = RouteTable({template: template for template in ROUTES}, forgives_slash=False)
    assert strict.find("/traits/") is None
    for path in ("", "/"):
        assert strict.find(path) is not None


@pytest.mark.parametrize(
    "path",
    ["/x", "/traits/a/b", "/resource_providers//usages", "/resource_providers/u/cows", "/usages/x"],
)
def test_unknown(path: str) -> None:
    assert TABLE.find(path) is None


@given(st.text(alphabet="/atrius_{}", max_size=30))
def test_what_is_found_is_what_the_path_says(path: str) -> None:
    match = TABLE.find(path)
    if match is not None:
        assert match.target.format(**match.params).rstrip("/") == path.rstrip("/")
