"""A list of providers holds exactly those that each meet the conditions by themselves."""

from random import Random

import msgspec
from hypothesis import given

from innkeeper.core.request_group import RequestGroup
from tests.unit.index.worlds import Rp, a_request, a_world, loaded, row_of, seeds, sizes


def meets(rp: Rp, group: RequestGroup) -> bool:
    return (
        all(has_room(rp, name, amount) for name, amount in group.resources)
        and all(rp.traits & set(any_of) for any_of in group.required)
        and not rp.traits & group.forbidden
        and all(rp.aggregates & set(any_of) for any_of in group.member_of)
        and not rp.aggregates & group.forbidden_aggregates
    )


def has_room(rp: Rp, name: str, amount: int) -> bool:
    stock = rp.stock.get(name)
    return (
        stock is not None
        and stock.min_unit <= amount <= stock.max_unit
        and amount % stock.step_size == 0
        and amount <= stock.free
    )


@given(seeds, sizes)
def test_a_list_holds_those_that_meet_the_conditions(random: Random, most: int) -> None:
    world = a_world(random, most)
    index = loaded(world)
    rows = {row_of(index, rp_id): rp for rp_id, rp in world.rps.items()}
    some = sorted(rows, key=lambda _: random.random())[: len(rows) // 2]
    for group in a_request(random).groups:
        kept = {row for row, rp in rows.items() if meets(rp, group)}
        assert index.that_meet(group) == sorted(kept)
        assert index.that_meet(group, some) == [row for row in some if row in kept]


def test_an_amount_beyond_all_arrays_is_nowhere() -> None:
    index = loaded(a_world(Random(1), 3))
    group = RequestGroup(resources=(("A", 2**31),))
    assert index.that_meet(group) == []
    assert index.that_meet(msgspec.structs.replace(group, resources=(("NONE", 1),))) == []
