"""Strategies of requests that are not as they should be."""

from dataclasses import replace

from hypothesis import strategies as st

from tests.conformance.oracle.names import CONSUMERS, PROVIDERS
from tests.conformance.oracle.step import Change, Step
from tests.conformance.oracle.writes import good

values = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        2.0,
        2**31 - 1,
        2**31,
        "",
        "x",
        "VCPU",
        [],
        {},
        [1],
        {"x": 1},
        PROVIDERS[0],
        "a" * 256,
    ]
)
changes = st.builds(Change, st.integers(0, 40), st.sampled_from(["drop", "add", "put"]), values)
headers = st.sampled_from(
    [
        *(
            ("accept", kind)
            for kind in (
                "text/html",
                "text/plain",
                "application/xml",
                "*/*",
                "application/json",
                "application/*",
                "text/html;q=0.5, application/json",
                "application/json;q=0",
            )
        ),
        *(
            ("content-type", kind)
            for kind in (
                "",
                "text/plain",
                "application/json; charset=utf-8",
                "APPLICATION/JSON",
                "application/jsonx",
            )
        ),
        *(
            ("openstack-api-version", text)
            for text in (
                "placement latest",
                "placement 1.40",
                "placement 0.9",
                "placement x",
                "placement 1.2.3",
                "placement",
                "compute 2.1",
                "compute 2.1, placement 1.20",
                "placement 2.0",
                "1.20",
                "placement 1.x",
                "placement -1.0",
            )
        ),
        ("x-auth-token", ""),
        ("x-roles", "reader"),
        ("if-match", "x"),
        ("openstack-api-version", ""),
    ]
)
PATHS = (
    *("/x", "/resource_providers/", "/resource_providers/x", "/resource_providers/x/inventories"),
    *("/traits/", "/traits/x", "/resource_classes/", "/allocations", "/allocations/", "/reshaper"),
    *("/allocation_candidates", "/usages", "/resource_providers", "/traits", "/resource_classes"),
    *(
        f"/resource_providers/{PROVIDERS[0]}{below}"
        for below in (
            "",
            "/inventories",
            "/inventories/VCPU",
            "/x",
            "/traits",
            "/aggregates",
            "/usages",
            "/allocations",
        )
    ),
    *(f"/allocations/{CONSUMERS[0]}", "/", "/traits/CUSTOM_X/y", "/resource_classes/VCPU"),
)


@st.composite
def odd(draw: st.DrawFn) -> Step:
    """Give any method on any path, or a good request with something else in one place."""
    if draw(st.booleans()):
        method = draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD"]))
        minor = draw(st.integers(0, 39))
        body = {"x": 1} if method in ("PUT", "POST") and draw(st.booleans()) else None
        return Step(method, draw(st.sampled_from(PATHS)), body=body, version=f"1.{minor}")
    step = draw(good)
    if step.body is not None and draw(st.booleans()):
        return replace(step, changes=tuple(draw(st.lists(changes, min_size=1, max_size=2))))
    return replace(step, headers=(draw(headers),))


steps = st.one_of(*[good] * 7, odd())
