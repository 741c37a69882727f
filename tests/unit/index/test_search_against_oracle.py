"""The search finds exactly what trying every combination finds."""

from collections import Counter
from itertools import product
from random import Random

import msgspec
import pytest
from hypothesis import given

from innkeeper.core.ids import RpId
from innkeeper.core.moment import to_us
from innkeeper.core.picture import Picture, UsagePicture
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index import combine, stretch, turns
from innkeeper.index.index import Index
from innkeeper.index.search import candidates, survey, within
from innkeeper.index.sharing import sharing
from tests.unit.index.oracle import candidates_of, every_candidate
from tests.unit.index.worlds import (
    NOW,
    Told,
    World,
    a_request,
    a_world,
    loaded,
    row_of,
    seeds,
    sizes,
    told,
)

REQUESTS = 5
"""Requests for each world."""
STEPS = 4
"""Changes of a world, each followed by the same requests."""


@given(seeds, sizes)
def test_search_finds_what_the_oracle_finds(random: Random, most: int) -> None:
    check(random, most)


@given(seeds, sizes)
def test_an_impatient_search_finds_the_same(random: Random, most: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(combine, "PATIENCE", 1)
        check(random, most)


@given(seeds, sizes)
def test_a_search_in_small_steps_finds_the_same(random: Random, most: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(turns, "FIRST_TREES", 1)
        patched.setattr(turns, "MORE_TREES", 2)
        patched.setattr(stretch, "MAX_SUMS", 1)
        check(random, most)


@given(seeds, sizes)
def test_what_is_kept_of_a_search_follows_what_is_free(random: Random, most: int) -> None:
    where = a_world(random, most)
    index = loaded(where)
    requests = [a_request(random) for _ in range(REQUESTS)]
    for _ in range(STEPS):
        for drawn, nested in product(requests, (True, False)):
            request = msgspec.structs.replace(drawn, nested=nested)
            expected = every_candidate(where, request)
            check_all_and_each_once(index, request, expected)
            check_limits(index, request, expected)
        rp = random.choice(list(where.rps.values()))
        stock = {
            name: msgspec.structs.replace(each, used=random.randint(0, 8))
            for name, each in rp.stock.items()
        }
        where = World({**where.rps, rp.id: msgspec.structs.replace(rp, stock=stock)})
        used = tuple((name, each.used) for name, each in stock.items())
        index.apply(Picture(usages=(UsagePicture(RpId(rp.id), 2, to_us(NOW), used),)))


def check(random: Random, most: int) -> None:
    world = a_world(random, most)
    index = loaded(world)
    for _ in range(REQUESTS):
        request = a_request(random)
        expected = every_candidate(world, request)
        check_all_and_each_once(index, request, expected)
        check_without_mappings(index, request, expected)
        check_limits(index, request, expected)
        check_turns(index, request)
        check_trees(index, request, world)


def check_all_and_each_once(
    index: Index, request: CandidateRequest, expected: frozenset[Told]
) -> None:
    found = candidates(index, request)
    tales = [told(index, each) for each in found]
    assert len(tales) == len(set(tales))
    assert set(tales) == expected


def check_without_mappings(
    index: Index, request: CandidateRequest, expected: frozenset[Told]
) -> None:
    blind = msgspec.structs.replace(request, mappings=False)
    found = [told(index, each)[0] for each in candidates(index, blind)]
    assert len(found) == len(set(found))
    assert set(found) == {allocations for allocations, _ in expected}


def check_limits(index: Index, request: CandidateRequest, expected: frozenset[Told]) -> None:
    for limit in (1, 2, 5):
        limited = msgspec.structs.replace(request, limit=limit)
        found = [told(index, each) for each in candidates(index, limited)]
        assert len(found) == len(set(found)) == min(limit, len(expected))
        assert set(found) <= expected


def check_turns(index: Index, request: CandidateRequest) -> None:
    """The first of each tree come first, in the order of the roots; a limit only ends it."""
    asked = msgspec.structs.replace(request, limit=1_000_000)
    found = list(candidates(index, asked))
    shares = sharing(index.columns)
    if shares is None:
        turn_of = Counter[int]()
        turns_taken = []
        for each in found:
            turn_of[each.root] += 1
            turns_taken.append((turn_of[each.root], each.root))
        assert turns_taken == sorted(turns_taken)
    for limit in (2, 3, 7):
        few = candidates(index, msgspec.structs.replace(request, limit=limit))
        assert list(few) == found[:limit]


def check_trees(index: Index, request: CandidateRequest, world: World) -> None:
    surveyed = survey(index, request)
    left = surveyed.plan.roots[surveyed.fitting[:-1]].tolist()
    for rp in world.rps.values():
        root = row_of(index, rp.id)
        expected = candidates_of(world, request, rp.id) if rp.parent is None else frozenset()
        found = [told(index, each) for each in within(index, request, root)]
        assert len(found) == len(set(found))
        assert set(found) == expected
        assert root in left or not expected
        # With a preference, what is left out differs from what is given in the mappings alone.
        best = within(index, request, root, prefer=lambda _, rows: rows.tolist()[::-1])
        preferred = {told(index, each) for each in best}
        assert preferred <= expected
        assert {each[0] for each in preferred} == {each[0] for each in expected}
