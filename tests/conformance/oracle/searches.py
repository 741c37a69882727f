"""Candidates compared: as sets, and where there is a limit with all that it was cut from."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.conformance.oracle.compare import Difference, ordered
from tests.conformance.oracle.exchange import Answer, Request

NESTED_SINCE = (1, 29)


def parameters(request: Request) -> list[tuple[str, str]]:
    return parse_qsl(request.target.partition("?")[2], keep_blank_values=True)


def groups_of(request: Request) -> dict[str, dict[str, list[str]]]:
    """Give the values of the parameters of each group, by suffix and by name."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name, value in parameters(request):
        match = re.fullmatch("(resources|required|member_of|in_tree)([a-zA-Z0-9_-]*)", name)
        if match is not None:
            groups.setdefault(match[2], {}).setdefault(match[1], []).append(value)
    return groups


def limit_of(request: Request) -> int | None:
    """Give the limit that counts, the first one."""
    return next((int(value) for name, value in parameters(request) if name == "limit"), None)


def without_limit(request: Request) -> Request:
    if limit_of(request) is None:
        return request
    kept = [(name, value) for name, value in parameters(request) if name != "limit"]
    path = request.target.partition("?")[0]
    return replace(request, target=f"{path}?{urlencode(kept)}")


def search_differences(request: Request, ours: Answer, theirs: Answer) -> Iterator[Difference]:
    """Give what is different between two answers, of which ours alone respects a limit.

    Which candidates a limit leaves is nobody's promise; that they are among all of them, and
    as many as there should be, is. How often each is listed is a difference of its own.
    """
    often, other_often = _candidates(ours), _candidates(theirs)
    mine, other = set(often), set(other_often)
    limit = limit_of(request)
    if limit is not None and mine <= other:
        expected = min(limit, len(other))
        if len(mine) != expected:
            yield Difference("count", len(mine), expected)
    elif mine != other:
        yield Difference("candidates", sorted(mine - other), sorted(other - mine))
    if any(often[each] != other_often[each] for each in mine & other):
        yield Difference("doubles", _repeated(often), _repeated(other_often))
    yield from _summary_differences(request, ours, theirs)


def _summary_differences(request: Request, ours: Answer, theirs: Answer) -> Iterator[Difference]:
    """Compare the summaries of the providers that ours should have."""
    mine, other = (ordered(each.json["provider_summaries"]) for each in (ours, theirs))
    named = {
        uuid for each in canonical(ours.json["allocation_requests"]) for uuid in each["allocations"]
    }
    if request.version >= NESTED_SINCE:
        roots = {mine[uuid]["root_provider_uuid"] for uuid in named if uuid in mine}
        # Where the other has lost candidates, only ours says what else is in their trees.
        known = other if mine.keys() <= other.keys() else {**mine, **other}
        named |= {uuid for uuid in known if known[uuid]["root_provider_uuid"] in roots}
    if mine.keys() != named:
        yield Difference("summaries", sorted(mine), sorted(named))
    for uuid in mine.keys() & other.keys():
        if mine[uuid] != other[uuid]:
            yield Difference("summary", mine[uuid], other[uuid])


def _candidates(answer: Answer) -> Counter[str]:
    found = ordered(canonical(answer.json["allocation_requests"]))
    return Counter(json.dumps(each, sort_keys=True) for each in found)


def _repeated(often: Counter[str]) -> dict[str, int]:
    return {each: number for each, number in often.items() if number > 1}


def canonical(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give allocation requests in the newer form and in one order."""
    found = []
    for each in requests:
        allocations = each["allocations"]
        if isinstance(allocations, list):
            allocations = {
                one["resource_provider"]["uuid"]: {"resources": one["resources"]}
                for one in allocations
            }
        found.append({**each, "allocations": allocations})
    return sorted(found, key=repr)
