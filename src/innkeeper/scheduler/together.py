"""Together: hosts for several equal picks, chosen at one look at them and checked afterwards."""

from itertools import accumulate
from typing import Final

import numpy as np

from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.ranking import Ranking

TOP_SCORES: Final = 3
"""How many of the best hosts a decision names: enough to see why one was preferred."""

FEWEST: Final = 3
"""Picks for which it pays."""


class Together:
    """The best hosts in their order, for a pick each; those in ``mask`` are in question.

    ``positions`` are ``count`` or fewer, none at all where it could not be told whether they are
    right; ``best`` are they, and a few after them, with their scores. They are right if each is
    what one pick after the other would choose: if by those before it no scale moved, and none of
    them is preferred, at what it has left, to the hosts that come after.
    """

    def __init__(self, ranking: Ranking, mask: Mask, count: int) -> None:
        self._ranking, self._mask = ranking, mask
        self._seen, self._ends, self._fits = ranking.seen, ranking.ends, ranking.fits
        self._gone = [0] * count
        self.contest = ranking.contest(mask)
        can_tell = ranking.flat and self.contest.goes_by_leaders
        wanted = count + TOP_SCORES - 1 if can_tell else 0
        first = self.contest.first(wanted, random=None)
        self.best = [(position, self.contest.score(position)) for position in first]
        self.positions = first[: max(0, len(first) - TOP_SCORES + 1)]

    def is_right(self, left: Mask | None) -> bool:
        """Tell so, once all are held and only the hosts in ``left`` are still in question."""
        ranking, positions = self._ranking, self.positions
        ranking.repair()
        if left is None or ranking.seen != self._seen + len(positions):
            return False  # Nobody is left, or a tree has more than one host.
        if ranking.ends != self._ends or ranking.fits is not self._fits:
            return False
        if left is not self._mask:
            out = ~left[positions]
            if np.count_nonzero(self._mask != left) != np.count_nonzero(out):
                return False  # Others than the picked ones came or went.
            self._gone = list(accumulate(out.tolist(), initial=0))
            self.contest = ranking.contest(left)
            if not self.contest.goes_by_leaders:
                return False
        last, score = self.best[-1]
        now = ((-self.contest.score(position), position) for position in positions)
        return min(now) > (-score, last)

    def gone(self, number: int) -> int:
        """Give how many of those before a pick were in question no more at it."""
        return self._gone[number]
