"""Histories in which requests are wrong in several ways at once, or nearly right.

Random histories come to these seldom: which of the reasons is told, and what stays as it was.
"""

from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

from tests.conformance.oracle.names import AGGREGATES, CONSUMERS, NOBODY, PROVIDERS, SHARES
from tests.conformance.oracle.step import Seen, Step

A, B, C = PROVIDERS[:3]
LAST = PROVIDERS[-1]
ONE, TWO, THREE = CONSUMERS[:3]
PAIR = "CUSTOM_NONE,NO_SUCH"


def _get(path: str, *pairs: tuple[str, str]) -> Step:
    return Step("GET", path, pairs)


def _provider(rp_uuid: str, below: str = "") -> str:
    return f"/resource_providers/{rp_uuid}{below}"


def _stock(inventories: dict[str, Any], off: int = 0) -> dict[str, Any]:
    return {"resource_provider_generation": Seen(A, off), "inventories": inventories}


def _held(allocations: Any, generation: int | None = None, kind: str = "INSTANCE") -> Any:
    return {
        "allocations": {rp: {"resources": amounts} for rp, amounts in allocations.items()},
        "project_id": "p",
        "user_id": "u",
        "consumer_generation": generation,
        "consumer_type": kind,
    }


def making() -> Iterator[Step]:
    """Make a tree of two below another provider; change what may be changed, and look."""
    yield Step("PUT", "/resource_classes/CUSTOM_GOLD")
    yield Step("PUT", "/traits/CUSTOM_RED")
    for name, uuid, parent in (("a", A, None), ("b", B, A), ("c", C, None)):
        body = {"name": name, "uuid": uuid, "parent_provider_uuid": parent}
        yield Step("POST", "/resource_providers", body=body)
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        (A, {"name": "d"}),
        (A, {"name": "d"}),
        (A, {"name": "d", "parent_provider_uuid": C}),
        (A, {"name": "d", "parent_provider_uuid": C}),
        (B, {"name": "b", "parent_provider_uuid": C}),
        (B, {"name": "c", "parent_provider_uuid": NOBODY}),
        (C, {"name": "b", "parent_provider_uuid": B}),
    )
    for uuid, body in changes:
        yield Step("PUT", _provider(uuid), body=body)
        yield from (_get(_provider(each)) for each in (A, B, C))
    for stock in ({"VCPU": {"total": 4}}, {}, {"VCPU": {"total": 4}}, {"VCPU": {"total": 4}}):
        yield Step("PUT", _provider(A, "/inventories"), body=_stock(stock))
        yield _get(_provider(A, "/inventories"))
        yield _get(_provider(A, "/inventories/VCPU"))
    body = {"resource_provider_generation": Seen(A), "aggregates": [AGGREGATES[0]]}
    yield Step("PUT", _provider(A, "/aggregates"), body=body)


def queries() -> Iterator[Step]:
    """Name what does not exist, and what does in another spelling."""
    lists, candidates = "/resource_providers", "/allocation_candidates"
    known, unknown = ("resources", "VCPU:1"), ("resources", "NO_SUCH:1")
    for said in (A.upper(), A.replace("-", ""), A, NOBODY):
        yield _get(lists, ("in_tree", said))
        yield _get(lists, ("uuid", said))
        yield _get(candidates, known, ("in_tree", said), ("limit", "1"))
    uuid = AGGREGATES[0]
    for said in (uuid.upper(), uuid.replace("-", ""), f"!{uuid.upper()}", f"in:{uuid},{NOBODY}"):
        yield _get(lists, ("member_of", said))
        yield _get(candidates, known, ("member_of", said))
    for traits in (PAIR, f"in:{PAIR}", "CUSTOM_NONE,!NO_SUCH", "in:CUSTOM_RED,NO_SUCH", "VCPU"):
        for more in ((), (known,), (unknown,), (("in_tree", NOBODY),)):
            yield _get(lists, ("required", traits), *more)
        yield _get(candidates, known, ("required", traits))
        yield _get(candidates, known, ("root_required", traits))
        yield _get(candidates, unknown, ("required", traits))
    for resources in ("NO_SUCH:1,CUSTOM_NONE:1", "CUSTOM_GOLD:1,NO_SUCH:1"):
        yield _get(lists, ("resources", resources))
        yield _get(candidates, ("resources", resources))
    faults = (
        ("required", "!"),
        ("resources", "VCPU:x"),
        ("member_of", "x"),
        ("in_tree", "x"),
        ("resources1", "VCPU:"),
    )
    for pairs in permutations(faults, 2):
        yield _get(candidates, *pairs)
        yield _get(lists, *pairs[:1], *(each for each in pairs[1:] if each[0] != "resources1"))
    two = (("resources1", "VCPU:1"), ("required1", "NO_SUCH"), ("group_policy", "none"))
    yield _get(candidates, *two, ("resources2", "NO_SUCH:1"))
    yield _get(candidates, *two, known, ("required", "CUSTOM_NONE"))


