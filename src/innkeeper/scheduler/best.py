"""The best hosts, without sorting all of them."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Final, TypeAlias

import numpy as np

from innkeeper.scheduler.arrays import Mask, Scores

_Key: TypeAlias = tuple[float, int]
"""Minus the score, position: the order of the best."""

NEVER: Final = -np.inf
"""The score of a host that will not do."""

MOST_KEPT: Final = 64
"""Leaders that are sought together, and kept: others join them as scores change."""


def masked(scores: Scores, mask: Mask) -> Scores:
    """Give a copy of the scores with minus infinity for the hosts outside ``mask``."""
    return np.where(mask, scores, NEVER)


class Leaders:
    """The best of some scores, none of them NaN, which are kept while some of these change.

    Of equal scores the lowest position comes first. Whoever changes scores must say so then.
    """

    __slots__ = ("_first", "_has_all", "_key_of", "_scores")

    def __init__(self, scores: Scores) -> None:
        self._scores = scores
        # The first of all in their order, as many as are known: minus the score, position.
        self._first: list[_Key] = []
        self._key_of: dict[int, _Key] = {}
        # Whether no others will do.
        self._has_all = False

    def first(self, count: int) -> list[int]:
        """Give up to ``count`` positions from the best score down, none of minus infinity."""
        first = self._first
        if len(first) > max(count, MOST_KEPT):
            self._keep(first[: max(count, MOST_KEPT)])
            self._has_all = False
        if len(first) < count and not self._has_all:
            # Where all scores change at once, only so many are ever asked for.
            sought = max(count, MOST_KEPT) if first else count
            self._keep(self._sought(sought, together=bool(first)))
            self._has_all = len(self._first) < sought
        return [position for _, position in self._first[:count]]

    def first_of(self, mask: Mask, count: int) -> list[int] | None:
        """Give what ``first`` would give of the hosts in ``mask``; None: too few are known."""
        self.first(count)
        found = self._known(mask, count)
        if len(found) < count and len(self._first) <= count:
            self.first(max(count, MOST_KEPT))
            found = self._known(mask, count)
        return found if len(found) == count or self._has_all else None

    def changed(self, positions: Iterable[int]) -> None:
        """Say that the scores of some positions are others now."""
        first, key_of = self._first, self._key_of
        for position in positions:
            before = key_of.pop(position, None)
            if before is not None:
                del first[bisect_left(first, before)]
            score = self._scores.item(position)
            key = (-score, position)
            # Whoever is behind the last that is known may have others between.
            if score != NEVER and (self._has_all or (first and key < first[-1])):
                insort(first, key)
                key_of[position] = key

    def _keep(self, first: list[_Key]) -> None:
        self._first = first
        self._key_of = {key[1]: key for key in first}

    def _known(self, mask: Mask, count: int) -> list[int]:
        known = (position for _, position in self._first if mask.item(position))
        return list(islice(known, count))

    def _sought(self, count: int, *, together: bool) -> list[_Key]:
        scores = self._scores
        if together:
            return _in_order(scores, count)
        return [(-scores.item(position), position) for position in best_of(scores, count)]


def best_of(scores: Scores, count: int, *, random: Random | None = None) -> list[int]:
    """Give up to ``count`` positions from the best score down, none of minus infinity.

    Ties: the lowest position, or any of them if there is ``random``. Each costs one pass over the
    array, which beats sorting for a few. It is written to meanwhile, as a copy would cost more, and
    is as it was afterwards.
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


def _in_order(scores: Scores, count: int) -> list[_Key]:
    """Give (minus the score, position) of the first ``count`` that will do, all in a few passes."""
    count = min(count, scores.size)
    last = scores.max()
    (tied,) = (scores == last).nonzero()
    found = tied[:0]
    if tied.size < count:  # Seldom where hosts are alike; to part them takes longest then.
        last = np.partition(scores, -count)[-count]
        (found,) = (scores > last).nonzero()
        (tied,) = (scores == last).nonzero()
    if last > NEVER:
        found = np.concatenate((found, tied[: count - found.size]))
    return sorted(zip((-scores[found]).tolist(), found.tolist(), strict=True))


def best_after(
    scores: Scores, first: Sequence[int], *, random: Random | None = None
) -> Iterator[int]:
    """Give the positions from the best score down, without the ``first``, as they are asked for."""
    left = scores.copy()
    left[list(first)] = NEVER
    while found := best_of(left, 1, random=random):
        yield found[0]
        left[found] = NEVER
