"""The survey says what ruled out which trees."""

import msgspec
import numpy as np
import pytest

from innkeeper.core.ids import AggregateUuid, RpId
from innkeeper.core.moment import to_us
from innkeeper.core.picture import Picture, UsagePicture
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.search import survey
from tests.unit.index.worlds import NOW, Rp, Stock, World, group, loaded, row_of, rp_uuid, world


def cloud() -> World:
    return world(
        Rp(1, stock={"CPU": Stock(8)}, traits=frozenset("T"), aggregates=frozenset("X")),
        Rp(2, stock={"CPU": Stock(8, used=7)}),
        Rp(3, stock={"CPU": Stock(8, max_unit=1)}),
        Rp(4),
        Rp(5, stock={"CPU": Stock(8)}),
        Rp(6, 5, stock={"GPU": Stock(2)}),
        Rp(7, 5, stock={"GPU": Stock(1)}),
    )


def surveyed(
    request: CandidateRequest, where: World | None = None
) -> tuple[set[int], list[tuple[str, int, int]]]:
    where = where or cloud()
    index = loaded(where)
    found = survey(index, request)
    steps = [
        (step.name.removeprefix("placement:"), step.removed, step.remaining) for step in found.steps
    ]
    left = found.plan.roots[found.fitting[:-1]].tolist()
    return {rp_id for rp_id in where.rps if row_of(index, rp_id) in left}, steps


def ask(*groups: RequestGroup) -> CandidateRequest:
    return CandidateRequest(groups=groups)


def test_each_condition_is_a_step() -> None:
    roots, steps = surveyed(ask(group(CPU=2)))
    assert roots == {1, 5}
    assert steps == [("inventory", 1, 4), ("units", 1, 3), ("CPU", 1, 2)]


@pytest.mark.parametrize(
    ("conditions", "name", "left"),
    [
        ({"required": (("T",),)}, "traits", {1}),
        ({"forbidden": frozenset("T")}, "traits", {2, 3, 5}),
        ({"member_of": ((AggregateUuid("X"),),)}, "aggregates", {1}),
        ({"in_tree": rp_uuid(6)}, "in_tree", {5}),
    ],
)
def test_a_standing_condition_has_its_own_step(
    conditions: dict[str, object], name: str, left: set[int]
) -> None:
    roots, steps = surveyed(ask(msgspec.structs.replace(group(CPU=1), **conditions)))
    assert roots == left
    assert name in [step for step, _, _ in steps]


def test_the_root_has_its_own_step() -> None:
    request = msgspec.structs.replace(ask(group(CPU=1)), root_required=frozenset("T"))
    assert surveyed(request)[1][0] == ("root_traits", 4, 1)


def test_reasons_say_which_group_lacked_what() -> None:
    index = loaded(cloud())
    steps = survey(index, ask(group(CPU=1), group("_gpu", GPU=3))).steps
    reasons = {step.name: step.reason for step in steps if step.removed}
    assert reasons["placement:inventory"] == "no inventory of GPU (group _gpu)"
    assert reasons["placement:GPU"] == "no provider with 3 GPU free (group _gpu)"


@pytest.mark.parametrize(
    ("policy", "groups", "fits"),
    [("isolate", 2, True), ("isolate", 3, False), ("none", 3, True), ("none", 4, False)],
)
def test_like_groups_are_counted_exactly(policy: str, groups: int, *, fits: bool) -> None:
    asked = (group(CPU=1), *(group(f"_{number}", GPU=1) for number in range(groups)))
    request = msgspec.structs.replace(ask(*asked), group_policy=policy)
    roots, steps = surveyed(request)
    assert roots == ({5} if fits else set())
    assert steps[-1] == ("groups", 0 if fits else 1, 1 if fits else 0)


def test_steps_begin_with_all_roots_and_add_up() -> None:
    for request in [ask(group(CPU=2)), ask(group(CPU=2), group("_1", GPU=1))]:
        roots, steps = surveyed(request)
        remaining = 5
        for _, removed, left in steps:
            assert left == remaining - removed
            remaining = left
        assert remaining == len(roots)


def test_the_place_of_no_root_is_never_left() -> None:
    index = loaded(cloud())
    found = survey(index, ask(group(CPU=1)))
    assert len(found.fitting) == len(found.plan.roots) + 1
    assert not found.fitting[-1]


def test_a_flat_plan_is_looked_at_again_tree_by_tree() -> None:
    index = loaded(cloud())
    request = ask(group(CPU=1))
    found = survey(index, request)
    assert found.plan.flat
    places = {rp_id: found.plan.position(row_of(index, rp_id)) or 0 for rp_id in (1, 2, 3, 5)}
    assert not any(found.look_at(place) for place in places.values())
    used = ((1, 8), (2, 6), (3, 7))
    index.apply(Picture(usages=tuple(usage(rp_id, amount) for rp_id, amount in used)))
    assert [rp_id for rp_id, place in places.items() if found.look_at(place)] == [1]
    fresh = survey(index, request)
    assert found.fitting.tolist() == fresh.fitting.tolist()
    assert found.steps == fresh.steps


# Those without the trait do not have the first inventories of the class.
@pytest.mark.parametrize("forbidden", [frozenset(), frozenset("T")])
def test_trees_of_a_flat_plan_are_looked_at_again_together(forbidden: frozenset[str]) -> None:
    index = loaded(cloud())
    request = ask(msgspec.structs.replace(group(CPU=1), forbidden=forbidden))
    found = survey(index, request)
    nowhere = len(found.plan.roots)
    known = [found.plan.position(row_of(index, rp_id)) for rp_id in (2, 3, 5)]
    places = np.array([*known, nowhere])
    assert not found.look_at_all(places)
    index.apply(Picture(usages=(usage(2, 6), usage(5, 8))))
    assert not found.look_at_all(places[:2])
    assert found.look_at_all(places)
    assert not found.look_at_all(places)
    assert not found.look_at(nowhere)
    fresh = survey(index, request)
    assert found.fitting.tolist() == fresh.fitting.tolist()
    assert found.steps == fresh.steps


def test_plans_of_several_providers_or_of_shared_ones_are_not_flat() -> None:
    assert not survey(loaded(cloud()), ask(group(CPU=1), group("_gpu", GPU=1))).plan.flat
    shared = world(
        Rp(1, stock={"CPU": Stock(8)}, aggregates=frozenset("X")),
        Rp(
            2,
            stock={"DISK": Stock(8)},
            aggregates=frozenset("X"),
            traits=frozenset(["MISC_SHARES_VIA_AGGREGATE"]),
        ),
    )
    found = survey(loaded(shared), ask(group(DISK=1)))
    assert len(found.plan.roots) == 2
    assert not found.plan.flat


def usage(rp_id: int, amount: int) -> UsagePicture:
    return UsagePicture(RpId(rp_id), 2, to_us(NOW), (("CPU", amount),))
