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
    question = (call.request.query, call.version)
    index, searching = call.placement.index, call.placement.searching
    body = index.answers.get(question)
    if body is not None:
        searching.tally("kept")
        return encoded_answer(call, body)
    request = _asked(*question)
    found, is_final = find_candidates(call.placement, request)
    body = encoded_candidates(index, call.version, request, found)
    # A search that finds nothing is made again, and counted as that.
    if is_final and found:
        index.answers.put(question, body)
    return encoded_answer(call, body)


@cached_by_query
def _asked(query: str, version: Version) -> CandidateRequest:
    params = valid_params(query, pick(version, *schemas.GET))
    return parse_candidate_request(params, version)
