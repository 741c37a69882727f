"""Use case: find allocation candidates."""

import msgspec

from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.found import Candidates
from innkeeper.index.search import candidates
from innkeeper.placement.names import check_requested, check_traits
from innkeeper.placement.service import Placement


def find_candidates(placement: Placement, request: CandidateRequest) -> tuple[Candidates, bool]:
    """Give the candidates for a request; raise UnknownName (a class or a trait).

    Fewer than there are if the search takes longer than its deadline. With them comes whether
    whoever asks the same finds the same until the index changes: not if some are missing, or they
    were drawn by chance.
    Their rows are good until the index next changes: use them before anything is awaited.
    """
    index = placement.index
    for group in request.groups:
        check_requested(index, (name for name, _ in group.resources))
        check_traits(index, [*(t for each in group.required for t in each), *group.forbidden])
    check_traits(index, [*request.root_required, *request.root_forbidden])
    searching = placement.searching
    end = searching.clock_s() + searching.deadline_s
    shuffle = searching.shuffle
    # A fair sample of all needs all; the first few would always be of the same trees.
    limits = (searching.limit, None if shuffle is not None else request.limit)
    limit = min((each for each in limits if each is not None), default=None)
    late = False

    def expired() -> bool:
        nonlocal late
        late = searching.clock_s() >= end
        return late

    found = candidates(index, msgspec.structs.replace(request, limit=limit), expired=expired)
    searching.tally("deadline" if late else "found" if found else "none")
    if shuffle is not None:
        wanted = len(found) if request.limit is None else min(request.limit, len(found))
        found = found.take(shuffle.sample(range(len(found)), wanted))
    return found, shuffle is None and not late
