"""Strategies of reads with a query: candidates, providers, usages, traits."""

from hypothesis import strategies as st

from tests.conformance.oracle.names import (
    AGGREGATES,
    CLASSES,
    NOBODY,
    PROJECTS,
    PROVIDERS,
    SHARES,
    TRAITS,
    TYPES,
    USERS,
)
from tests.conformance.oracle.step import Step

Pairs = list[tuple[str, str]]

MAX_GROUPS = 3

aggregates = st.sampled_from(AGGREGATES)
rarely = st.integers(0, 15).map(lambda number: number == 15)
seldom = st.integers(0, 3).map(lambda number: number == 3)
all_traits = st.sampled_from([*TRAITS, SHARES])
rp_uuids = st.sampled_from([*PROVIDERS[:6], *PROVIDERS[:6], NOBODY])


def minors(lowest: int = 0) -> st.SearchStrategy[int]:
    """Give minor versions from ``lowest``, the newest most often."""
    return st.one_of(st.just(39), st.integers(lowest, 39))


amounts = st.sampled_from([1, 1, 2, 1, 2, 4, 3, 8])


@st.composite
def resources(draw: st.DrawFn) -> str:
    size = draw(st.sampled_from([1, 1, 2, 3]))
    names = draw(st.lists(st.sampled_from(CLASSES), min_size=size, max_size=size, unique=True))
    if draw(rarely):
        return draw(
            st.sampled_from(
                [
                    "VCPU",
                    "VCPU:0",
                    "VCPU:x",
                    "",
                    "NO_SUCH:1",
                    "VCPU:1:2",
                    ":",
                    "CUSTOM_NONE:1",
                    "PCPU:1",
                    "VCPU:1,VCPU:2",
                    "VCPU:99999999999",
                    " ",
                    "VCPU:-1",
                    "VCPU: 1",
                    ",",
                    "VCPU:1,",
                ]
            )
        )
    return ",".join(f"{name}:{draw(amounts)}" for name in names)


@st.composite
def required(draw: st.DrawFn, minor: int) -> str:
    if draw(rarely):
        return draw(
            st.sampled_from(
                [
                    "",
                    ",",
                    "!",
                    "NO_SUCH",
                    "CUSTOM_NONE",
                    "in:",
                    "in:!CUSTOM_RED",
                    "!in:CUSTOM_RED",
                    "!!CUSTOM_RED",
                    "in:CUSTOM_RED",
                    "!CUSTOM_RED",
                    "CUSTOM_RED,!CUSTOM_RED",
                    " CUSTOM_RED",
                    "CUSTOM_RED,",
                    "in:CUSTOM_RED,",
                    "CUSTOM_RED,CUSTOM_RED",
                    "in:CUSTOM_NONE,CUSTOM_RED",
                ]
            )
        )
    names = draw(st.lists(all_traits, min_size=1, max_size=2, unique=True))
    if minor >= 39 and draw(seldom):
        return "in:" + ",".join(names)
    if minor >= 22:
        return ",".join("!" * draw(st.booleans()) + name for name in names)
    return ",".join(names)


@st.composite
def member_of(draw: st.DrawFn, minor: int) -> str:
    if draw(rarely):
        a, b = AGGREGATES[:2]
        return draw(
            st.sampled_from(
                [
                    "",
                    "x",
                    "in:",
                    "in:x",
                    "!",
                    "!in:",
                    f"{a},{b}",
                    f"!{a},{b}",
                    f"!{a}",
                    f"!in:{a},{b}",
                    f"in:!{a}",
                    f"in:{a},{a}",
                    a.replace("-", ""),
                    a.upper(),
                    f" {a}",
                    f"in:{a},",
                    NOBODY,
                    f"!{NOBODY}",
                ]
            )
        )
    names = draw(st.lists(aggregates, min_size=1, max_size=2, unique=True))
    prefix = "!" if minor >= 32 and draw(seldom) else ""
    if len(names) > 1:
        return f"{prefix}in:" + ",".join(names)
    return prefix + names[0]


@st.composite
def in_tree(draw: st.DrawFn) -> str:
    if draw(rarely):
        text = PROVIDERS[0]
        return draw(st.sampled_from(["", "x", text.replace("-", ""), text.upper(), f" {text}"]))
    return draw(rp_uuids)


@st.composite
def group(draw: st.DrawFn, suffix: str, minor: int) -> Pairs:
    """Give the parameters of one request group."""
    pairs: Pairs = []
    if not (suffix and minor >= 36 and draw(seldom)):
        pairs.append((f"resources{suffix}", draw(resources())))
    for since, name, strategy in (
        (17, "required", required(minor)),
        (21, "member_of", member_of(minor)),
        (31, "in_tree", in_tree()),
    ):
        if minor >= since and draw(seldom):
            pairs.append((f"{name}{suffix}", draw(strategy)))
            again = {"required": 39, "member_of": 24}.get(name, 99)
            if draw(seldom if minor >= again else rarely):
                pairs.append((f"{name}{suffix}", draw(strategy)))
    return pairs


