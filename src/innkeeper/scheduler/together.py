"""Together: hosts for several equal picks, chosen at one look at them and checked afterwards."""

from itertools import accumulate, takewhile
from typing import Final

from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.best import MOST_KEPT
from innkeeper.scheduler.ranking import Ranking

TOP_SCORES: Final = 3
"""How many of the best hosts a decision names: enough to see why one was preferred."""

FEWEST: Final = 3
"""Picks for which it pays."""

MOST: Final = MOST_KEPT - TOP_SCORES + 1
"""Picks at a time: for more, leaders would be sought that are not kept."""


class Together:
    """The best hosts in their order, for a pick each; those in ``mask`` are in question.

    ``positions`` are ``count`` or fewer, none at all where it could not be told whether they are
    right; ``best`` are they, and a few after them, with their scores. They are right if each is
    what one pick after the other would choose: if by those before it no scale moved, and none of
    them is preferred, at what it has left, to the hosts that come after.
    """

    def __init__(self, ranking: Ranking, mask: Mask, count: int, *, last: int) -> None:
        """Look for hosts after one was picked at the position ``last``."""
        self._ranking, self._mask = ranking, mask
        self._seen, self._ends, self._fits = ranking.seen, ranking.ends, ranking.fits
        self._gone = [0] * count
        self.contest = ranking.contest(mask)
        self.positions: list[int] = []
        if ranking.flat and self.contest.goes_by_leaders:
            self.positions = self._first(count, last)
        best = self.contest.first(len(self.positions) + TOP_SCORES - 1, random=None)
        self.best = [(position, self.contest.score(position)) for position in best]

    def _first(self, count: int, last: int) -> list[int]:
        first = self.contest.first(FEWEST, random=None)
        if last in first or self._ranking.lasting(first) < FEWEST:
            return []  # So it is where a policy packs, and where no two hosts are alike.
        first = self.contest.first(count + TOP_SCORES - 1, random=None)[: 1 - TOP_SCORES]
        # A pick puts its host behind so many others, and is preferred to those after it again.
        first = list(takewhile(lambda position: position != last, first))
        return first[: self._ranking.lasting(first)]

    def is_right(self, left: Mask | None) -> bool:
        """Tell whether they are right, once all are held and the ranking is repaired.

        ``left`` are the hosts that are still in question.
        """
        ranking, positions = self._ranking, self.positions
        if left is None or ranking.seen != self._seen + len(positions):
            return False  # Nobody is left, or a tree has more than one host.
        if ranking.ends != self._ends or ranking.fits is not self._fits:
            return False
        if left is not self._mask:
            self._gone = list(accumulate((~left[positions]).tolist(), initial=0))
            self.contest = ranking.contest(left)
            if not self.contest.goes_by_leaders:
                return False
        last, score = self.best[-1]
        now = ((-self.contest.score(position), position) for position in positions)
        return min(now) > (-score, last)

    def gone(self, number: int) -> int:
        """Give how many of those before a pick were in question no more at it."""
        return self._gone[number]
