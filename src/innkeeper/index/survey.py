"""Survey: which trees may serve a request by what is free now. No loop over hosts."""

import msgspec
import numpy as np

from innkeeper.core.decision import Step
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Survey
from innkeeper.index.columns import Columns
from innkeeper.index.fit import Fit
from innkeeper.index.growing import Bools, Int64s
from innkeeper.index.need import Need
from innkeeper.index.plan import Plan, of_group


class Serving(msgspec.Struct, frozen=True):
    """What of a plan could serve now."""

    roots: Bools
    """Which of the plan's roots: bool[roots]."""
    pairs: tuple[Bools, ...]
    """For each kind, which pairs of its fit have the amounts free."""
    steps: tuple[Step, ...]
    """How the plan's other roots were ruled out."""


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
        fits = np.ones(len(need.fit.rows), dtype=np.bool_)
        for demand in need.fit.demands:
            fits &= demand.free() >= demand.amount
            name = demand.column.name
            reason = of_group(group, f"no provider with {demand.amount} {name} free")
            found.keep(name, need.fit.any_of_root(fits), reason)
        pairs.append(fits)
        if len(numbers) > 1:
            isolate = request.group_policy == "isolate"
            enough = need.fit.sum_of_root(_times(need.fit, fits, isolate=isolate)) >= len(numbers)
            found.keep("groups", enough, _too_few(need, len(numbers), isolate=isolate))
    return Serving(roots=found.roots, pairs=tuple(pairs), steps=tuple(found.steps))


def surveyed(columns: Columns, plan: Plan, request: CandidateRequest) -> Survey:
    """Give the survey of a plan as a mask over all rows."""
    found = serving(plan, request)
    roots = np.zeros(columns.count + 1, dtype=np.bool_)
    if len(plan.roots) == columns.count:  # All rows there are, in their order.
        roots[:-1] = found.roots
    else:
        # Scattered by intp, which is thrice as fast as by int32.
        roots[plan.roots.astype(np.intp)] = found.roots
    return Survey(roots=roots, steps=plan.steps + found.steps)


class _Found:
    def __init__(self, count: int) -> None:
        self.roots: Bools = np.ones(count, dtype=np.bool_)
        self.steps: list[Step] = []
        self._remaining = count

    def keep(self, name: str, fits: Bools, reason: str) -> None:
        self.roots &= fits
        remaining = int(np.count_nonzero(self.roots))
        removed = self._remaining - remaining
        self.steps.append(Step(f"placement:{name}", removed, remaining, reason))
        self._remaining = remaining


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
