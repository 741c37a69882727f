"""Request groups of a query for candidates: parameters with the same suffix belong together."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from innkeeper.api.placement.errors import BAD_VALUE, MISSING_VALUE, bad_request
from innkeeper.api.placement.params import Params
from innkeeper.api.placement.query.aggregates import collect_aggregates
from innkeeper.api.placement.query.resources import parse_resources
from innkeeper.api.placement.query.traits import FORBIDDEN_SINCE, collect_traits
from innkeeper.api.placement.schemas.parts import GROUP_NUMBER, GROUP_SUFFIX
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import RpUuid, canonical_uuid
from innkeeper.core.request_group import RequestGroup

WORD_SUFFIX_SINCE: Final[Version] = (1, 33)
SAME_SUBTREE_SINCE: Final[Version] = (1, 36)

_KINDS: Final = "resources|required|member_of|in_tree"
_NUMBERED: Final = re.compile(f"({_KINDS})({GROUP_NUMBER})?")
_NAMED: Final = re.compile(f"({_KINDS})({GROUP_SUFFIX})?")

Groups = Mapping[str, RequestGroup]


def parse_groups(
    params: Params, version: Version, *, subtrees: tuple[frozenset[str], ...]
) -> tuple[RequestGroup, ...]:
    """Give the request groups, in the order in which their suffixes come first.

    Parameters are read in their order: of several faults the first is told.

    ``subtrees`` are the sets of suffixes that same_subtree names. Raises HttpError 400.
    """
    groups: dict[str, RequestGroup] = {}
    pattern = _NAMED if version >= WORD_SUFFIX_SINCE else _NUMBERED
    for name, text in params.pairs:
        match = pattern.fullmatch(name)
        if match is not None:
            suffix = match[2] or ""
            group = groups.get(suffix) or RequestGroup(suffix=suffix)
            groups[suffix] = _with(group, match[1], text, params=params, version=version)
    if version >= SAME_SUBTREE_SINCE:
        _check_resourceless(groups, frozenset().union(*subtrees))
    else:
        _check_orphans(groups)
    if version >= FORBIDDEN_SINCE:
        _check_contradictions(groups)
    return tuple(groups.values())


def _with(
    group: RequestGroup, kind: str, text: str, *, params: Params, version: Version
) -> RequestGroup:
    """Give a group with one more parameter; raise HttpError for one that is badly formed."""
    if kind == "required":
        traits = collect_traits(params, f"required{group.suffix}", version)
        return replace(group, required=traits.required, forbidden=traits.forbidden)
    if kind == "member_of":
        aggregates = collect_aggregates(params, f"member_of{group.suffix}", version)
        return replace(
            group, member_of=aggregates.member_of, forbidden_aggregates=aggregates.forbidden
        )
    # Of these, if they are repeated, the last counts, but each must be well formed.
    if kind == "in_tree":
        return replace(group, in_tree=_in_tree(text))
    return replace(group, resources=parse_resources(text))


def _in_tree(text: str) -> RpUuid:
    uuid = canonical_uuid(text.strip())
    if uuid is None:
        raise bad_request(
            "Invalid query string parameters: Expected 'in_tree' parameter to be a format of"
            f" uuid. Got: {text}"
        )
    return RpUuid(uuid)


def _check_resourceless(groups: Groups, in_subtrees: frozenset[str]) -> None:
    """From 1.36 a group may lack resources if same_subtree ties it to one that has some."""
    resourceless = [suffix for suffix, group in groups.items() if not group.resources]
    if len(resourceless) == len(groups):
        raise bad_request(
            "There must be at least one resources or resources[$S] parameter.",
            code=MISSING_VALUE,
        )
    loose = [suffix for suffix in resourceless if suffix not in in_subtrees]
    if loose:
        raise bad_request(
            "Resourceless suffixed group request should be specified in `same_subtree` query"
            f" param: bad group(s) - {loose}.",
            code=BAD_VALUE,
        )
    unknown = sorted(in_subtrees - groups.keys())
    if unknown:
        raise bad_request(
            f"Real suffixes should be specified in `same_subtree`: {unknown} not found in"
            f" {list(groups)}.",
            code=BAD_VALUE,
        )


def _check_orphans(groups: Groups) -> None:
    """Up to 1.35 every group must have resources."""
    bare = {suffix: group for suffix, group in groups.items() if not group.resources}
    orphans = [f"required{suffix}" for suffix, group in bare.items() if group.required]
    if orphans:
        raise bad_request(
            "All traits parameters must be associated with resources.  Found the following"
            f" orphaned traits keys: {', '.join(orphans)}"
        )
    orphans = [
        f"member_of{suffix}"
        for suffix, group in bare.items()
        if group.member_of or group.forbidden_aggregates
    ]
    if orphans:
        raise bad_request(
            "All member_of parameters must be associated with resources. Found the following"
            f" orphaned member_of keys: {', '.join(orphans)}"
        )
    if bare:
        raise bad_request("All request groups must specify resources.")
    if not groups:
        raise bad_request(
            "At least one request group (`resources` or `resources{$S}`) is required."
        )


def _check_contradictions(groups: Groups) -> None:
    found = sorted(
        f"required{group.suffix}: ({', '.join(sorted(any_of))})"
        for group in groups.values()
        for any_of in group.required
        if group.forbidden.issuperset(any_of)
    )
    if found:
        raise bad_request(
            "Conflicting required and forbidden traits found in the following traits keys:"
            f" {', '.join(found)}"
        )
