from random import Random

import numpy as np
import pytest

from innkeeper.scheduler.best import NEVER, Leaders
from innkeeper.scheduler.contest import Contest

SCORES = [3.0, 9.0, NEVER, 9.0, 5.0]


def contest(mask: list[bool] | None) -> Contest:
    scores = np.array(SCORES)
    return Contest(scores, leaders=Leaders(scores), mask=None if mask is None else np.array(mask))


@pytest.mark.parametrize(
    ("mask", "order"),
    [
        (None, [1, 3, 4, 0]),
        ([True, True, False, True, False], [1, 3, 0]),
        ([True, False, True, True, True], [3, 4, 0]),
        ([False, False, True, False, False], []),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_best_are_of_those_in_question(
    mask: list[bool] | None, order: list[int], count: int
) -> None:
    each = contest(mask)
    first = each.first(count, random=None)
    assert first == order[:count]
    assert [each.score(at) for at in first] == [SCORES[at] for at in first]
    assert [*first, *each.after(first, random=None)] == order
    # What is not in question has no score, and the rest is as it was.
    assert each.scores.tolist() == [
        score if at in order else NEVER for at, score in enumerate(SCORES)
    ]
    assert each.first(count, random=None) == first


def test_random_ties_are_of_those_in_question() -> None:
    random = Random(1)
    all_of_them = [contest(None).first(1, random=random)[0] for _ in range(40)]
    assert set(all_of_them) == {1, 3}
    some = [contest([True, False, True, True, True]).first(1, random=random) for _ in range(9)]
    assert some == [[3]] * 9
