"""Ranking: which hosts will do for one kind of request, and how good each is.

Kept between requests of the kind, and repaired for the hosts that changed meanwhile: a claim
changes one host in ten thousand. What it says is, to the bit, what a new one would say.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np

from innkeeper.core.decision import Step
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.candidate import Candidate
from innkeeper.index.growing import NOTHING
from innkeeper.index.index import Index
from innkeeper.index.search import Prefer, at_place, survey
from innkeeper.scheduler.arrays import Amounts, Columns, Mask, Scores
from innkeeper.scheduler.asked import Asked
from innkeeper.scheduler.best import MOST_KEPT, NEVER, Leaders
from innkeeper.scheduler.contest import Contest
from innkeeper.scheduler.profile import Profile
from innkeeper.scheduler.weighers.base import Score, Weighted

FEW: Final = 8
"""Changed hosts that are looked at one by one; more of them together, by arrays."""

NOBODY: Final = np.empty(0, dtype=np.intp)
"""Positions of no hosts."""

MAX_RANKINGS_BYTES: Final = 128 * 1024 * 1024
"""Memory of all rankings together, the least recently used going first, but never the last.

One takes some 50 bytes a host: those of 250 flavors for 10,000 hosts, or of 25 for 100,000.
"""

Range: TypeAlias = tuple[float, float]
"""Least and greatest of the scores that a weigher gives to the hosts that will do."""


class Ranking:
    """The hosts that will do by survey and standing filters, with the standing weighers' scores.

    ``fits`` bool[n] and ``count`` say which and how many, ``hosts`` how many there were,
    ``steps`` what removed the others. ``scores`` is float64[n], minus infinity where a host will
    not do. All of it is good until the next ``repair``; no one else writes to it.
    ``other_filters`` and ``other_weighers`` of the profile are to be asked each time. ``seen`` is
    the count of the log of hosts up to which it is right. ``together`` and ``alone`` are for
    whoever picks by it: how many picks to try together, and how many to make alone before.
    """

    def __init__(self, index: Index, asked: Asked, profile: Profile) -> None:
        self._index, self._asked = index, asked
        self._layout = _layout(index)
        hosts = index.hosts
        self._survey = survey(index, asked.spec.request)
        roots = self._survey.plan.roots
        place_of = np.full(index.columns.count + 1, len(roots))
        place_of[roots] = np.arange(len(roots))
        # The place past the last one, which never fits, is that of hosts in no tree of the plan:
        # their root may be -1, which takes the last element.
        self._place = place_of[hosts.root]
        self._filters: list[tuple[str, str, Mask]] = [
            (type(each).__name__, each.reason, each.mask(asked.spec, hosts, index))
            for each in profile.filters
            if each.standing and each.applies(asked.spec)
        ]
        self.other_filters = [each for each in profile.filters if not each.standing]
        self._weighers = [each for each in profile.weighers if each.weigher.standing]
        self.other_weighers = [each for each in profile.weighers if not each.weigher.standing]
        self.hosts = int(np.count_nonzero(hosts.alive))
        self.together, self.alone = MOST_KEPT, 0
        self._work_out()
        self.seen = hosts.log.count

    @property
    def nbytes(self) -> int:
        """The memory that it takes, about."""
        arrays = (self._place, self.fits, self.scores, *(f[2] for f in self._filters))
        said = sum(each.scores.nbytes for each in self._said)
        return said + sum(array.nbytes for array in arrays)

    def repair(self) -> bool:
        """Look again at what changed; False if it is of no use any more."""
        hosts = self._index.hosts
        if self._layout != _layout(self._index):
            return False
        if hosts.log.count != self.seen:
            changed = hosts.log.since(self.seen)
            if changed is None or NOTHING in changed or not self._survey.plan.flat:
                self._survey.look()
                self._work_out()
            else:
                self._repair_some(changed)
            self.seen = hosts.log.count
        return True

    def candidates(
        self, position: int, *, prefer: Prefer | None, expired: Callable[[], bool]
    ) -> Iterator[Candidate]:
        """Give the ways to serve the request in the tree of a host, lazily."""
        plan, place = self._survey.plan, self._place.item(position)
        if place == len(plan.roots):
            return iter(())
        request = self._asked.spec.request
        columns = self._index.columns
        return at_place(columns, plan, request, place, prefer=prefer, expired=expired)

    @property
    def ends(self) -> list[Range]:
        """The ends of each weigher's scale."""
        return [each.ends for each in self._said]

    @property
    def flat(self) -> bool:
        """Whether one provider of each tree, and of it alone, has to serve the whole request."""
        return self._survey.plan.flat

    def lasting(self, positions: Sequence[int] | Columns) -> int:
        """Give how many of the first of some hosts leave somebody else at all ends."""
        at = np.asarray(positions, dtype=np.intp)
        return min((said.lasting(at) for said in self._said), default=at.size)

    def contest(self, mask: Mask) -> Contest:
        """Give the contest in which only the hosts in ``mask`` are in question."""
        others = NOBODY if mask is self.fits else np.greater(self.fits, mask).nonzero()[0]
        if not others.size:
            return Contest(self.scores, leaders=self._leaders)
        if self.lasting(others) == others.size:
            return Contest(self.scores, leaders=self._leaders, mask=mask)
        said = [np.where(mask, each.scores, np.nan) for each in self._said]
        total = _summed(self._weighers, said, [_range(scores) for scores in said])
        return Contest(np.where(self.fits & mask, total, NEVER))

    def _work_out(self) -> None:
        """Work all of it out from the survey."""
        self._fit()
        self._said = [
            _Said(np.where(self.fits, scores, np.nan)) for scores in self._asked_weighers()
        ]
        self._add_up()

    def _fit(self) -> None:
        """Work out from the survey which hosts will do."""
        fits: Mask = self._survey.fitting[self._place]
        remaining = int(np.count_nonzero(fits))
        steps = list(self._survey.steps)
        for name, reason, mask in self._filters:
            fits &= mask
            before, remaining = remaining, int(np.count_nonzero(fits))
            steps.append(Step(name, before - remaining, remaining, reason))
        self.fits, self.count, self.steps = fits, remaining, tuple(steps)

    def _add_up(self) -> None:
        said = [each.scores for each in self._said]
        total = _summed(self._weighers, said, [each.ends for each in self._said])
        self.scores = np.where(self.fits, total, NEVER)
        self._leaders = Leaders(self.scores)

    def _asked_weighers(self) -> list[Scores | Amounts]:
        hosts = self._index.hosts
        said = (each.weigher.score(self._asked, hosts, self.fits) for each in self._weighers)
        return [np.zeros(len(hosts)) if scores is None else scores for scores in said]

    def _repair_some(self, changed: Collection[int]) -> None:
        """Look again at some hosts of a flat plan."""
        fitted = self.fits
        if self._fare_otherwise(changed):
            self._fit()
        elif len(changed) <= FEW:
            self._score_each([position for position in changed if fitted.item(position)])
            return
        positions = np.array(list(changed), dtype=np.intp)
        self._score_together(positions, fitted[positions])

    def _fare_otherwise(self, changed: Collection[int]) -> bool:
        """Look at the trees of some hosts; tell whether any of them fares otherwise than before."""
        if len(changed) > FEW:
            return self._survey.look_at_all(self._place[list(changed)])
        return sum(self._survey.look_at(self._place.item(position)) for position in changed) > 0

    def _score_each(self, positions: Sequence[int]) -> None:
        """Take over what the weighers say of a few hosts that will do, and would before."""
        moved = False
        for said, scores in zip(self._said, self._asked_weighers(), strict=True):
            moved |= said.renew(scores, positions)
        if moved:
            self._add_up()
            return
        ends = [said.ends for said in self._said]
        for position in positions:
            each = [said.scores.item(position) for said in self._said]
            self.scores[position] = _summed(self._weighers, each, ends)
        self._leaders.changed(positions)

    def _score_together(self, positions: Columns, fitted: Mask) -> None:
        """Take over what the weighers say of some hosts; ``fitted``: which of them would do."""
        fits = self.fits[positions]
        now = [np.where(fits, each[positions], np.nan) for each in self._asked_weighers()]
        # A claim that is written is used, and held no more: its host changed, and is as before.
        other = fits != fitted
        for said, scores in zip(self._said, now, strict=True):
            other |= fits & (said.scores[positions] != scores)
        if not other.any():
            return
        positions, fits = positions[other], fits[other]
        moved = False
        for said, scores in zip(self._said, now, strict=True):
            moved |= said.renew_all(scores[other], positions)
        if moved:
            self._add_up()
            return
        now = [each.scores[positions] for each in self._said]
        total = _summed(self._weighers, now, [each.ends for each in self._said])
        self.scores[positions] = np.where(fits, total, NEVER)
        self._leaders.changed(positions.tolist())


