"""Use case: find allocation candidates."""

from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate
from innkeeper.index.search import candidates
from innkeeper.placement.names import check_classes, check_traits
from innkeeper.placement.service import Placement


def find_candidates(placement: Placement, request: CandidateRequest) -> list[Candidate]:
    """Give the candidates for a request; raise UnknownName (a class or a trait).

    Their rows are good until the index next changes: use them before anything is awaited.
    """
    index = placement.index
    for group in request.groups:
        check_classes(index, (name for name, _ in group.resources))
        check_traits(index, [*(t for each in group.required for t in each), *group.forbidden])
    check_traits(index, [*request.root_required, *request.root_forbidden])
    return candidates(index, request)