@st.composite
def candidates(draw: st.DrawFn) -> Step:
    minor = draw(minors(10))
    suffixes = [""]
    if minor >= 25:
        pool = ["1", "2", "3"] if minor < 33 else ["1", "_A", "_B"]
        some = draw(st.lists(st.sampled_from(pool), max_size=MAX_GROUPS, unique=True))
        suffixes = [*some] if some and draw(st.booleans()) else ["", *some]
    pairs = [pair for suffix in suffixes for pair in draw(group(suffix, minor))]
    if minor >= 25 and (sum(map(bool, suffixes)) > 1 or draw(rarely)) and not draw(rarely):
        pairs.append(("group_policy", draw(st.sampled_from(["none", "isolate"]))))
    pairs += draw(wide(minor, suffixes))
    if draw(rarely):
        pairs.append(draw(strange_pairs))
    return Step("GET", "/allocation_candidates", tuple(pairs), version=f"1.{minor}")


strange_pairs = st.sampled_from(
    [
        ("x", "1"),
        ("resources", "VCPU:1"),
        ("limit", "0"),
        ("limit", "x"),
        ("limit", "2"),
        ("limit", ""),
        ("group_policy", "x"),
        ("group_policy", "isolate"),
        ("resources1", "VCPU:1"),
        ("resources_A", "VCPU:1"),
        ("required", "CUSTOM_RED"),
        ("member_of", AGGREGATES[0]),
        ("in_tree", PROVIDERS[0]),
        ("required1", "CUSTOM_RED"),
        ("same_subtree", "_A"),
        ("same_subtree", ""),
        ("same_subtree", "_A,_C"),
        ("same_subtree", "1,"),
        ("root_required", ""),
        ("root_required", "in:CUSTOM_RED"),
        ("root_required", "CUSTOM_NONE"),
        ("root_required", "CUSTOM_RED,!CUSTOM_RED"),
        ("resources0", "VCPU:1"),
        ("resources01", "VCPU:1"),
        ("limit", "-1"),
        ("in_tree1", PROVIDERS[0]),
        ("member_of_A", AGGREGATES[0]),
        ("", ""),
        ("resources!", "VCPU:1"),
    ]
)


@st.composite
def wide(draw: st.DrawFn, minor: int, suffixes: list[str]) -> Pairs:
    """Give the parameters that are about the whole request."""
    pairs: Pairs = []
    if minor >= 16 and draw(seldom):
        pairs.append(("limit", draw(st.sampled_from(["1", "2", "3", "1000"]))))
    if minor >= 35 and draw(seldom):
        pairs.append(("root_required", draw(required(min(minor, 38)))))
    named = [suffix for suffix in suffixes if suffix]
    if minor >= 36 and named and draw(st.booleans()):
        some = draw(st.lists(st.sampled_from(named), min_size=1, unique=True))
        pairs.append(("same_subtree", ",".join(some)))
    return pairs


@st.composite
def provider_lists(draw: st.DrawFn) -> Step:
    minor = draw(minors())
    pairs: Pairs = []
    for since, name, strategy in (
        (0, "name", st.sampled_from(["01", "02", "new", ""])),
        (0, "uuid", in_tree()),
        (3, "member_of", member_of(minor)),
        (4, "resources", resources()),
        (14, "in_tree", in_tree()),
        (18, "required", required(minor)),
    ):
        if (minor >= since or draw(rarely)) and draw(seldom):
            pairs.append((name, draw(strategy)))
            again = {"required": 39, "member_of": 24}.get(name, 99)
            if draw(seldom if minor >= again else rarely):
                pairs.append((name, draw(strategy)))
    if draw(rarely):
        pairs.append(("x", "y"))
    return Step("GET", "/resource_providers", tuple(pairs), version=f"1.{minor}")


@st.composite
def usages(draw: st.DrawFn) -> Step:
    minor = draw(minors(9))
    pairs: Pairs = []
    if not draw(rarely):
        pairs.append(("project_id", draw(st.sampled_from([*PROJECTS, "p3"]))))
    if draw(seldom):
        pairs.append(("user_id", draw(st.sampled_from([*USERS, "", "u3"]))))
    if (minor >= 38 or draw(rarely)) and draw(st.booleans()):
        words = [*TYPES, "all", "unknown", "ALL", "UNKNOWN", "x", ""]
        pairs.append(("consumer_type", draw(st.sampled_from(words))))
    if draw(rarely):
        pairs.append(draw(st.sampled_from([("x", "y"), ("project_id", "p2"), ("user_id", "u2")])))
    return Step("GET", "/usages", tuple(pairs), version=f"1.{minor}")


@st.composite
def trait_lists(draw: st.DrawFn) -> Step:
    minor = draw(minors(6))
    names = [
        "in:CUSTOM_RED,HW_CPU_X86_AVX",
        "startswith:CUSTOM",
        "startswith:",
        "in:",
        "x",
        "",
        "in:x",
        "startswith:HW_CPU_X86_AVX",
    ]
    pairs: Pairs = [("name", draw(st.sampled_from(names)))]
    if draw(st.booleans()):
        words = ["true", "false", "True", "FALSE", "x", "", "1"]
        pairs.append(("associated", draw(st.sampled_from(words))))
    if draw(rarely):
        pairs.append(("x", "y"))
    return Step("GET", "/traits", tuple(pairs), version=f"1.{minor}")
