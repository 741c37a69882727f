"""Survey: which trees may serve a request by what is free now. No loop over hosts."""

from collections.abc import Iterator

import msgspec
import numpy as np

from innkeeper.core.decision import Step
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.fit import Fit
from innkeeper.index.growing import Bools, Int64s, Positions
from innkeeper.index.need import Need
from innkeeper.index.plan import Plan, of_group


class Serving(msgspec.Struct, frozen=True):
    """What of a plan could serve now."""

    passed: tuple[Bools, ...]
    """Which of the roots there are, then which are left after each step: bool[roots] each."""
    pairs: tuple[Bools, ...]
    """For each kind, which pairs of its fit have the amounts free."""
    conditions: tuple[tuple[str, str], ...]
    """Name of each step, and the reason why it ruled out what it did."""

    @property
    def roots(self) -> Bools:
        """Which of the roots are left."""
        return self.passed[-1]


def serving(plan: Plan, request: CandidateRequest) -> Serving:
    """Give the roots whose free amounts may serve every need.

    That is necessary, not always sufficient: needs of several kinds may compete for the same
    amounts, and same_subtree is not looked at. It is exact for any number of needs of one
    kind, together with others that ask for other classes.
    """
    found = _Found(len(plan.roots))
    pairs: list[Bools] = []
    for numbers in plan.kinds:
        need = plan.needs[numbers[0]]
        group = request.groups[need.group]
        fit = need.fit
        fits = np.ones(len(fit.rows), dtype=np.bool_)
        for demand in fit.demands:
            fits &= demand.met()
            name = demand.column.name
            reason = of_group(group, f"no provider with {demand.amount} {name} free")
            found.keep(name, fit.any_of_root(fits), reason)
        pairs.append(fits)
        if len(numbers) > 1:
            isolate = request.group_policy == "isolate"
            enough = fit.sum_of_root(_times(fit, fits, isolate=isolate)) >= len(numbers)
            found.keep("groups", enough, _too_few(need, len(numbers), isolate=isolate))
    return Serving(tuple(found.passed), tuple(pairs), tuple(found.conditions))


class _Found:
    def __init__(self, count: int) -> None:
        self.passed: list[Bools] = [np.ones(count, dtype=np.bool_)]
        self.conditions: list[tuple[str, str]] = []

    def keep(self, name: str, fits: Bools, reason: str) -> None:
        self.passed.append(self.passed[-1] & fits)
        self.conditions.append((f"placement:{name}", reason))


class Survey:
    """Which trees may serve a request by what is free now, and what rules out the others.

    Good for as long as the plan is. After a change of amounts it is looked at again: at all of
    it, or, if the plan is flat, at the trees that changed.
    """

    __slots__ = ("_conditions", "_passed", "_request", "plan")

    def __init__(self, plan: Plan, request: CandidateRequest) -> None:
        self.plan = plan
        self._request = request
        self._conditions: tuple[tuple[str, str], ...] = ()
        # How many masks of ``Serving.passed`` hold of each root. The last element stands for
        # what is no root of the plan.
        self._passed = np.zeros(len(plan.roots) + 1, dtype=np.int16)
        self.look()

    def look(self) -> None:
        """Look at all trees again."""
        found = serving(self.plan, self._request)
        self._conditions = found.conditions
        self._passed[:-1] = np.add.reduce(found.passed, axis=0, dtype=np.int16)

    def look_at(self, place: int) -> bool:
        """Look again at the root at a place of a flat plan; tell whether it fares otherwise.

        The place past the last one is that of no root.
        """
        if place == len(self.plan.roots):
            return False
        passed = 1
        for demand in self.plan.needs[0].fit.demands:
            if not demand.met_by(place):
                break
            passed += 1
        if self._passed.item(place) == passed:
            return False
        self._passed[place] = passed
        return True

    def look_at_all(self, places: Positions) -> bool:
        """Do what ``look_at`` does at some places; tell whether any fares otherwise."""
        places = places[places != len(self.plan.roots)]
        left = np.ones(len(places), dtype=np.bool_)
        passed = left.astype(np.int16)
        for demand in self.plan.needs[0].fit.demands:
            left &= demand.met_at(places)
            passed += left
        if np.array_equal(self._passed[places], passed):
            return False
        self._passed[places] = passed
        return True

    @property
    def fitting(self) -> Bools:
        """Whether each of the plan's roots may serve: bool[roots + 1], the last one False."""
        fitting: Bools = self._passed == 1 + len(self._conditions)
        return fitting

    @property
    def steps(self) -> tuple[Step, ...]:
        """What ruled out trees, in order; the first starts from all roots."""
        return (*self.plan.steps, *self._steps())

    def _steps(self) -> Iterator[Step]:
        removed = np.bincount(self._passed[:-1], minlength=len(self._conditions) + 1).tolist()
        remaining = len(self.plan.roots)
        for number, (name, reason) in enumerate(self._conditions, start=1):
            remaining -= removed[number]
            yield Step(name, removed[number], remaining, reason)


def _times(fit: Fit, fits: Bools, *, isolate: bool) -> Int64s:
    """Give how many needs of one kind each provider could serve: int64[pairs]."""
    times = fits.astype(np.int64)
    if isolate:
        return times
    if not fit.demands:  # A resourceless group takes nothing: one provider may serve all.
        return times * np.iinfo(np.int32).max
    for number, demand in enumerate(fit.demands):
        most = np.where(fits, demand.times(), 0)
        times = most if number == 0 else np.minimum(times, most)
    return times


def _too_few(need: Need, wanted: int, *, isolate: bool) -> str:
    asked = ", ".join(f"{amount} {name}" for name, amount in need.resources) or "the traits"
    providers = f"{wanted} different providers" if isolate else "providers"
    return f"not {providers} for {wanted} groups of {asked}"