class _Said:
    """What one weigher says of the hosts that will do, NaN of the others, and the ends of that."""

    __slots__ = ("_at_greatest", "_at_least", "ends", "scores")

    def __init__(self, scores: Scores) -> None:
        self.scores = scores
        self._measure()

    def renew(self, scores: Scores | Amounts, positions: Iterable[int]) -> bool:
        """Take over what it says of some hosts now; tell whether the ends are others by that."""
        least, greatest = ends = self.ends
        beyond = False
        for position in positions:
            before, now = self.scores.item(position), scores.item(position)
            if now != before:
                self.scores[position] = now
                self._at_least += (now == least) - (before == least)
                self._at_greatest += (now == greatest) - (before == greatest)
                beyond |= not least <= now <= greatest
        # As long as anyone is left at either end, and no one went past it, it stays where it is.
        if beyond or not self._at_least or not self._at_greatest:
            self._measure()
        return self.ends != ends

    def renew_all(self, scores: Scores, positions: Columns) -> bool:
        """Do what ``renew`` does; ``scores`` are those of ``positions``, NaN of who won't do."""
        least, greatest = ends = self.ends
        before = self.scores[positions]
        self.scores[positions] = scores
        for array, sign in ((scores, 1), (before, -1)):
            self._at_least += sign * int(np.count_nonzero(array == least))
            self._at_greatest += sign * int(np.count_nonzero(array == greatest))
        beyond = bool(((scores < least) | (scores > greatest)).any())
        if beyond or not self._at_least or not self._at_greatest:
            self._measure()
        return self.ends != ends

    def lasting(self, positions: Columns) -> int:
        """Give how many of the first of some hosts leave somebody else at either end."""
        count = positions.size
        if count < min(self._at_least, self._at_greatest):
            return count
        scores = self.scores[positions]
        for end, there in zip(self.ends, (self._at_least, self._at_greatest), strict=True):
            count = min(count, int(np.cumsum(scores == end).searchsorted(there)))
        return count

    def _measure(self) -> None:
        self.ends = least, greatest = _range(self.scores)
        self._at_least = int(np.count_nonzero(self.scores == least))
        self._at_greatest = int(np.count_nonzero(self.scores == greatest))


