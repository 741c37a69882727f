"""The best hosts, one after the other, without sorting all of them."""

from collections.abc import Iterator
from random import Random

import numpy as np

from innkeeper.scheduler.arrays import Mask, Scores


def masked(scores: Scores, mask: Mask) -> Scores:
    """Give a copy of the scores with minus infinity for the hosts outside ``mask``."""
    return np.where(mask, scores, -np.inf)


def best_first(scores: Scores, *, random: Random | None = None) -> Iterator[int]:
    """Give positions from the best score down; minus infinity ends it.

    Each costs one pass over the array, which beats sorting for the few that are asked for.
    Ties: the lowest position, or any of them if there is ``random``.
    """
    left = scores.copy()
    while left.size:
        position = int(left.argmax())
        best = left.item(position)
        if best == -np.inf:
            return
        if random is not None:
            position = int(random.choice(np.flatnonzero(left == best)))
        yield position
        left[position] = -np.inf
