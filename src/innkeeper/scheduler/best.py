"""The best hosts, without sorting all of them."""

from bisect import insort
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import numpy as np

from innkeeper.scheduler.arrays import Mask, Scores

NEVER: Final = -np.inf
"""The score of a host that will not do."""

MOST_KEPT: Final = 64
"""Leaders that are kept if no more are asked for: others join them as scores change."""


def masked(scores: Scores, mask: Mask) -> Scores:
    """Give a copy of the scores with minus infinity for the hosts outside ``mask``."""
    return np.where(mask, scores, NEVER)


class Leaders:
    """The best of some scores, which are kept while these change one by one.

    Of equal scores the lowest position comes first. Whoever changes a score must say so.
    """

    __slots__ = ("_first", "_scores")

    def __init__(self, scores: Scores) -> None:
        self._scores = scores
        # The first of all in their order, as many as were found so far: minus the score, position.
        self._first: list[tuple[float, int]] = []

    def first(self, count: int) -> list[int]:
        """Give up to ``count`` positions from the best score down, none of minus infinity.

        Each that is not known yet costs one pass over the array, which beats sorting for the few
        that are asked for. Those that are known are masked meanwhile, as a copy would cost more
        than they do; afterwards the array is as it was.
        """
        first, scores = self._first, self._scores
        del first[max(count, MOST_KEPT) :]
        if len(first) < count:
            for _, position in first:
                scores[position] = NEVER
            while len(first) < min(count, scores.size):
                position = int(scores.argmax())
                best = scores.item(position)
                if best == NEVER:
                    break
                first.append((-best, position))
                scores[position] = NEVER
            for negative, position in first:
                scores[position] = -negative
        return [position for _, position in first[:count]]

    def changed(self, position: int) -> None:
        """Say that the score of a position is another now."""
        first = self._first
        for place, (_, known) in enumerate(first):
            if known == position:
                del first[place]
                break
        key = (-self._scores.item(position), position)
        # Whoever is behind the last that is known may have others between.
        if first and key < first[-1]:
            insort(first, key)


def best_of(scores: Scores, count: int, *, random: Random | None = None) -> list[int]:
    """Give up to ``count`` positions from the best score down, none of minus infinity.

    Ties: the lowest position, or any of them if there is ``random``. The array is written to
    meanwhile, and is as it was afterwards.
    """
    if random is None:
        return Leaders(scores).first(count)
    found: dict[int, float] = {}
    while len(found) < min(count, scores.size):
        best = scores.item(int(scores.argmax()))
        if best == NEVER:
            break
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
