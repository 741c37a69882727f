"""Allocation candidates."""

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import encoded_answer
from innkeeper.api.placement.call import Call, pick
from innkeeper.api.placement.candidate_json import encoded_candidates
from innkeeper.api.placement.query.candidates import parse_candidate_request
from innkeeper.api.placement.schemas import allocation_candidate as schemas
from innkeeper.placement.candidates import find_candidates


async def list_allocation_candidates(call: Call) -> Response:
    """GET /allocation_candidates."""
    schema = pick(call.version, *schemas.GET)
    request = parse_candidate_request(call.params(schema), call.version)
    found = find_candidates(call.placement, request)
    return encoded_answer(
        call, encoded_candidates(call.placement.index, call.version, request, found)
    )
