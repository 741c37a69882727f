from itertools import islice
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from innkeeper.scheduler.best import best_first, masked

SCORES = st.lists(st.integers(-3, 3).map(float), max_size=30)


@given(SCORES)
def test_from_the_best_down_and_the_lowest_position_of_equals_first(scores: list[float]) -> None:
    expected = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    assert list(best_first(np.array(scores, dtype=np.float64))) == expected


@given(SCORES, st.integers(0, 9))
def test_random_ties_change_the_order_of_equals_only(scores: list[float], seed: int) -> None:
    found = list(best_first(np.array(scores, dtype=np.float64), random=Random(seed)))
    assert sorted(found) == list(range(len(scores)))
    assert [scores[at] for at in found] == sorted(scores, reverse=True)


def test_random_ties_reach_every_equal() -> None:
    random = Random(1)
    scores = np.array([5.0, 7.0, 7.0, 7.0])
    first = {next(best_first(scores, random=random)) for _ in range(60)}
    assert first == {1, 2, 3}


def test_hosts_outside_the_mask_are_never_given() -> None:
    scores = masked(np.array([1.0, 9.0, 5.0]), np.array([True, False, True]))
    assert list(best_first(scores)) == [2, 0]
    assert list(islice(best_first(scores), 1)) == [2]
