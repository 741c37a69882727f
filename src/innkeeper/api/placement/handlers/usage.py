"""Usages of providers and of projects."""

from collections.abc import Iterable
from typing import Final

from innkeeper.api.http import Request, Response
from innkeeper.api.placement.answers import json_answer
from innkeeper.api.placement.call import Call, pick
from innkeeper.api.placement.handlers.named_provider import NO_USAGES, named_provider
from innkeeper.api.placement.params import Params
from innkeeper.api.placement.schemas import usage as schemas
from innkeeper.api.placement.versions import Version
from innkeeper.placement import usages
from innkeeper.store.usages import TypeUsage

TYPES_SINCE: Final[Version] = (1, 38)
ALL: Final = "all"
UNKNOWN: Final = "unknown"
"""What the type of a consumer that has none is called."""


def target(request: Request) -> dict[str, str]:
    """Give whose usages are asked for, for the policy."""
    project_id = Params.parse(request.query).get("project_id")
    return {} if project_id is None else {"project_id": project_id}


async def show_provider_usages(call: Call) -> Response:
    """GET /resource_providers/{uuid}/usages."""
    named_provider(call, NO_USAGES)
    provider, used = usages.provider_usages(call.placement, call.segments["uuid"])
    content = {"resource_provider_generation": provider.generation, "usages": used}
    return json_answer(call, content)


async def show_project_usages(call: Call) -> Response:
    """GET /usages of a project, or of one user in it; by consumer type from 1.38."""
    by_type = call.version >= TYPES_SINCE
    params = call.params(pick(call.version, *schemas.GET))
    found = await usages.project_usages(
        call.placement, params.get("project_id") or "", user_id=params.get("user_id")
    )
    if by_type:
        return json_answer(call, {"usages": _by_type(found, params.get("consumer_type"))})
    return json_answer(call, {"usages": _sums(found)})


def _by_type(found: Iterable[TypeUsage], wanted: str | None) -> dict[str, dict[str, int]]:
    """Give usages by type: of all types, of the wanted one, or of all as one."""
    if wanted == ALL:
        every = tuple(found)
        count = sum(each.consumers for each in every)
        return {ALL: {**_sums(every), "consumer_count": count}} if count else {}
    return {
        each.consumer_type or UNKNOWN: {**dict(each.used), "consumer_count": each.consumers}
        for each in found
        if wanted in (None, each.consumer_type or UNKNOWN)
    }


def _sums(found: Iterable[TypeUsage]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for each in found:
        for resource_class, amount in each.used:
            sums[resource_class] = sums.get(resource_class, 0) + amount
    return sums
