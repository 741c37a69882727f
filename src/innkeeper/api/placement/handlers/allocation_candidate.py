"""Allocation candidates."""

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import encoded_answer
from innkeeper.api.placement.call import Call, pick, valid_params
from innkeeper.api.placement.candidate_json import encoded_candidates
from innkeeper.api.placement.query.cached import cached_by_query
from innkeeper.api.placement.query.candidates import parse_candidate_request
from innkeeper.api.placement.schemas import allocation_candidate as schemas
from innkeeper.api.placement.versions import Version
from innkeeper.core.request_group import CandidateRequest
from innkeeper.placement.candidates import find_candidates


async def list_allocation_candidates(call: Call) -> Response:
    """GET /allocation_candidates."""
    request = _asked(call.request.query, call.version)
    found = find_candidates(call.placement, request)
    return encoded_answer(
        call, encoded_candidates(call.placement.index, call.version, request, found)
    )


@cached_by_query
def _asked(query: str, version: Version) -> CandidateRequest:
    params = valid_params(query, pick(version, *schemas.GET))
    return parse_candidate_request(params, version)
