"""Allocations of consumers and of providers."""

from collections.abc import Mapping
from typing import Final

import msgspec

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import empty, json_answer
from innkeeper.api.placement.call import Call, pick, typed
from innkeeper.api.placement.errors import bad_request, refusal
from innkeeper.api.placement.handlers.named_provider import NO_ALLOCATIONS, named_provider
from innkeeper.api.placement.schemas import allocation as schemas
from innkeeper.api.placement.versions import Version
from innkeeper.core.errors import CapacityExceeded, NoInventory, UnitViolation, UnknownName
from innkeeper.core.ids import ConsumerUuid, RpUuid, canonical_uuid
from innkeeper.placement import allocations
from innkeeper.placement.allocations import Wanted
from innkeeper.placement.service import Incomplete
from innkeeper.store.consumer_generation import ExpectedGeneration
from innkeeper.store.consumers import Held, Holder

BY_PROVIDER_SINCE: Final[Version] = (1, 12)
GENERATIONS_SINCE: Final[Version] = (1, 28)
TYPES_SINCE: Final[Version] = (1, 38)
UNKNOWN_TYPE: Final = "unknown"

DOES_NOT_FIT: Final = (CapacityExceeded, UnitViolation, NoInventory)


class _Resources(msgspec.Struct, frozen=True):
    resources: dict[str, int]


class _ProviderName(msgspec.Struct, frozen=True):
    uuid: str


class _Listed(msgspec.Struct, frozen=True):
    resource_provider: _ProviderName
    resources: dict[str, int]


class _PutList(msgspec.Struct, frozen=True):
    allocations: tuple[_Listed, ...]
    project_id: str | None = None
    user_id: str | None = None


class ConsumerBody(msgspec.Struct, frozen=True):
    """What one consumer shall hold, as bodies have it from 1.12."""

    allocations: dict[str, _Resources]
    project_id: str
    user_id: str
    consumer_generation: int | None = None
    consumer_type: str | None = None


def _uuid_of_consumer(text: str) -> ConsumerUuid:
    """Give a consumer's uuid as it is known; raise HttpError 400 if it is malformed."""
    uuid = canonical_uuid(text)
    if uuid is None:
        raise bad_request(f"Malformed consumer_uuid: {text}")
    return ConsumerUuid(uuid)


def _wanted_of(call: Call, consumer_uuid: ConsumerUuid, body: ConsumerBody) -> Wanted:
    """Give what a body wants for a consumer."""
    seen: ExpectedGeneration = "any"
    if call.version >= GENERATIONS_SINCE:
        seen = body.consumer_generation
    return Wanted(
        consumer_uuid=consumer_uuid,
        project_id=body.project_id,
        user_id=body.user_id,
        consumer_type=body.consumer_type,
        resources={rp_uuid: each.resources for rp_uuid, each in body.allocations.items()},
        seen_generation=seen,
    )


def consumers_of(call: Call, document: Mapping[str, object]) -> list[Wanted]:
    """Give what a valid body wants for several consumers."""
    return [
        _wanted_of(call, _uuid_of_consumer(consumer_uuid), typed(each, ConsumerBody))
        for consumer_uuid, each in document.items()
    ]


async def show_allocations(call: Call) -> Response:
    """GET /allocations/{consumer_uuid}."""
    held = await allocations.show_allocations(call.placement, call.segments["consumer_uuid"])
    if held is None:
        return json_answer(call, {"allocations": {}})
    return json_answer(call, _encoded_held(call, held), modified=held.updated_at)


def _encoded_held(call: Call, held: Held) -> dict[str, object]:
    by_provider: dict[RpUuid, dict[str, int]] = {}
    for each in held.allocations:
        by_provider.setdefault(each.rp_uuid, {})[each.resource_class] = each.amount
    content: dict[str, object] = {
        "allocations": {
            rp_uuid: {"resources": used, "generation": held.generations[rp_uuid]}
            for rp_uuid, used in by_provider.items()
        }
    }
    if call.version >= BY_PROVIDER_SINCE:
        content["project_id"] = held.consumer.project_id
        content["user_id"] = held.consumer.user_id
    if call.version >= GENERATIONS_SINCE:
        content["consumer_generation"] = held.consumer.generation
    if call.version >= TYPES_SINCE:
        content["consumer_type"] = held.consumer.consumer_type or UNKNOWN_TYPE
    return content


async def list_provider_allocations(call: Call) -> Response:
    """GET /resource_providers/{uuid}/allocations."""
    named_provider(call, NO_ALLOCATIONS)
    provider, holders = await allocations.provider_allocations(
        call.placement, call.segments["uuid"]
    )
    content = {
        "allocations": {each.consumer_uuid: _encoded_holder(call, each) for each in holders},
        "resource_provider_generation": provider.generation,
    }
    modified = max((each.updated_at for each in holders), default=None)
    return json_answer(call, content, modified=modified)


def _encoded_holder(call: Call, holder: Holder) -> dict[str, object]:
    encoded: dict[str, object] = {"resources": holder.used}
    if call.version >= GENERATIONS_SINCE:
        encoded["consumer_generation"] = holder.generation
    return encoded


async def set_consumer_allocations(call: Call) -> Response:
    """PUT /allocations/{consumer_uuid}."""
    consumer_uuid = _uuid_of_consumer(call.segments["consumer_uuid"])
    schema = pick(call.version, *schemas.PUT)
    if call.version >= BY_PROVIDER_SINCE:
        body = call.body(schema, ConsumerBody)
    else:
        body = _from_list(call.body(schema, _PutList), call.placement.incomplete)
    wanted = _wanted_of(call, consumer_uuid, body)
    await _write(call, [wanted], whose=f"for consumer {wanted.consumer_uuid}: ")
    return empty()


def _from_list(put: _PutList, incomplete: Incomplete) -> ConsumerBody:
    """Give an old body in the newer form; of a repeated provider the last counts."""
    by_provider = {
        each.resource_provider.uuid: _Resources(each.resources) for each in put.allocations
    }
    project_id = incomplete.project_id if put.project_id is None else put.project_id
    user_id = incomplete.user_id if put.user_id is None else put.user_id
    return ConsumerBody(by_provider, project_id, user_id)


async def set_allocations(call: Call) -> Response:
    """POST /allocations: several consumers at once, all or nothing."""
    schema = pick(call.version, *schemas.POST)
    await _write(call, consumers_of(call, call.document(schema)), whose="")
    return empty()


async def _write(call: Call, wanted: list[Wanted], *, whose: str) -> None:
    try:
        await allocations.set_allocations(call.placement, wanted)
    except UnknownName as error:
        raise bad_request(f"Unable to allocate inventory {whose}{error.detail}") from error
    except DOES_NOT_FIT as error:
        raise refusal(error, f"Unable to allocate inventory: {error.detail}") from error


async def delete_allocations(call: Call) -> Response:
    """DELETE /allocations/{consumer_uuid}."""
    await allocations.delete_allocations(call.placement, call.segments["consumer_uuid"])
    return empty()
