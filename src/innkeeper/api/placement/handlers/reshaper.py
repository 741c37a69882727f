"""The reshaper."""

from collections.abc import Mapping

import msgspec

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import empty
from innkeeper.api.placement.call import Call, pick, typed
from innkeeper.api.placement.errors import (
    CONCURRENT_UPDATE,
    PROVIDER_NOT_FOUND,
    HttpError,
    bad_request,
    refusal,
)
from innkeeper.api.placement.handlers.allocation import DOES_NOT_FIT, consumers_of
from innkeeper.api.placement.handlers.inventory import inventories_of
from innkeeper.api.placement.schemas import reshaper as schemas
from innkeeper.core.errors import InventoryInUse, NotFound, UnknownName
from innkeeper.placement import reshape as use_case
from innkeeper.placement.providers import show_provider
from innkeeper.store.reshape import InventoryWrite


class _Inventories(msgspec.Struct, frozen=True):
    resource_provider_generation: int
    inventories: dict[str, object]


class _Post(msgspec.Struct, frozen=True):
    inventories: dict[str, _Inventories]
    allocations: dict[str, object]


async def reshape(call: Call) -> Response:
    """POST /reshaper."""
    schema = pick(call.version, *schemas.POST)
    post = typed(call.document(schema), _Post)
    writes = _inventory_writes(call, post.inventories)
    consumers = consumers_of(call, post.allocations)
    try:
        await use_case.reshape(call.placement, writes, consumers)
    except NotFound as error:
        raise bad_request(
            f"Resource provider in inventories not found: {error.detail}",
            code=PROVIDER_NOT_FOUND,
        ) from error
    except UnknownName as error:
        raise bad_request(f"malformed reshaper data: {error.detail}") from error
    except InventoryInUse as error:
        raise refusal(error, f"update conflict: {error.detail}") from error
    except DOES_NOT_FIT as error:
        raise refusal(error, f"Unable to allocate inventory: {error.detail}") from error
    return empty()


def _inventory_writes(call: Call, wanted: Mapping[str, _Inventories]) -> tuple[InventoryWrite, ...]:
    """Give the writes of inventories.

    Raises HttpError for an unknown provider (400), a stale generation (409) or an impossible
    class (400), in the order of the body.
    """
    writes = []
    for uuid, each in wanted.items():
        try:
            provider = show_provider(call.placement, uuid).provider
        except NotFound as error:
            raise bad_request(
                f"Resource provider {uuid} in inventories not found: {error.detail}",
                code=PROVIDER_NOT_FOUND,
            ) from error
        if each.resource_provider_generation != provider.generation:
            raise HttpError(
                409,
                f"resource provider generation conflict for provider {uuid}: actual:"
                f" {provider.generation}, given: {each.resource_provider_generation}",
                code=CONCURRENT_UPDATE,
            )
        try:
            found = inventories_of(each.inventories)
        except UnknownName as error:
            raise bad_request(f"malformed reshaper data: {error.detail}") from error
        writes.append(InventoryWrite(provider.uuid, each.resource_provider_generation, found))
    return tuple(writes)