def claims() -> Iterator[Step]:
    """Claim what cannot be had, for more reasons than one."""
    impossible: tuple[Any, ...] = (
        {A: {"NO_SUCH": 1, "CUSTOM_NONE": 1}},
        {A: {"NO_SUCH": 1}, NOBODY: {"VCPU": 1}},
        {NOBODY: {"VCPU": 1}, A: {"NO_SUCH": 1}},
        {NOBODY: {"NO_SUCH": 1}},
        {NOBODY: {"VCPU": 1}, LAST: {"VCPU": 1}},
        {A: {"VGPU": 1, "DISK_GB": 1}},
        {A: {"VGPU": 1, "VCPU": 100}},
        {A: {"VCPU": 100}, B: {"VCPU": 1}},
        {B: {"VGPU": 1}, A: {"VCPU": 100}, C: {"VCPU": 1}},
    )
    for allocations, kind in product(impossible, ("INSTANCE", "x-y")):
        yield Step("PUT", f"/allocations/{ONE}", body=_held(allocations, kind=kind))
        yield _get(f"/allocations/{ONE}")
    full, wrong, nowhere = {A: {"VCPU": 100}}, {A: {"NO_SUCH": 1}}, {NOBODY: {"VCPU": 1}}
    for body in (
        {ONE: _held(full, 1), TWO: _held(full, 2), THREE: _held(full)},
        {ONE: _held(full), TWO: _held(wrong), THREE: _held(nowhere)},
        {ONE: _held(full, 5), THREE: _held(nowhere)},
        {ONE: _held(nowhere), THREE: _held(wrong, 7)},
        {ONE: _held({A: {"VCPU": 3}}), TWO: _held({A: {"VCPU": 3}})},
    ):
        yield Step("POST", "/allocations", body=body)


def inventories() -> Iterator[Step]:
    """Write inventories, traits and aggregates that cannot be; with a stale generation too."""
    short, little = {"total": 1, "reserved": 2}, {"total": 1}
    stocks: tuple[dict[str, Any], ...] = (
        {"NO_SUCH": little, "CUSTOM_NONE": little},
        {"VCPU": short, "NO_SUCH": little},
        {"NO_SUCH": little, "VCPU": short},
        {"VGPU": short, "VCPU": short},
        {"VCPU": {"total": 1, "min_unit": 3, "max_unit": 1}},
    )
    path = _provider(A, "/inventories")
    for stock, off in product(stocks, (0, 1)):
        yield Step("PUT", path, body=_stock(stock, off))
    for name, fields in product(("NO_SUCH", "VCPU", "CUSTOM_GOLD"), (short, little)):
        yield Step("POST", path, body={"resource_class": name, **fields})
        for off in (0, 1):
            body = {"resource_provider_generation": Seen(A, off), **fields}
            yield Step("PUT", f"{path}/{name}", body=body)
    traits = (PAIR.split(","), ["CUSTOM_RED", "CUSTOM_NONE"], ["CUSTOM_RED", "CUSTOM_RED"])
    for wanted, off in product(traits, (0, 1)):
        body = {"resource_provider_generation": Seen(A, off), "traits": wanted}
        yield Step("PUT", _provider(A, "/traits"), body=body)
    for uuids, off in product(([AGGREGATES[0]] * 2, ["x"]), (0, 1)):
        body = {"resource_provider_generation": Seen(A, off), "aggregates": uuids}
        yield Step("PUT", _provider(A, "/aggregates"), body=body)


