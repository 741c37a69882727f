"""Picking hosts for instances: rank, filter, choose devices, hold.

All of it happens at once on the loop thread, without an await, so that what was seen free is
free when it is held.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, takewhile
from random import Random
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from innkeeper.core.allocation import Allocation
from innkeeper.core.decision import Score
from innkeeper.core.ids import CellName, HostName, RpRow
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.selection import Selection
from innkeeper.index.candidate import Candidate
from innkeeper.index.index import Index
from innkeeper.index.search import Prefer
from innkeeper.scheduler.arrays import Mask
from innkeeper.scheduler.asked import Asked
from innkeeper.scheduler.best import NEVER, best_of, masked
from innkeeper.scheduler.contest import Contest
from innkeeper.scheduler.filters.cell import CellFilter
from innkeeper.scheduler.filters.server_group_anti_affinity import ServerGroupAntiAffinityFilter
from innkeeper.scheduler.group_picks import GroupPicks
from innkeeper.scheduler.pick import Pick
from innkeeper.scheduler.profile import Profile
from innkeeper.scheduler.ranking import Ranking, Rankings, said_besides
from innkeeper.scheduler.record import Record
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.scheduler.slot import Slot
from innkeeper.scheduler.together import FEWEST, MOST, TOP_SCORES, Together

MAX_HOSTS_TRIED: Final = 1000
"""Hosts in whose trees a combination is sought, per pick.

