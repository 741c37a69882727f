"""The survey says what ruled out which trees."""

import msgspec
import pytest

from innkeeper.core.ids import AggregateUuid
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.search import survey
from tests.unit.index.worlds import Rp, Stock, World, group, loaded, row_of, rp_uuid, world


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
    return {rp_id for rp_id in where.rps if found.roots[row_of(index, rp_id)]}, steps


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


def test_the_row_of_no_provider_is_never_left() -> None:
    index = loaded(cloud())
    found = survey(index, ask(group(CPU=1)))
    assert len(found.roots) == len(index.rows()) + 1
    assert not found.roots[-1]
