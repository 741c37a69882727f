"""Strategies of writes, and of the reads that look at one thing."""

from typing import Any

from hypothesis import strategies as st

from tests.conformance.oracle.claims import Candidate, Exactly, Held, HeldBy, Reshape, Source
from tests.conformance.oracle.names import (
    AGGREGATES,
    CLASSES,
    CONSUMERS,
    NOBODY,
    PROJECTS,
    PROVIDERS,
    SHARES,
    TRAITS,
    TYPES,
    USERS,
)
from tests.conformance.oracle.queries import (
    amounts,
    candidates,
    minors,
    provider_lists,
    rarely,
    rp_uuids,
    seldom,
    trait_lists,
    usages,
)
from tests.conformance.oracle.step import Seen, Step
from tests.conformance.oracle.worlds import inventories

consumers = st.sampled_from(CONSUMERS)
classes = st.sampled_from([*CLASSES, *CLASSES, "CUSTOM_NONE", "NO_SUCH", "PCPU"])
offs = st.integers(0, 11).map(lambda number: {10: 1, 11: -1}.get(number, 0))
exactly = st.dictionaries(
    rp_uuids,
    st.builds(
        lambda resources: {"resources": resources},
        st.dictionaries(classes, amounts, min_size=1, max_size=2),
    ),
    max_size=2,
).map(Exactly)
sources: st.SearchStrategy[Source] = st.one_of(
    st.builds(Candidate, st.integers(0, 20)),
    st.builds(Candidate, st.integers(0, 20)),
    exactly,
    st.builds(HeldBy, consumers),
    st.just(Exactly({})),
)


def version(minor: int) -> str:
    return f"1.{minor}"


@st.composite
def held(draw: st.DrawFn, consumer: str, minor: int, source: Source | None = None) -> Held:
    return Held(
        consumer,
        source or draw(sources),
        minor,
        owner=(draw(st.sampled_from(PROJECTS)), draw(st.sampled_from(USERS))),
        consumer_type=draw(st.sampled_from(TYPES)),
        off=draw(offs),
    )


@st.composite
def put_allocations(draw: st.DrawFn) -> Step:
    minor, consumer = draw(minors()), draw(consumers)
    body = draw(held(consumer, minor))
    path = consumer
    if draw(rarely):
        path = draw(
            st.sampled_from([consumer.replace("-", ""), consumer.upper(), "x", PROVIDERS[0]])
        )
    return Step("PUT", f"/allocations/{path}", body=body, version=version(minor))


@st.composite
def post_allocations(draw: st.DrawFn) -> Step:
    minor = draw(minors(13))
    first, second = draw(st.lists(consumers, min_size=2, max_size=2, unique=True))
    if draw(st.booleans()):
        # A move: another consumer takes over what the first one has.
        body = {
            second: draw(held(second, minor, HeldBy(first))),
            first: draw(held(first, minor)),
        }
    else:
        some = draw(st.lists(consumers, min_size=1, max_size=3, unique=True))
        body = {consumer: draw(held(consumer, minor)) for consumer in some}
    return Step("POST", "/allocations", body=body, version=version(minor))


@st.composite
def reshapes(draw: st.DrawFn) -> Step:
    minor = draw(minors(30))
    body = Reshape(
        draw(rp_uuids),
        draw(rp_uuids),
        draw(classes),
        minor,
        off=draw(offs),
        forget=draw(rarely),
    )
    return Step("POST", "/reshaper", body=body, version=version(minor))


@st.composite
def inventory_writes(draw: st.DrawFn) -> Step:
    minor, rp_uuid, name = draw(minors()), draw(rp_uuids), draw(classes)
    path = f"/resource_providers/{rp_uuid}/inventories"
    seen = Seen(rp_uuid, draw(offs))
    one = draw(inventories())
    match draw(st.sampled_from(["all", "post", "put", "delete", "delete all"])):
        case "all":
            some = draw(st.dictionaries(classes, inventories(), max_size=3))
            body = {"resource_provider_generation": seen, "inventories": some}
            return Step("PUT", path, body=body, version=version(minor))
        case "post":
            more = {"resource_provider_generation": seen} if draw(seldom) else {}
            body = {"resource_class": name, **one, **more}
            return Step("POST", path, body=body, version=version(minor))
        case "put":
            body = {"resource_provider_generation": seen, **one}
            return Step("PUT", f"{path}/{name}", body=body, version=version(minor))
        case "delete":
            return Step("DELETE", f"{path}/{name}", version=version(minor))
        case _:
            return Step("DELETE", path, version=version(minor))


