from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from innkeeper.scheduler import best
from innkeeper.scheduler.arrays import Scores
from innkeeper.scheduler.best import MOST_KEPT, NEVER, Leaders, best_after, best_of, masked

SCORES = st.lists(st.integers(-3, 3).map(float) | st.just(NEVER), max_size=30)
COUNTS = st.integers(0, 9)


def ordered(scores: Scores, count: int, *, random: Random | None = None) -> list[int]:
    """Give all positions: so many at once, and those after them."""
    first = best_of(scores, count, random=random)
    assert len(first) <= count
    return [*first, *best_after(scores, first, random=random)]


@given(SCORES, COUNTS)
def test_from_the_best_down_and_the_lowest_position_of_equals_first(
    listed: list[float], count: int
) -> None:
    will_do = [at for at, score in enumerate(listed) if score != NEVER]
    scores = np.array(listed, dtype=np.float64)
    expected = sorted(will_do, key=lambda at: (-listed[at], at))
    assert ordered(scores, count) == expected
    assert scores.tolist() == listed


@given(SCORES, COUNTS, st.integers(0, 9))
def test_random_ties_change_the_order_of_equals_only(
    listed: list[float], count: int, seed: int
) -> None:
    scores = np.array(listed, dtype=np.float64)
    found = ordered(scores, count, random=Random(seed))
    assert sorted(found) == [at for at, score in enumerate(listed) if score != NEVER]
    assert [listed[at] for at in found] == sorted((listed[at] for at in found), reverse=True)
    assert scores.tolist() == listed


def test_random_ties_reach_every_equal() -> None:
    random = Random(1)
    scores = np.array([5.0, 7.0, 7.0, 7.0])
    first = {best_of(scores, 1, random=random)[0] for _ in range(60)}
    assert first == {1, 2, 3}


def test_hosts_outside_the_mask_are_never_given() -> None:
    scores = masked(np.array([1.0, 9.0, 5.0]), np.array([True, False, True]))
    assert ordered(scores, 1) == [2, 0]


@given(
    SCORES.filter(bool),
    st.lists(
        st.tuples(
            st.dictionaries(
                st.integers(0, 29), st.integers(-3, 3).map(float) | st.just(NEVER), max_size=5
            ),
            COUNTS,
        )
    ),
    st.integers(1, 5),
    st.integers(0, 9),
)
def test_leaders_are_what_they_would_be_if_sought_anew(
    listed: list[float], changes: list[tuple[dict[int, float], int]], kept: int, seed: int
) -> None:
    scores = np.array(listed, dtype=np.float64)
    leaders, random = Leaders(scores), Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(best, "MOST_KEPT", kept)
        for told, count in changes:
            others = {place % len(listed): score for place, score in told.items()}
            scores[list(others)] = list(others.values())
            leaders.changed(others)
            now = scores.tolist()
            assert leaders.first(count) == best_of(scores, count)
            mask = np.array([random.random() < 0.7 for _ in listed])
            known = leaders.first_of(mask, count)
            assert known in (None, best_of(masked(scores, mask), count))
            assert known is not None or len(leaders._first) >= min(kept, count)
            assert scores.tolist() == now


def test_who_was_let_go_is_sought_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best, "MOST_KEPT", 2)
    leaders = Leaders(np.arange(4.0))
    assert leaders.first(9) == [3, 2, 1, 0]
    assert leaders.first(1) == [3]
    assert leaders.first(4) == [3, 2, 1, 0]


def test_more_are_sought_where_some_of_the_leaders_are_not_in_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leaders = Leaders(np.arange(3.0 * MOST_KEPT))
    last = len(leaders._scores) - 1
    mask = np.arange(last + 1) != last
    assert leaders.first_of(mask, 2) == [last - 1, last - 2]
    assert len(leaders._first) == MOST_KEPT
    # None of many that are known: to seek them again each time would cost more than a look at all.
    leaders._scores[last] = 0.0
    leaders.changed((last,))
    monkeypatch.setattr(Leaders, "_sought", None)
    assert leaders.first_of(np.arange(last + 1) < MOST_KEPT, 2) is None


def test_where_few_will_do_they_are_sought_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = masked(np.arange(9.0), np.arange(9) > 6)
    leaders = Leaders(scores)
    assert leaders.first(3) == [8, 7]
    monkeypatch.setattr(Leaders, "_sought", None)
    assert leaders.first(3) == [8, 7]
    assert leaders.first_of(np.arange(9) != 8, 3) == [7]
    scores[2] = 7.5
    leaders.changed((2,))
    scores[8] = NEVER
    leaders.changed((8,))
    assert leaders.first(3) == [2, 7]


def test_no_more_leaders_are_kept_than_are_worth_it() -> None:
    scores = np.zeros(3 * MOST_KEPT)
    leaders = Leaders(scores)
    assert leaders.first(1) == [0]
    for position in reversed(range(1, len(scores))):
        scores[position] = 1.0
        leaders.changed((position,))
    assert leaders.first(1) == [1]
    assert len(leaders._first) == MOST_KEPT
    # Who was let go is known no more, and may be a leader again.
    scores[len(scores) - 1] = 2.0
    leaders.changed((len(scores) - 1,))
    assert leaders.first(2) == [len(scores) - 1, 1]
    assert len(leaders._first) == len(leaders._key_of)
    assert leaders.first(len(scores)) == [len(scores) - 1, *range(1, len(scores) - 1), 0]


@pytest.mark.parametrize("alike", [1, MOST_KEPT - 1, MOST_KEPT, 2 * MOST_KEPT])
def test_many_are_sought_whether_the_best_are_alike_or_not(alike: int) -> None:
    scores = np.concatenate((np.arange(100.0), np.full(alike, 200.0), np.full(9, NEVER)))
    leaders = Leaders(scores)
    assert leaders.first(1) == [100]
    assert leaders.first(MOST_KEPT) == best_of(scores, MOST_KEPT)
    assert len(leaders._first) == MOST_KEPT
