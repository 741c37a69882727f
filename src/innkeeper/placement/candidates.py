"""Use case: find allocation candidates."""

from datetime import timedelta
from typing import Final

from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate
from innkeeper.index.search import candidates
from innkeeper.placement.names import check_classes, check_traits
from innkeeper.placement.service import Placement

SEARCH_DEADLINE: Final = timedelta(seconds=5)
"""After this a search without a limit gives what it has found, as a limit would: eight groups
of one device each on 200 hosts have eight million candidates, and the loop serves others too."""


def find_candidates(placement: Placement, request: CandidateRequest) -> list[Candidate]:
    """Give the candidates for a request; raise UnknownName (a class or a trait).

    Fewer than there are if the search takes longer than SEARCH_DEADLINE.
    Their rows are good until the index next changes: use them before anything is awaited.
    """
    index = placement.index
    for group in request.groups:
        check_classes(index, (name for name, _ in group.resources))
        check_traits(index, [*(t for each in group.required for t in each), *group.forbidden])
    check_traits(index, [*request.root_required, *request.root_forbidden])
    end = placement.clock() + SEARCH_DEADLINE
    return candidates(index, request, expired=lambda: placement.clock() >= end)
