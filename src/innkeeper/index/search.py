"""Search: which allocation candidates serve a request.

The semantics are those of the Placement API, microversion 1.39. It only looks: nothing here
changes the index, and what it gives is good until the index next changes.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate, Survey
from innkeeper.index.columns import Columns
from innkeeper.index.combine import Combiner, Deadline
from innkeeper.index.growing import Bools, Int32s
from innkeeper.index.index import Index
from innkeeper.index.plan import Plan
from innkeeper.index.qualifying import Resources
from innkeeper.index.rules import Options
from innkeeper.index.sharing import sharing
from innkeeper.index.survey import serving, surveyed

Prefer = Callable[[str, Int32s], Sequence[RpRow]]
"""Given a resource class and the rows that could serve it, gives these rows, best first.

Rows that it leaves out are not used. For a group of several classes it gets the first one.
"""


def never() -> bool:
    """Tell that the deadline has not passed: there is none."""
    return False


def candidates(
    index: Index, request: CandidateRequest, *, expired: Callable[[], bool] = never
) -> list[Candidate]:
    """Give up to ``request.limit`` different candidates, taken from all trees in turn.

    The first ones are of different trees, in the order of the roots' rows. When ``expired``
    tells that time is up, those found so far are given.
    """
    plan = index.plans.plan(request)
    if not plan.needs or not len(plan.roots):
        return []
    found = serving(plan, request)
    if len(plan.needs) == 1 and plan.needs[0].resources:
        return _alone(index.columns, plan, request, found.pairs[0])
    walk = _Walk(index.columns, plan, request, Deadline(expired))
    trees = (
        walk.tree(position, walk.options_at(position, found.pairs))
        for position in np.flatnonzero(found.roots).tolist()
    )
    return list(islice(_distinct(index.columns, request, _in_turn(trees)), request.limit))


def survey(index: Index, request: CandidateRequest) -> Survey:
    """Give which trees may serve a request by what is free now, and what ruled out the others.

    The mask is a necessary condition. It is sufficient for trees of one provider, and for
    any number of groups that ask for the same, beside others that ask for other classes.
    """
    return surveyed(index.columns, index.plans.plan(request), request)


def within(
    index: Index,
    request: CandidateRequest,
    root: RpRow,
    *,
    prefer: Prefer | None = None,
    expired: Callable[[], bool] = never,
) -> Iterator[Candidate]:
    """Give the candidates of one tree, and of the providers that share with it, lazily.

    With ``prefer`` they come best first, and identical groups are not permuted. The index
    must not change before the iterator is done with.
    """
    plan = index.plans.plan(request)
    position = plan.position(root)
    if position is None or not plan.needs:
        return iter(())
    by_kind: dict[int, Sequence[RpRow]] = {}
    for numbers in plan.kinds:
        need = plan.needs[numbers[0]]
        rows = need.fit.serving(position)
        if prefer is not None and len(rows) > 1 and need.resources:
            by_kind[need.kind] = prefer(need.resources[0][0], rows)
        else:
            by_kind[need.kind] = rows.tolist()
    if len(plan.needs) == 1 and plan.needs[0].resources:
        suffix, only = request.groups[plan.needs[0].group].suffix, plan.needs[0]
        return (_served_by(row, suffix, only.resources, root=root) for row in by_kind[only.kind])
    options = [by_kind[need.kind] for need in plan.needs]
    walk = _Walk(index.columns, plan, request, Deadline(expired))
    return walk.tree(position, options, canonical=prefer is not None)


class _Walk:
    """Goes through the trees of a plan; all share one deadline."""

    def __init__(
        self, columns: Columns, plan: Plan, request: CandidateRequest, deadline: Deadline
    ) -> None:
        self._columns = columns
        self._plan = plan
        self._request = request
        self._deadline = deadline
        self._suffixes = [group.suffix for group in request.groups]
        self._summed = any(need.contended for need in plan.needs)

    def options_at(self, position: int, pairs: Sequence[Bools]) -> Options:
        """Give for each need the rows that could serve it, in the tree of a root."""
        by_kind: dict[int, list[RpRow]] = {}
        for numbers, fits in zip(self._plan.kinds, pairs, strict=True):
            need = self._plan.needs[numbers[0]]
            first, end = need.fit.starts[position : position + 2].tolist()
            by_kind[need.kind] = need.fit.rows[first:end][fits[first:end]].tolist()
        return [by_kind[need.kind] for need in self._plan.needs]

    def tree(
        self, position: int, options: Options, *, canonical: bool = False
    ) -> Iterator[Candidate]:
        """Give the candidates of the tree of a root, lazily."""
        request = self._request
        combiner = Combiner(
            self._columns,
            self._plan,
            request,
            options,
            canonical=canonical or request.limit == 1 or not request.mappings,
            deadline=self._deadline,
        )
        root = RpRow(int(self._plan.roots[position]))
        for rows in combiner:
            yield self._candidate(rows, root)

    def _candidate(self, rows: Sequence[RpRow], root: RpRow) -> Candidate:
        """Give the candidate in which the plan's needs are served by ``rows``."""
        served: list[tuple[RpRow, ...]] = [()] * len(self._request.groups)
        triples: list[tuple[RpRow, str, int]] = []
        for need, row in zip(self._plan.needs, rows, strict=True):
            before = served[need.group]
            if not before:
                served[need.group] = (row,)
            elif row not in before:
                served[need.group] = tuple(sorted((*before, row)))
            for name, amount in need.resources:
                triples.append((row, name, amount))
        if self._summed:
            triples = _summed(triples)
        triples.sort()
        return Candidate(tuple(triples), tuple(zip(self._suffixes, served, strict=True)), root)


