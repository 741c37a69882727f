"""The best hosts, without sorting all of them."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import numpy as np

from innkeeper.scheduler.arrays import Mask, Scores

NEVER: Final = -np.inf
"""The score of a host that will not do."""


def masked(scores: Scores, mask: Mask) -> Scores:
    """Give a copy of the scores with minus infinity for the hosts outside ``mask``."""
    return np.where(mask, scores, NEVER)


def best_of(scores: Scores, count: int, *, random: Random | None = None) -> list[int]:
    """Give up to ``count`` positions from the best score down, none of minus infinity.

    Each costs one pass over the array, which beats sorting for the few that are asked for. Ties:
    the lowest position, or any of them if there is ``random``. Those found are masked meanwhile, as
    a copy would cost more than they do; afterwards the array is as it was.
    """
    found: dict[int, float] = {}
    while len(found) < min(count, scores.size):
        position = int(scores.argmax())
        best = scores.item(position)
        if best == NEVER:
            break
        if random is not None:
            position = int(random.choice(np.flatnonzero(scores == best)))
        found[position] = best
        scores[position] = NEVER
    for position, best in found.items():
        scores[position] = best
    return list(found)


def best_after(
    scores: Scores, first: Sequence[int], *, random: Random | None = None
) -> Iterator[int]:
    """Give the positions from the best score down, without the ``first``, as they are asked for."""
    left = scores.copy()
    left[list(first)] = NEVER
    while found := best_of(left, 1, random=random):
        yield found[0]
        left[found] = NEVER
