"""How a search is bounded and ordered by what an operator set."""

from itertools import count
from random import Random
from typing import cast

from innkeeper.core.picture import NamePicture, Picture
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.found import Candidates
from innkeeper.index.index import Index
from innkeeper.placement.candidates import find_candidates
from innkeeper.placement.service import Placement, Searching
from innkeeper.store.open_store import OpenStore
from tests.unit.index.worlds import NOW, Rp, Stock, loaded, world

HOSTS = 200
NO_STORE = cast("OpenStore", None)
ALL = CandidateRequest(groups=(RequestGroup(resources=(("A", 1),)),))
TWO_GROUPS = CandidateRequest(
    groups=(
        RequestGroup("1", resources=(("A", 1),)),
        RequestGroup("2", resources=(("A", 1),)),
    ),
    group_policy="none",
)


def limited(request: CandidateRequest, limit: int) -> CandidateRequest:
    return CandidateRequest(request.groups, request.group_policy, limit)


def found(
    searching: Searching,
    request: CandidateRequest,
    *,
    root: int | None = None,
) -> list[int]:
    """Give the roots of the candidates found.

    With ``root`` all providers but the first are below it.
    """
    candidates, _ = search(searching, request, root=root)
    return [each.root for each in candidates]


def search(
    searching: Searching, request: CandidateRequest, *, root: int | None = None
) -> tuple[Candidates, bool]:
    placement = Placement(
        NO_STORE, cloud(root), clock=lambda: NOW, new_uuid=str, searching=searching
    )
    return find_candidates(placement, request)


def cloud(root: int | None) -> Index:
    first = Rp(1, stock={"A": Stock()})
    others = (Rp(number, root, stock={"A": Stock()}) for number in range(2, HOSTS + 1))
    index = loaded(world(first, *others))
    index.apply(Picture(resource_classes=(NamePicture("A", NOW),)))
    return index


def test_all_are_found_in_order() -> None:
    assert found(Searching(), ALL) == list(range(HOSTS))


def test_the_lower_limit_counts() -> None:
    assert len(found(Searching(limit=7), ALL)) == 7
    assert len(found(Searching(limit=7), limited(ALL, 3))) == 3
    assert len(found(Searching(limit=7), limited(ALL, 9))) == 7


def test_a_random_sample_is_of_all_that_there_are() -> None:
    first, second = (found(Searching(shuffle=Random(seed)), limited(ALL, 10)) for seed in (1, 2))
    assert len(first) == len(set(first)) == len(set(second)) == 10
    assert first != second
    assert max(first) >= 10
    everything = found(Searching(shuffle=Random(1)), ALL)
    assert everything != sorted(everything) == list(range(HOSTS))


def test_a_random_sample_is_of_what_max_candidates_found() -> None:
    sample = found(Searching(limit=5, shuffle=Random(1)), limited(ALL, 3))
    assert len(sample) == 3
    assert set(sample) <= set(range(5))


def test_the_deadline_gives_what_was_found() -> None:
    assert len(found(Searching(), TWO_GROUPS, root=1)) == HOSTS**2
    ticks = count(0.0, 4.0)
    soon = Searching(deadline_s=10.0, clock_s=lambda: next(ticks))
    assert 0 < len(found(soon, TWO_GROUPS, root=1)) < HOSTS**2


def test_what_was_cut_off_or_drawn_is_not_final() -> None:
    ticks = count(0.0, 4.0)
    soon = Searching(deadline_s=10.0, clock_s=lambda: next(ticks))
    for searching, is_final in (
        (Searching(), True),
        (Searching(limit=7), True),
        (soon, False),
        (Searching(shuffle=Random(1)), False),
    ):
        assert search(searching, TWO_GROUPS, root=1)[1] is is_final
