"""Strategies of what there is as a history begins, and the requests that make it."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.conformance.oracle.names import (
    AGGREGATES,
    CLASSES,
    PROVIDERS,
    SHARES,
    TRAITS,
    Rp,
    World,
)
from tests.conformance.oracle.step import Seen, Step

MAX_PROVIDERS = 6

few = st.sampled_from([8, 16, 4, 2, 1, 3])


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, Any]:
    """Give the fields of one inventory, most of them seldom."""
    fields: dict[str, Any] = {"total": draw(few)}
    if draw(st.integers(0, 3)) == 3:
        choices = {
            "reserved": st.sampled_from([0, 1, 2]),
            "min_unit": st.sampled_from([1, 2]),
            "max_unit": st.sampled_from([1, 2, 4, 100]),
            "step_size": st.sampled_from([1, 2, 3]),
            "allocation_ratio": st.sampled_from([1.0, 2.0, 1.5, 0.5, 16, 0.1]),
        }
        for name, values in choices.items():
            if draw(st.booleans()):
                fields[name] = draw(values)
    return fields


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Give some trees; roots may share."""
    rps: list[Rp] = []
    for uuid in PROVIDERS[: draw(st.integers(2, MAX_PROVIDERS))]:
        parents = [*(rp.uuid for rp in rps), *(None for _ in rps[:2]), None]
        parent = draw(st.sampled_from(parents))
        classes = draw(st.sets(st.sampled_from(CLASSES), min_size=1, max_size=4))
        traits = draw(st.sets(st.sampled_from(TRAITS), max_size=2))
        aggregates = draw(st.sets(st.sampled_from(AGGREGATES), max_size=2))
        if parent is None and draw(st.integers(0, 3)) == 3:
            traits |= {SHARES}
            aggregates |= {AGGREGATES[0]}
        stock = {name: draw(inventories()) for name in sorted(classes)}
        rps.append(Rp(uuid, parent, stock, tuple(sorted(traits)), tuple(sorted(aggregates))))
    return World(tuple(rps))


def building(world: World) -> Iterator[Step]:
    """Give the requests that make a world."""
    yield Step("PUT", "/resource_classes/CUSTOM_GOLD")
    yield Step("PUT", "/traits/CUSTOM_RED")
    yield Step("PUT", "/traits/CUSTOM_BLUE")
    for rp in world.rps:
        path = f"/resource_providers/{rp.uuid}"
        body: dict[str, Any] = {"name": rp.uuid[-2:], "uuid": rp.uuid}
        if rp.parent:
            body["parent_provider_uuid"] = rp.parent
        yield Step("POST", "/resource_providers", body=body)
        seen = {"resource_provider_generation": Seen(rp.uuid)}
        if rp.stock:
            yield Step("PUT", f"{path}/inventories", body={**seen, "inventories": rp.stock})
        if rp.traits:
            yield Step("PUT", f"{path}/traits", body={**seen, "traits": list(rp.traits)})
        if rp.aggregates:
            body = {**seen, "aggregates": list(rp.aggregates)}
            yield Step("PUT", f"{path}/aggregates", body=body)
