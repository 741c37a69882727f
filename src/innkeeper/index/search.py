"""Search: which allocation candidates serve a request.

The semantics are those of the Placement API, microversion 1.39. It only looks: nothing here
changes the index, and what it gives is good until the index next changes.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate
from innkeeper.index.columns import Columns
from innkeeper.index.combine import Combiner, Deadline
from innkeeper.index.found import Candidates
from innkeeper.index.growing import Int32s
from innkeeper.index.index import Index
from innkeeper.index.plan import Plan
from innkeeper.index.sharing import sharing
from innkeeper.index.survey import Survey, serving
from innkeeper.index.turns import Turns

Prefer = Callable[[str, Int32s], Sequence[RpRow]]
"""Given a resource class and the rows that could serve it, gives these rows, best first.

Rows that it leaves out are not used. For a group of several classes it gets the first one.
"""


def never() -> bool:
    """Tell that the deadline has not passed: there is none."""
    return False


def candidates(
    index: Index, request: CandidateRequest, *, expired: Callable[[], bool] = never
) -> Candidates:
    """Give up to ``request.limit`` different candidates, taken from all trees in turn.

    The first ones are of different trees, in the order of the roots' rows. When ``expired``
    tells that time is up, those found so far are given.
    """
    plan = index.plans.plan(request)
    nothing = np.empty((0, len(plan.needs)), np.int32)
    if not plan.needs or not len(plan.roots):
        return Candidates(plan.composer, nothing, plan.roots[:0])
    if len(plan.needs) == 1 and plan.needs[0].resources:
        return _alone(index.columns, plan, request.limit)
    found = serving(plan, request)
    return Turns(index.columns, plan, request, Deadline(expired)).candidates(found)


def survey(index: Index, request: CandidateRequest) -> Survey:
    """Give which trees may serve a request by what is free now, and what ruled out the others.

    That it fits is a necessary condition. It is sufficient for trees of one provider, and for
    any number of groups that ask for the same, beside others that ask for other classes.
    """
    return Survey(index.plans.plan(request), request)


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
    place = plan.position(root)
    if place is None:
        return iter(())
    return at_place(index.columns, plan, request, place, prefer=prefer, expired=expired)


def at_place(
    columns: Columns,
    plan: Plan,
    request: CandidateRequest,
    place: int,
    *,
    prefer: Prefer | None = None,
    expired: Callable[[], bool] = never,
) -> Iterator[Candidate]:
    """Give what ``within`` gives of the tree at a place of the request's plan."""
    if not plan.needs:
        return iter(())
    by_kind: dict[int, Sequence[RpRow]] = {}
    for numbers in plan.kinds:
        need = plan.needs[numbers[0]]
        rows = need.fit.serving(place)
        if prefer is not None and len(rows) > 1 and need.resources:
            by_kind[need.kind] = prefer(need.resources[0][0], np.array(rows, dtype=np.int32))
        else:
            by_kind[need.kind] = rows
    composer, root = plan.composer, RpRow(plan.roots.item(place))
    if len(plan.needs) == 1 and plan.needs[0].resources:
        return (composer.candidate((row,), root) for row in by_kind[plan.needs[0].kind])
    ways = Combiner(
        columns,
        plan,
        request,
        [by_kind[need.kind] for need in plan.needs],
        canonical=prefer is not None or request.limit == 1 or not request.mappings,
        deadline=Deadline(expired),
    )
    return (composer.candidate(rows, root) for rows in ways)


def _alone(columns: Columns, plan: Plan, limit: int | None) -> Candidates:
    """Give the candidates of a plan with a single need: each pair that fits is one."""
    fit = plan.needs[0].fit
    shared = sharing(columns) is not None
    pairs = fit.fitting(limit if fit.one_each and not shared else None)
    if shared:  # A sharing provider is in a pair for each of its trees.
        pairs = pairs[np.sort(np.unique(fit.rows[pairs], return_index=True)[1])]
    positions = pairs
    if not fit.one_each:  # The first of each tree, then the second of each, and so on.
        positions = np.searchsorted(fit.starts, pairs, side="right") - 1
        first_of_tree = np.searchsorted(positions, positions)
        order = np.argsort(np.arange(len(pairs)) - first_of_tree, kind="stable")
        pairs, positions = pairs[order], positions[order]
    pairs, positions = pairs[:limit], positions[:limit]
    return Candidates(plan.composer, fit.rows[pairs][:, None], plan.roots[positions])