def _summed(triples: Sequence[tuple[RpRow, str, int]]) -> list[tuple[RpRow, str, int]]:
    sums: dict[tuple[RpRow, str], int] = {}
    for row, name, amount in triples:
        sums[row, name] = sums.get((row, name), 0) + amount
    return [(row, name, amount) for (row, name), amount in sums.items()]


def _alone(columns: Columns, plan: Plan, request: CandidateRequest, fits: Bools) -> list[Candidate]:
    """Give the candidates of a plan with a single need: each pair that fits is one.

    No loop over providers but over those that are given.
    """
    fit = plan.needs[0].fit
    pairs = np.flatnonzero(fits)
    if sharing(columns) is not None:  # A sharing provider is in a pair for each of its trees.
        pairs = pairs[np.sort(np.unique(fit.rows[pairs], return_index=True)[1])]
    limit = request.limit
    if limit is not None and limit < len(pairs):
        if not fit.one_each:  # The first of each tree, then the second of each, and so on.
            positions = np.searchsorted(fit.starts, pairs, side="right")
            first_of_tree = np.searchsorted(positions, positions)
            pairs = pairs[np.argsort(np.arange(len(pairs)) - first_of_tree, kind="stable")]
        pairs = pairs[:limit]
    rows = fit.rows[pairs].tolist()
    roots = plan.roots[np.searchsorted(fit.starts, pairs, side="right") - 1].tolist()
    suffix = request.groups[plan.needs[0].group].suffix
    resources = plan.needs[0].resources
    return [
        _served_by(row, suffix, resources, root=root) for row, root in zip(rows, roots, strict=True)
    ]


def _served_by(row: RpRow, suffix: str, resources: Resources, *, root: RpRow) -> Candidate:
    """Give the candidate of a request whose only group is served by ``row``."""
    return Candidate(
        tuple([(row, name, amount) for name, amount in resources]), ((suffix, (row,)),), root
    )


def _in_turn(trees: Iterator[Iterator[Candidate]]) -> Iterator[Candidate]:
    """Give the first of each tree, then the second of each, and so on."""
    waiting: list[Iterator[Candidate]] = []
    for tree in trees:
        candidate = next(tree, None)
        if candidate is not None:
            yield candidate
            waiting.append(tree)
    while waiting:
        left = []
        for tree in waiting:
            candidate = next(tree, None)
            if candidate is not None:
                yield candidate
                left.append(tree)
        waiting = left


def _distinct(
    columns: Columns, request: CandidateRequest, found: Iterator[Candidate]
) -> Iterator[Candidate]:
    """Drop candidates that were given before.

    Those of sharing providers alone are found in each tree that they serve; and without
    mappings, different ways to serve the groups may come to the same allocations.
    """
    shares = sharing(columns)
    if shares is None and request.mappings:
        yield from found
        return
    seen: set[object] = set()
    for candidate in found:
        key: object = None
        if not request.mappings:
            key = candidate.allocations
        elif shares is not None:
            served = (row for _, rows in candidate.mappings for row in rows)
            if all(shares[row] for row in served):
                key = (candidate.allocations, candidate.mappings)
        if key is not None:
            if key in seen:
                continue
            seen.add(key)
        yield candidate
