"""Aggregates of providers."""

from collections.abc import Sequence
from typing import Final

import msgspec

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import json_answer
from innkeeper.api.placement.call import Call, pick, typed
from innkeeper.api.placement.errors import refusal
from innkeeper.api.placement.handlers.trait import STALE
from innkeeper.api.placement.schemas import aggregate as schemas
from innkeeper.api.placement.versions import Version
from innkeeper.core.errors import ConcurrentUpdate
from innkeeper.core.ids import AggregateUuid, canonical_uuid
from innkeeper.placement import aggregates
from innkeeper.placement.providers import uuid_of

GENERATION_SINCE: Final[Version] = (1, 19)


class _Put(msgspec.Struct, frozen=True):
    aggregates: tuple[str, ...]
    resource_provider_generation: int


def _answer(call: Call, uuids: Sequence[str], generation: int) -> Response:
    content: dict[str, object] = {"aggregates": list(uuids)}
    if call.version >= GENERATION_SINCE:
        content["resource_provider_generation"] = generation
    return json_answer(call, content)


async def list_aggregates(call: Call) -> Response:
    """GET /resource_providers/{uuid}/aggregates."""
    provider, uuids = aggregates.list_aggregates(call.placement, call.segments["uuid"])
    return _answer(call, uuids, provider.generation)


async def set_aggregates(call: Call) -> Response:
    """PUT /resource_providers/{uuid}/aggregates; a bare list up to 1.18."""
    rp_uuid = uuid_of(call.placement.index, call.segments["uuid"])
    seen_generation: int | None = None
    schema = pick(call.version, *schemas.PUT)
    if call.version >= GENERATION_SINCE:
        put = call.body(schema, _Put)
        said, seen_generation = put.aggregates, put.resource_provider_generation
    else:
        said = typed(call.document(schema), tuple[str, ...])
    uuids = tuple(dict.fromkeys(AggregateUuid(canonical_uuid(text) or text) for text in said))
    try:
        generation = await aggregates.set_aggregates(
            call.placement, rp_uuid, uuids, seen_generation=seen_generation
        )
    except ConcurrentUpdate as error:
        raise refusal(error, STALE) from error
    return _answer(call, uuids, generation)
