"""A whole query for allocation candidates."""

import re
from typing import Final, Literal, cast

from innkeeper.api.placement.errors import BAD_VALUE, DUPLICATE_KEY, bad_request
from innkeeper.api.placement.params import Params
from innkeeper.api.placement.query.groups import parse_groups
from innkeeper.api.placement.query.traits import TraitConditions, parse_plain_traits
from innkeeper.api.placement.versions import Version
from innkeeper.core.request_group import CandidateRequest

NESTED_SINCE: Final[Version] = (1, 29)
MAPPINGS_SINCE: Final[Version] = (1, 34)

_LIMIT: Final = re.compile("[1-9][0-9]*", re.ASCII)
_LONGEST_LIMIT: Final = 18
"""Digits of a limit that means something; a longer one is none."""


def parse_candidate_request(params: Params, version: Version) -> CandidateRequest:
    """Give what a query asks for; raise HttpError 400 if it contradicts itself."""
    subtrees = _same_subtree(params)
    root = _root_required(params)
    groups = parse_groups(params, version, subtrees=subtrees)
    policy = _group_policy(params)
    if policy is None and sum(bool(group.suffix) for group in groups) > 1:
        raise bad_request(
            'The "group_policy" parameter is required when specifying more than one'
            ' "resources{N}" parameter.'
        )
    return CandidateRequest(
        groups=groups,
        group_policy=policy,
        limit=_limit(params),
        same_subtree=subtrees,
        root_required=frozenset(name for (name,) in root.required),
        root_forbidden=root.forbidden,
        nested=version >= NESTED_SINCE,
        mappings=version >= MAPPINGS_SINCE,
    )


def _limit(params: Params) -> int | None:
    """Of a repeated limit the first counts."""
    for text in params.all("limit")[:1]:
        if _LIMIT.fullmatch(text) is None:
            raise bad_request(f"Invalid query string parameters: limit {text!r} is no number.")
        return int(text) if len(text) <= _LONGEST_LIMIT else None
    return None


def _group_policy(params: Params) -> Literal["none", "isolate"] | None:
    """Of a repeated policy the first counts."""
    for text in params.all("group_policy")[:1]:
        if text not in ("none", "isolate"):
            raise bad_request(
                f"Invalid query string parameters: {text!r} is not one of ['none', 'isolate']"
            )
        return cast("Literal['none', 'isolate']", text)
    return None


def _root_required(params: Params) -> TraitConditions:
    values = params.all("root_required")
    if not values:
        return TraitConditions()
    if len(values) > 1:
        raise bad_request(
            "Query parameter 'root_required' may be specified only once.", code=DUPLICATE_KEY
        )
    if values[0].startswith("in:"):
        raise bad_request(
            "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only"
            f" supported since microversion 1.39. Got: {values[0]}"
        )
    conditions = parse_plain_traits(values[0], may_forbid=True)
    both = sorted(name for (name,) in conditions.required if name in conditions.forbidden)
    if both:
        raise bad_request(
            f"Conflicting required and forbidden traits found in root_required: {', '.join(both)}",
            code=BAD_VALUE,
        )
    return conditions


def _same_subtree(params: Params) -> tuple[frozenset[str], ...]:
    found = []
    for value in params.all("same_subtree"):
        suffixes = frozenset(text.strip() for text in value.split(","))
        if "" in suffixes:
            raise bad_request(
                "Empty string (unsuffixed group) can not be specified in `same_subtree` ",
                code=BAD_VALUE,
            )
        found.append(suffixes)
    return tuple(found)
