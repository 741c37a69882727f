from random import Random

import numpy as np
import pytest

from innkeeper.scheduler.best import NEVER, Leaders
from innkeeper.scheduler.contest import Contest

SCORES = [3.0, 9.0, NEVER, 9.0, 5.0]
MASK = [True, False, True, True, True]
LEFT = [3.0, NEVER, NEVER, 9.0, 5.0]


def contest() -> Contest:
    scores = np.array(SCORES)
    return Contest(scores, leaders=Leaders(scores), mask=np.array(MASK))


@pytest.mark.parametrize("random", [None, Random(1)])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_best_are_of_those_in_question(count: int, random: Random | None) -> None:
    each = contest()
    first = each.first(count, random=random)
    assert first == [3, 4, 0][:count]
    assert [each.score(at) for at in first] == [9.0, 5.0, 3.0][:count]
    assert [*first, *each.after(first, random=random)] == [3, 4, 0]


def test_others_have_no_score() -> None:
    each = contest()
    each.first(1, random=None)
    assert each.scores.tolist() == LEFT
    assert each.first(3, random=None) == [3, 4, 0]