@st.composite
def provider_traits(draw: st.DrawFn) -> Step:
    minor, rp_uuid = draw(minors(6)), draw(rp_uuids)
    path = f"/resource_providers/{rp_uuid}/traits"
    if draw(seldom):
        return Step("DELETE", path, version=version(minor))
    pool = [*TRAITS, *TRAITS, SHARES, "CUSTOM_NONE"]
    names = draw(st.lists(st.sampled_from(pool), max_size=3))
    seen = Seen(rp_uuid, draw(offs))
    body = {"resource_provider_generation": seen, "traits": names}
    return Step("PUT", path, body=body, version=version(minor))


@st.composite
def provider_aggregates(draw: st.DrawFn) -> Step:
    minor, rp_uuid = draw(minors(1)), draw(rp_uuids)
    uuids = draw(st.lists(st.sampled_from(AGGREGATES), max_size=3, unique=not draw(rarely)))
    body: Any = uuids
    if minor >= 19:
        seen = Seen(rp_uuid, draw(offs))
        body = {"resource_provider_generation": seen, "aggregates": uuids}
    path = f"/resource_providers/{rp_uuid}/aggregates"
    return Step("PUT", path, body=body, version=version(minor))


@st.composite
def provider_writes(draw: st.DrawFn) -> Step:
    minor, rp_uuid = draw(minors()), draw(rp_uuids)
    path = f"/resource_providers/{rp_uuid}"
    body: dict[str, Any] = {"name": draw(st.sampled_from([rp_uuid[-2:], "new", "01", "é", ""]))}
    if (minor >= 14 or draw(rarely)) and draw(st.booleans()):
        body["parent_provider_uuid"] = draw(st.one_of(st.none(), rp_uuids))
    match draw(st.sampled_from(["put", "post", "delete"])):
        case "put":
            return Step("PUT", path, body=body, version=version(minor))
        case "post":
            if not draw(rarely):
                body["uuid"] = draw(st.sampled_from(PROVIDERS))
            return Step("POST", "/resource_providers", body=body, version=version(minor))
        case _:
            return Step("DELETE", path, version=version(minor))


@st.composite
def named(draw: st.DrawFn) -> Step:
    """Write or read a resource class or a trait."""
    names = [
        "CUSTOM_GOLD",
        "CUSTOM_RED",
        "CUSTOM_NEW",
        "CUSTOM_OTHER",
        "VCPU",
        "HW_CPU_X86_AVX",
        "NO_SUCH",
        "custom_x",
    ]
    name, minor = draw(st.sampled_from(names)), draw(minors(2))
    if draw(st.booleans()):
        method = draw(st.sampled_from(["PUT", "DELETE", "GET"]))
        return Step(method, f"/traits/{name}", version=version(minor))
    method = draw(st.sampled_from(["PUT", "DELETE", "GET", "POST"]))
    other = draw(st.sampled_from(names))
    if method == "POST":
        return Step(method, "/resource_classes", body={"name": name}, version=version(minor))
    body = {"name": other} if method == "PUT" and minor < 7 else None
    return Step(method, f"/resource_classes/{name}", body=body, version=version(minor))


@st.composite
def looks(draw: st.DrawFn) -> Step:
    """Read one thing, or all of a kind."""
    minor, rp_uuid = draw(minors()), draw(rp_uuids)
    below = ["", "/inventories", "/usages", "/aggregates", "/traits", "/allocations"]
    below.append(f"/inventories/{draw(classes)}")
    paths = [
        *(f"/resource_providers/{rp_uuid}{path}" for path in below),
        *("/", "", "/resource_classes", "/resource_providers", "/traits"),
        *(f"/allocations/{consumer}" for consumer in CONSUMERS),
    ]
    return Step("GET", draw(st.sampled_from(paths)), version=version(minor))


deletes = st.builds(
    lambda consumer, minor: Step("DELETE", f"/allocations/{consumer}", version=version(minor)),
    st.sampled_from([*CONSUMERS, *CONSUMERS, NOBODY]),
    minors(),
)
reads = st.one_of(looks(), provider_lists(), usages(), trait_lists())
writes = st.one_of(
    inventory_writes(),
    provider_traits(),
    provider_aggregates(),
    provider_writes(),
    named(),
    reshapes(),
)
claims = st.one_of(put_allocations(), put_allocations(), post_allocations(), deletes)
good = st.one_of(candidates(), candidates(), claims, claims, reads, writes)
