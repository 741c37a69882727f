"""Contest: which hosts are in question for one pick, and which of them are best."""

from collections.abc import Iterator, Sequence
from random import Random

from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.best import NEVER, Leaders, best_after, best_of, masked


class Contest:
    """Hosts and their scores, of which a pick seldom wants to know more than the best few.

    Its best are those of the moment. Its scores may be a ranking's own, and change when that is
    repaired; of a part of them a copy is made once they are asked for.
    """

    __slots__ = ("_leaders", "_mask", "_scores")

    def __init__(
        self, scores: Scores, *, leaders: Leaders | None = None, mask: Mask | None = None
    ) -> None:
        """Take scores, minus infinity for hosts that will not do; they may be a ranking's own.

        ``leaders`` are those of all of them; in question are only the hosts in ``mask``.
        """
        self._scores = scores
        self._leaders = leaders
        self._mask = mask

    @property
    def scores(self) -> Scores:
        """The scores, minus infinity for hosts that are not in question; not to be written to."""
        if self._mask is not None:
            self._scores = masked(self._scores, self._mask)
            self._leaders = self._mask = None
        return self._scores

    @property
    def goes_by_leaders(self) -> bool:
        """Whether its scores are those of which the leaders are kept."""
        return self._leaders is not None

    @property
    def size(self) -> int:
        """How many hosts there were when it began."""
        return self._scores.size

    def score(self, position: int) -> float:
        """Give the score of a host, minus infinity if it is not in question."""
        if self._mask is not None and not self._mask.item(position):
            return NEVER
        return self._scores.item(position)

    def first(self, count: int, *, random: Random | None) -> list[int]:
        """Give up to ``count`` positions from the best score down.

        Ties: the lowest position, or any of them if there is ``random``.
        """
        if self._leaders is not None and random is None:
            if self._mask is None:
                return self._leaders.first(count)
            known = self._leaders.first_of(self._mask, count)
            if known is not None:
                return known
        return best_of(self.scores, count, random=random)

    def after(self, first: Sequence[int], *, random: Random | None) -> Iterator[int]:
        """Give the positions without the ``first``, from the best score down, one by one."""
        yield from best_after(self.scores, first, random=random)