def others() -> Iterator[Step]:
    """Make providers that cannot be, reshape into nothing, and say JSON in capitals."""
    for body in (
        {"name": "b", "uuid": LAST, "parent_provider_uuid": NOBODY},
        {"name": "z", "uuid": A, "parent_provider_uuid": A},
        {"name": "", "uuid": A},
        {"name": "b", "uuid": A},
        {"name": "b", "uuid": A.upper()},
        {"name": "a" * 201},
    ):
        yield Step("POST", "/resource_providers", body=body)
    stocks: tuple[dict[str, Any], ...] = (
        {"NO_SUCH": {"total": 1}},
        {"VCPU": {"total": 1, "reserved": 2}},
        {"VCPU": {"total": 4}},
    )
    kept: tuple[Any, ...] = (
        {},
        {ONE: _held({A: {"NO_SUCH": 1}})},
        {ONE: _held({NOBODY: {"VCPU": 1}}, 9)},
    )
    for stock, off, held in product(stocks, (0, 1), kept):
        body = {"inventories": {A: _stock(stock, off)}, "allocations": held}
        yield Step("POST", "/reshaper", body=body)
    nothing = {"resource_provider_generation": 0, "inventories": {}}
    yield Step("POST", "/reshaper", body={"inventories": {NOBODY: nothing}, "allocations": {}})
    for method, uuid in product(("GET", "DELETE"), (ONE.upper(), "x", NOBODY)):
        yield Step(method, f"/allocations/{uuid}")
    for path in (f"/allocations/{ONE}", "/allocations", "/reshaper"):
        for body in ({"x": 1}, {ONE: {}}, {}, {ONE: {"x": 1, "allocations": {}}, "x": 1}):
            for version in ("1.12", "1.13", "1.28", "1.34", "1.39"):
                method = "PUT" if path.endswith(ONE) else "POST"
                yield Step(method, path, body=body, version=version)
    capitals = (("content-type", "Application/JSON"),)
    for method, path in (
        ("PUT", f"/allocations/{ONE}"),
        ("POST", "/reshaper"),
        ("PUT", _provider(A, "/traits")),
    ):
        yield Step(method, path, body={"x": 1}, headers=capitals)


def sharing() -> Iterator[Step]:
    """Let a provider share that is no root, and search for what only it has."""
    alone, root, child = PROVIDERS[3:6]
    for uuid, parent in ((alone, None), (root, None), (child, root)):
        body = {"name": uuid, "uuid": uuid, "parent_provider_uuid": parent}
        yield Step("POST", "/resource_providers", body=body)
    stocks = {
        alone: {"VCPU": {"total": 4}},
        child: {"DISK_GB": {"total": 8}, "MEMORY_MB": {"total": 3}, "VGPU": {"total": 2}},
    }
    for uuid, stock in stocks.items():
        body = {"resource_provider_generation": Seen(uuid), "inventories": stock}
        yield Step("PUT", _provider(uuid, "/inventories"), body=body)
        body = {"resource_provider_generation": Seen(uuid), "aggregates": [AGGREGATES[0]]}
        yield Step("PUT", _provider(uuid, "/aggregates"), body=body)
    body = {"resource_provider_generation": Seen(child), "traits": [SHARES]}
    yield Step("PUT", _provider(child, "/traits"), body=body)
    both = ("resources", "VCPU:1,DISK_GB:2,MEMORY_MB:2")
    for version in ("1.27", "1.29", "1.39"):
        yield Step("GET", "/allocation_candidates", (both,), version=version)
        more = ("resources3", "VGPU:3,VCPU:1,CUSTOM_GOLD:4")
        yield Step("GET", "/allocation_candidates", (both, more), version=version)


def shared_twice() -> Iterator[Step]:
    """Search where groups may change places, on a provider that shares with other trees."""
    alone, bare, root, child = PROVIDERS[3:7]
    for uuid, parent in ((alone, None), (bare, None), (root, None), (child, root)):
        body = {"name": uuid, "uuid": uuid, "parent_provider_uuid": parent}
        yield Step("POST", "/resource_providers", body=body)
    much = {"CUSTOM_GOLD": 8, "DISK_GB": 2, "MEMORY_MB": 4, "VGPU": 4}
    for uuid, totals in ((alone, much), (child, {"DISK_GB": 1, "MEMORY_MB": 2})):
        stock = {name: {"total": total} for name, total in totals.items()}
        body = {"resource_provider_generation": Seen(uuid), "inventories": stock}
        yield Step("PUT", _provider(uuid, "/inventories"), body=body)
    body = {"resource_provider_generation": Seen(alone), "traits": [SHARES]}
    yield Step("PUT", _provider(alone, "/traits"), body=body)
    for uuid in (alone, bare, child):
        body = {"resource_provider_generation": Seen(uuid), "aggregates": [AGGREGATES[1]]}
        yield Step("PUT", _provider(uuid, "/aggregates"), body=body)
    asked = (
        ("resources", "DISK_GB:1,CUSTOM_GOLD:8,MEMORY_MB:1"),
        ("resources1", "DISK_GB:1"),
        ("resources_A", "MEMORY_MB:1"),
        ("resources_B", "VGPU:2"),
        ("required_B", SHARES),
        ("group_policy", "none"),
    )
    for version in ("1.33", "1.34"):
        yield Step("GET", "/allocation_candidates", asked, version=version)