The survey is exact for flat hosts and for like devices, so that the first host nearly always
has one; at some 50 us each this bounds the time that the loop is kept from others.
"""

MAX_LOOKS: Final = 512
"""Looks, of some dozen steps each, that the searches of one pick take together: about 50 ms. Where
they are used up, only hosts are taken that have a combination at once."""

MAX_ALTERNATES_TRIED: Final = 4
"""Hosts tried per alternate wanted, for the same reason; fewer alternates are no failure."""

NEAR: Final = 8
"""The best hosts among which the first alternate is sought before it is sought among all."""

BY_HOST: Final = (CellFilter, ServerGroupAntiAffinityFilter)
"""Filters that do not stand, by which a pick may rule out its own host, and never another."""

ALONE: Final = 8
"""Picks that are made alone, at least, after it was in vain to try several together."""

DRAWS: Final = 2
"""Hosts drawn from all for each that may be tried, before those that will do are listed."""


class Job(msgspec.Struct, frozen=True):
    """What one request asks for each of its instances."""

    asked: Asked
    profile: Profile

    @property
    def spec(self) -> RequestSpec:
        """Give the request spec."""
        return self.asked.spec


class Picker:
    """Picks hosts from an index."""

    def __init__(
        self, index: Index, *, picks: GroupPicks, settings: SchedulerSettings, random: Random
    ) -> None:
        self._index, self._picks, self._settings, self._random = index, picks, settings, random
        self._rankings = Rankings(index)

    def pick_all(self, job: Job, slots: Sequence[Slot]) -> int:
        """Choose and hold a place for each slot, as for one after the other.

        Gives how many found one: the record of the next says why it did not, and those after it
        were not looked at.
        """
        done, several = 0, len(slots) > FEWEST and self._goes_together(job)
        while done < len(slots):
            enough = several and 0 < done <= len(slots) - FEWEST
            before = slots[done - 1].pick if enough else None
            found = 0
            if before is not None:
                found = self._pick_together(job, slots[done : done + MOST], before.position)
            if not found:
                if not self._pick(job, slots[done]):
                    break
                found = 1
            done += found
        return done

    def _pick(self, job: Job, slot: Slot) -> bool:
        """Choose the best host and hold its place; if there is none, the record says why."""
        record = slot.record
        ranking = self._rankings.now(job.asked, job.profile)
        mask = self._mask(job, ranking, record, slot.excluded)
        if mask is None:
            return False
        contest = ranking.contest(mask)
        if record.remaining > 1:  # The only host there is needs no more.
            more = said_besides(ranking.other_weighers, job.asked, index=self._index, mask=mask)
            if isinstance(more, np.ndarray):
                contest = Contest(masked(contest.scores + more, mask))
        dropped, looks = 0, _Looks()
        for position in islice(self._order(contest, record), MAX_HOSTS_TRIED):
            selection = self._selection(job, ranking, position, looks)
            if selection is not None:
                record.dropped("placement:combination", dropped, looks.reason)
                pick = Pick(position, selection, contest)
                pick.hold(self._index, self._picks, job.spec.group)
                slot.pick = pick
                return True
            dropped += 1
        record.dropped("placement:combination", dropped, looks.reason)
        return False

    def _goes_together(self, job: Job) -> bool:
        """Tell whether picks go by scores that stand, and by no filter that looks at other hosts.

        One that does not stand may be there: what it removes is told for each pick.
        """
        settings = self._settings
        if settings.random_ties or settings.host_subset_size > 1:
            return False
        ranking = self._rankings.now(job.asked, job.profile)
        asked = [each for each in ranking.other_filters if each.applies(job.spec)]
        if len(asked) > 1 or not all(isinstance(each, BY_HOST) for each in asked):
            return False
        said = (
            each.weigher.score(job.asked, self._index.hosts, ranking.fits)
            for each in ranking.other_weighers
        )
        return all(scores is None for scores in said)

    def _pick_together(self, job: Job, slots: Sequence[Slot], last: int) -> int:
        """Pick for as many of the slots, from the first on, as it is known to be right for.

        That is, as one pick after the other would be; ``last`` is the position picked before. Gives
        for how many: 0 where it pays for none.
        """
        ranking = self._rankings.now(job.asked, job.profile)
        if ranking.alone:
            ranking.alone -= 1
            return 0
        some = list(takewhile(lambda slot: not slot.excluded, slots[: ranking.together]))
        record = Record(job.profile.name)
        mask = self._mask(job, ranking, record, ()) if len(some) >= FEWEST else None
        if mask is None:
            return 0
        together = Together(ranking, mask, len(some), last=last)
        scores = self._scores(together.best)
        count = len(together.positions)
        picks = self._held(job, ranking, together) if count >= FEWEST else []
        if picks:
            ranking.together = min(2 * ranking.together, MOST)
        elif count < 2 * FEWEST:
            ranking.alone = ALONE
        else:
            ranking.together = count // 2
        for number, (slot, pick) in enumerate(zip(some, picks, strict=False)):
            slot.pick, pick.contest = pick, together.contest
            record.repeat(slot.record, gone=together.gone(number))
            slot.record.scores(scores[number : number + TOP_SCORES])
        return len(picks)

    def _held(self, job: Job, ranking: Ranking, together: Together) -> list[Pick]:
        """Hold the places; give none if they are not the right ones."""
        picks: list[Pick] = []
        right = False
        try:
            for position in together.positions:
                selection = self._selection(job, ranking, position, _Looks())
                if selection is None:
                    break
                picks.append(Pick(position, selection, together.contest))
                picks[-1].hold(self._index, self._picks, job.spec.group)
            else:
                ranking.repair()
                right = together.is_right(self._mask(job, ranking, Record(job.profile.name), ()))
        finally:
            if not right:
                for pick in picks:
                    pick.release()
        return picks if right else []

    def hold_again(self, job: Job, pick: Pick) -> None:
        """Hold a released pick once more, for another try to claim it."""
        pick.hold(self._index, self._picks, job.spec.group)

    def alternates(
        self, job: Job, pick: Pick, *, count: int, taken: Sequence[int]
    ) -> Iterator[Selection]:
        """Give up to ``count`` other hosts of the pick's cell; nothing is held.

        The first is the next best. The others are drawn from all that will do: under a policy
        that packs, the next best ones are what the requests until then will fill. ``taken`` are
        positions that will not do.
        """
        if count <= 0:
            return
        ranking = self._rankings.now(job.asked, job.profile)
        found, looks = 0, _Looks()
        tries = count * MAX_ALTERNATES_TRIED
        for position in islice(self._spares(pick, taken, tries), tries):
            selection = self._selection(job, ranking, position, looks)
            if selection is not None:
                yield selection
                found += 1
            if found == count:
                return

    def _spares(self, pick: Pick, taken: Iterable[int], count: int) -> Iterator[int]:
        """Give the best position of the pick's cell that is not taken, then others at random.

        They are ``count`` or more, if there are so many.
        """
        contest, cell, given = pick.contest, self._index.hosts.cell, set(taken)
        here = cell.item(pick.position)

        def will_do(position: int) -> bool:
            if position in given or cell.item(position) != here:
                return False
            return contest.score(position) > NEVER

        # Nearly always one of the best few will do, and so will most of all hosts: then there is no
        # need to look through them.
        best = next(filter(will_do, contest.first(NEAR, random=None)), None)
        if best is not None:
            yield best
            given.add(best)
            for _ in range(DRAWS * count):
                drawn = self._random.randrange(contest.size)
                if will_do(drawn):
                    yield drawn
                    given.add(drawn)
        # Hosts may have been added since the pick.
        left = masked(contest.scores, cell[: contest.size] == here)
        left[[position for position in given if position < left.size]] = NEVER
        if best is None:
            for position in best_of(left, 1):
                yield position
                left[position] = NEVER
        others = np.flatnonzero(left > NEVER)
        for place in self._random.sample(range(others.size), min(others.size, count)):
            yield others.item(place)

    def _mask(
        self, job: Job, ranking: Ranking, record: Record, excluded: Iterable[int]
    ) -> Mask | None:
        """Give the hosts that will do; None if there are none."""
        record.start(ranking.hosts, ranking.steps, ranking.count)
        mask, remaining, spec = ranking.fits, ranking.count, job.spec
        for each in ranking.other_filters:
            if remaining and each.applies(spec):
                mask = mask & each.mask(spec, self._index.hosts, self._index)
                remaining = record.step(type(each).__name__, mask, each.reason)
        if remaining and excluded:
            mask = mask.copy()
            mask[list(excluded)] = False
            remaining = record.step("claim", mask, "the host refused the claim")
        return mask if remaining else None

    def _order(self, contest: Contest, record: Record) -> Iterator[int]:
        """Give the hosts in the order in which they are tried; record the first of them."""
        settings = self._settings
        random = self._random if settings.random_ties else None
        count = max(TOP_SCORES, settings.host_subset_size)
        leaders = contest.first(count, random=random)
        others = contest.after(tuple(leaders), random=random)
        record.scores(self._scores((at, contest.score(at)) for at in leaders[:TOP_SCORES]))
        if settings.host_subset_size > 1:
            chosen = self._random.randrange(min(len(leaders), settings.host_subset_size))
            leaders.insert(0, leaders.pop(chosen))
        return chain(leaders, others)

    def _scores(self, best: Iterable[tuple[int, float]]) -> list[Score]:
        names = self._index.hosts.names
        return [Score(HostName(names[position]), score) for position, score in best]

    def _selection(
        self, job: Job, ranking: Ranking, position: int, looks: "_Looks"
    ) -> Selection | None:
        """Give the best combination in one host's tree, or None if there is none."""
        prefer = self._prefer(job, position)
        found = ranking.candidates(position, prefer=prefer, expired=looks.used_up)
        candidate = next(found, None)
        return None if candidate is None else self._selected(position, candidate)

    def _selected(self, position: int, candidate: Candidate) -> Selection:
        index, hosts = self._index, self._index.hosts
        rows = {candidate.root}
        for _, serving in candidate.mappings:
            rows.update(serving)
        named = {row: (index.rp_id(row), index.uuid(row)) for row in rows}
        allocations = [
            Allocation(*named[row], name, amount) for row, name, amount in candidate.allocations
        ]
        mappings = [
            (suffix, tuple([named[row][1] for row in serving]))
            for suffix, serving in candidate.mappings
        ]
        return Selection(
            host=HostName(hosts.names[position]),
            cell=CellName(hosts.cells[hosts.cell.item(position)]),
            rp_uuid=named[candidate.root][1],
            allocations=tuple(allocations),
            mappings=tuple(mappings),
        )

    def _prefer(self, job: Job, position: int) -> Prefer | None:
        """Give the order in which the host's GPUs are tried; other devices keep theirs."""
        if not job.asked.gpu.gpus:
            return None
        gpu = self._settings.gpu.gpu
        column = self._index.columns.classes.get(gpu)
        if column is None:
            return None

        def prefer(resource_class: str, rows: npt.NDArray[np.int32]) -> Sequence[RpRow]:
            listed: list[RpRow] = rows.tolist()
            if resource_class != gpu:
                return listed
            free = column.free[column.slot[rows]]
            places = job.profile.devices.order(job.asked, self._index.hosts, position, free)
            return [listed[place] for place in places]

        return prefer


class _Looks:
    """Counts the looks of the searches of one pick."""

    def __init__(self) -> None:
        self._left = MAX_LOOKS

    def used_up(self) -> bool:
        """Count a look; tell whether there may be no more."""
        self._left -= 1
        return self._left < 0

    @property
    def reason(self) -> str:
        """Say why hosts were dropped."""
        return _NO_COMBINATION if self._left >= 0 else _NONE_SOON


_NO_COMBINATION: Final = "no combination of the host's devices serves all request groups"
_NONE_SOON: Final = (
    "no combination of the host's devices that serves all request groups was found soon enough"
)
