"""Plans: requests compiled against the standing conditions of the index.

Which providers have the classes, units, traits and aggregates that a request asks for
changes seldom; what is free changes with every claim. So the first is worked out once per
request and kept until the layout changes, and a search looks at the second alone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from innkeeper.core.decision import Step
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.candidate import Composer
from innkeeper.index.columns import Columns
from innkeeper.index.fit import Fit
from innkeeper.index.growing import Bools, Int32s
from innkeeper.index.need import Need, Resources, required_together
from innkeeper.index.qualifying import Qualifying, wanted_traits
from innkeeper.index.resource_column import ResourceColumn
from innkeeper.index.stretch import Stretch
from innkeeper.index.ways import KnownWays

MAX_PLANS: Final = 128
"""Plans kept: more than a cloud has flavors, or the OpenB trace has kinds of tasks (91).

One plan takes at most some 20 bytes a provider and need, and as much again for trees that searches
have come to: 128 of them 50 MB for 10,000 hosts, all searched without a limit.
"""

_PlanKey = tuple[object, ...]


class Plan(msgspec.Struct, frozen=True):
    """A compiled request."""

    needs: tuple[Need, ...]
    roots: Int32s
    """Rows of the roots that pass all standing conditions, ascending."""
    steps: tuple[Step, ...]
    """How the others were ruled out."""
    kinds: tuple[tuple[int, ...], ...]
    """For each kind the numbers of its needs."""
    exact: bool
    """Whether each root that the survey leaves has a candidate."""
    composer: Composer
    """Makes candidates of who serves the needs."""
    stretches: dict[int, Stretch]
    """Its trees in a row, by the place of the first, as far as any search has come."""
    ways: KnownWays
    """How its trees can be served, as far as any search has come."""
    flat: bool
    """Whether one provider of each tree, and of it alone, has to serve the whole request."""

    def position(self, root: int) -> int | None:
        """Give the place of a root in ``roots``, or None."""
        # As an int32, as the array would be copied to compare it with any other integer.
        position = int(self.roots.searchsorted(np.int32(root)))
        there = position < len(self.roots) and self.roots[position] == root
        return position if there else None


class Plans:
    """Compiled requests, the latest used ones, kept until the layout changes."""

    __slots__ = ("_columns", "_layout", "_plans")

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._layout = -1
        self._plans: dict[_PlanKey, Plan] = {}

    def plan(self, request: CandidateRequest) -> Plan:
        """Give the plan of a request; its limit does not matter."""
        if self._layout != self._columns.layout:
            self._layout = self._columns.layout
            self._plans.clear()
        key = (
            request.groups,
            request.group_policy,
            request.same_subtree,
            request.root_required,
            request.root_forbidden,
        )
        plan = self._plans.pop(key, None) or compiled(self._columns, request)
        if len(self._plans) >= MAX_PLANS:
            del self._plans[next(iter(self._plans))]
        self._plans[key] = plan  # At the end again: the first is the one not used for longest.
        return plan


def compiled(columns: Columns, request: CandidateRequest) -> Plan:
    """Compile a request."""
    return _Compiler(columns, request).plan()


class _Compiler:
    """The roots that are left (``alive``: bool[rows]) and what ruled out the others."""

    def __init__(self, columns: Columns, request: CandidateRequest) -> None:
        count = columns.count
        self.columns = columns
        self.request = request
        self.alive: Bools = columns.trees.root[:count] == np.arange(count, dtype=np.int32)
        self.remaining = int(np.count_nonzero(self.alive))
        self.steps: list[Step] = []
        self.local = True

    def plan(self) -> Plan:
        self._rule_out_roots()
        needs, pairs = self._qualify()
        roots = np.flatnonzero(self.alive).astype(np.int32)
        for need in needs:
            need.fit = self._fit(pairs[need.kind], need.resources, roots)
        needs = _merged(needs)
        _mark_contended(needs, isolate=self.request.group_policy == "isolate")
        kinds: dict[int, list[int]] = {}
        for number, need in enumerate(needs):
            kinds.setdefault(need.kind, []).append(number)
        return Plan(
            needs=tuple(needs),
            roots=roots,
            steps=tuple(self.steps),
            kinds=tuple(tuple(numbers) for numbers in kinds.values()),
            exact=_is_exact(needs, self.request),
            composer=Composer(needs, [group.suffix for group in self.request.groups]),
            stretches={},
            ways=KnownWays(),
            flat=self.local and len(needs) == 1 and needs[0].fit.one_each,
        )

    def _rule_out_roots(self) -> None:
        request, traits, count = self.request, self.columns.traits, self.columns.count
        if request.root_required or request.root_forbidden:
            fits = ~traits.any_of(tuple(request.root_forbidden), count)
            for name in request.root_required:
                fits &= traits.any_of((name,), count)
            self._step("root_traits", fits, "the root lacks a required trait, or has a forbidden")

    def _qualify(self) -> tuple[list[Need], dict[int, Qualifying]]:
        """Give the needs, and per kind the pairs that qualify."""
        request = self.request
        kinds: dict[object, int] = {}
        needs: list[Need] = []
        pairs: dict[int, Qualifying] = {}
        for number, group in enumerate(request.groups):
            for need in _needs_of(number, group):
                need.subtrees = tuple(
                    each
                    for each, suffixes in enumerate(request.same_subtree)
                    if group.suffix in suffixes
                )
                alike = msgspec.structs.replace(group, suffix="")
                key = (need.spans, need.resources, alike, need.subtrees)
                need.kind = kinds.setdefault(key, len(kinds))
                if need.kind not in pairs:
                    pairs[need.kind] = self._qualifying(group, need)
                needs.append(need)
            if not group.suffix and group.required and len(group.resources) > 1:
                spanned = [pairs[need.kind] for need in needs if need.group == number]
                self._require_together(group, spanned)
        return needs, pairs

    def _qualifying(self, group: RequestGroup, need: Need) -> Qualifying:
        found = Qualifying(self.columns, group, need.resources, spans=need.spans)
        for name, reason in found.narrow():
            fits = np.zeros(len(self.alive), dtype=np.bool_)
            fits[found.roots] = True
            self._step(name, fits, of_group(group, reason))
        return found

    def _require_together(self, group: RequestGroup, spanned: Sequence[Qualifying]) -> None:
        """Rule out trees in which no provider that may serve the group has a required trait."""
        fits = np.ones(len(self.alive), dtype=np.bool_)
        for any_of in group.required:
            having = np.zeros(len(self.alive), dtype=np.bool_)
            for each in spanned:
                having[each.having(any_of)] = True
            fits &= having
        self._step("traits", fits, of_group(group, wanted_traits(group)))

    def _step(self, name: str, fits: Bools, reason: str) -> None:
        self.alive = self.alive & fits
        remaining = int(np.count_nonzero(self.alive))
        removed = self.remaining - remaining
        self.steps.append(Step(f"placement:{name}", removed, remaining, reason))
        self.remaining = remaining

    def _fit(self, pairs: Qualifying, resources: Resources, roots: Int32s) -> Fit:
        """Give the pairs of the roots that are left, by root, then by creation."""
        kept = self.alive[pairs.roots]
        rows, of_roots = pairs.rows[kept], pairs.roots[kept]
        if len(of_roots) > 1 and not np.all(of_roots[1:] > of_roots[:-1]):
            order = np.lexsort((self.columns.trees.keys[rows], of_roots))
            rows, of_roots = rows[order], of_roots[order]
        starts = np.searchsorted(of_roots, roots).astype(np.int32)
        starts = np.append(starts, np.int32(len(rows)))
        self.local &= np.array_equal(self.columns.trees.root[rows], of_roots)
        return Fit(rows, starts, _columns_of(self.columns, resources))


def _needs_of(number: int, group: RequestGroup) -> Iterator[Need]:
    if group.suffix:
        yield Need(number, group.resources, spans=False)
    else:
        for each in group.resources:
            yield Need(number, (each,), spans=True)


def _columns_of(columns: Columns, resources: Resources) -> list[tuple[ResourceColumn, int]]:
    """Give the columns; one that is missing has no rows either."""
    found = ((columns.classes.get(name), amount) for name, amount in resources)
    return [(column, amount) for column, amount in found if column is not None]


def of_group(group: RequestGroup, reason: str) -> str:
    """Name the group in a reason, if it has a name."""
    return f"{reason} (group {group.suffix})" if group.suffix else reason


def _merged(needs: Sequence[Need]) -> list[Need]:
    """Make one need of those of the unsuffixed group that the same providers alone can serve.

    It is the common case: each host has its VCPU, MEMORY_MB and DISK_GB in one provider.
    """
    merged: list[Need] = []
    for need in needs:
        alike = next((each for each in merged if _serve_alike(each, need)), None)
        if alike is None:
            merged.append(need)
            continue
        alike.resources = (*alike.resources, *need.resources)
        alike.fit.demands = (*alike.fit.demands, *need.fit.demands)
    return merged


def _serve_alike(first: Need, second: Need) -> bool:
    if not (first.spans and second.spans and first.fit.one_each and second.fit.one_each):
        return False
    return np.array_equal(first.fit.rows, second.fit.rows)


def _mark_contended(needs: Sequence[Need], *, isolate: bool) -> None:
    """Note which classes several needs may ask of one provider: their sums must be checked."""
    askers: Counter[str] = Counter()
    for need in needs:
        # Isolated groups never meet, except with the unsuffixed one.
        weight = 1 if isolate and not need.spans else len(needs)
        askers.update({name: weight for name, _ in need.resources})
    for need in needs:
        limit = len(needs)
        need.contended = tuple(each for each in need.resources if askers[each[0]] > limit)


def _is_exact(needs: Sequence[Need], request: CandidateRequest) -> bool:
    """Tell whether it is enough that each kind by itself has providers.

    That is so if no rule of the request looks at providers of two kinds.
    """
    suffixed = {need.kind for need in needs if not need.spans}
    together = bool(required_together(needs, request))
    kinds_of: dict[str, set[int]] = {}
    for need in needs:
        for name, _ in need.resources:
            kinds_of.setdefault(name, set()).add(need.kind)
    competing = any(len(kinds) > 1 for kinds in kinds_of.values())
    return not (len(suffixed) > 1 or together or competing or request.same_subtree)