class Rankings:
    """The rankings of the kinds of requests that were asked for lately."""

    def __init__(self, index: Index, *, max_bytes: int = MAX_RANKINGS_BYTES) -> None:
        self._index, self._max_bytes = index, max_bytes
        self._kept: dict[tuple[str, RequestSpec], Ranking] = {}
        self._size = 0

    def now(self, asked: Asked, profile: Profile) -> Ranking:
        """Give the ranking for a request as of now."""
        anyone = msgspec.structs.replace(asked.spec, project_id="", user_id="", group=None)
        key = (profile.name, anyone)
        ranking = self._kept.pop(key, None)
        if ranking is not None and not ranking.repair():
            self._size -= ranking.nbytes
            ranking = None
        if ranking is None:
            ranking = Ranking(self._index, asked, profile)
            self._size += ranking.nbytes
        self._kept[key] = ranking  # At the end again: the first is the one not used for longest.
        while self._size > self._max_bytes and len(self._kept) > 1:
            self._size -= self._kept.pop(next(iter(self._kept))).nbytes
        return ranking


def said_besides(
    weighers: Sequence[Weighted], asked: Asked, *, index: Index, mask: Mask
) -> Scores | float:
    """Give the sum of what weighers that keep nothing say of the hosts in ``mask``."""
    kept: list[Weighted] = []
    raw: list[Scores] = []
    for each in weighers:
        scores = each.weigher.score(asked, index.hosts, mask)
        if scores is not None:
            kept.append(each)
            raw.append(np.where(mask, scores, np.nan))
    return _summed(kept, raw, [_range(scores) for scores in raw])


def _summed(
    weighers: Sequence[Weighted], raw: Sequence[Score], ranges: Sequence[Range]
) -> Score | float:
    """Add up the weighers' scores, each on its scale."""
    total: Score | float = 0.0
    for each, scores, (least, greatest) in zip(weighers, raw, ranges, strict=True):
        scaled = each.scaled(scores, least, greatest)
        if scaled is not None:
            total = total + scaled
    return total


def _range(scores: Scores) -> Range:
    """Give least and greatest of the scores that are numbers."""
    if not scores.size:
        return np.nan, np.nan
    return float(np.fmin.reduce(scores)), float(np.fmax.reduce(scores))


def _layout(index: Index) -> tuple[int, int]:
    return index.columns.layout, index.hosts.layout
