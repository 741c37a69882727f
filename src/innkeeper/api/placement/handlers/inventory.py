"""Inventories of providers."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import empty, json_answer, located
from innkeeper.api.placement.call import Call, typed
from innkeeper.api.placement.errors import CONCURRENT_UPDATE, HttpError, bad_request, refusal
from innkeeper.api.placement.handlers.named_provider import NO_INVENTORIES, named_provider
from innkeeper.api.placement.schemas import inventory as schemas
from innkeeper.api.placement.versions import Version
from innkeeper.api.validation import Document
from innkeeper.core.errors import (
    ConcurrentUpdate,
    InvalidInput,
    InventoryInUse,
    NotFound,
    UnknownName,
)
from innkeeper.core.inventory import MAX_INT, Inventory
from innkeeper.core.provider import Provider
from innkeeper.placement import inventories
from innkeeper.placement.names import check_classes
from innkeeper.placement.providers import uuid_of

STALE: Final = "resource provider generation conflict"
ALL_RESERVED_SINCE: Final[Version] = (1, 26)
"""Since when the whole of an inventory may be reserved."""


class InventoryFields(msgspec.Struct, frozen=True):
    """An inventory as bodies have it."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = MAX_INT
    step_size: int = 1
    allocation_ratio: float = 1.0

    def named(self, resource_class: str) -> Inventory:
        """Give the inventory that these are of a resource class."""
        return Inventory(
            resource_class,
            self.total,
            self.reserved,
            self.min_unit,
            self.max_unit,
            self.step_size,
            self.allocation_ratio,
        )


class _Put(InventoryFields, frozen=True, kw_only=True):
    resource_provider_generation: int


class _Post(InventoryFields, frozen=True, kw_only=True):
    resource_class: str


class _PutAll(msgspec.Struct, frozen=True):
    resource_provider_generation: int
    inventories: dict[str, object]


def encoded_inventory(inventory: Inventory) -> dict[str, int | float]:
    """Give an inventory as bodies have it."""
    return {
        "total": inventory.total,
        "reserved": inventory.reserved,
        "min_unit": inventory.min_unit,
        "max_unit": inventory.max_unit,
        "step_size": inventory.step_size,
        "allocation_ratio": inventory.allocation_ratio,
    }


def inventories_of(document: Mapping[str, Document]) -> tuple[Inventory, ...]:
    """Give the inventories of a valid body, whose classes may be unknown.

    Raises UnknownName for a name that cannot be a class: the schema says nothing about what is
    under it.
    """
    for name, each in document.items():
        if not isinstance(each, dict):
            raise UnknownName(f"No such resource class {name}.")
    return tuple(typed(each, InventoryFields).named(name) for name, each in document.items())


def check_all(call: Call, rp_uuid: str, wanted: Iterable[Inventory]) -> None:
    """Raise InvalidInput if of any inventory too much is reserved at this version."""
    for inventory in wanted:
        inventories.check_capacity(
            rp_uuid, inventory, may_be_none=call.version >= ALL_RESERVED_SINCE
        )


def _modified(call: Call, rp_uuid: str) -> datetime | None:
    """Give when anything of the provider last changed: inventories keep no times of their own."""
    row = call.placement.index.row(rp_uuid)
    return None if row is None else call.placement.index.updated_at(row)


def _all_answer(call: Call, rp_uuid: str, wanted: Iterable[Inventory], generation: int) -> Response:
    content = {
        "resource_provider_generation": generation,
        "inventories": {each.resource_class: encoded_inventory(each) for each in wanted},
    }
    return json_answer(call, content, modified=_modified(call, rp_uuid))


def _one_answer(
    call: Call, rp_uuid: str, inventory: Inventory, generation: int, *, status: int = 200
) -> Response:
    content = {**encoded_inventory(inventory), "resource_provider_generation": generation}
    return json_answer(call, content, status=status, modified=_modified(call, rp_uuid))


async def list_inventories(call: Call) -> Response:
    """GET /resource_providers/{uuid}/inventories."""
    named_provider(call, NO_INVENTORIES)
    found = inventories.list_inventories(call.placement, call.segments["uuid"])
    wanted = (each.inventory for each in found.inventories)
    return _all_answer(call, found.provider.uuid, wanted, found.provider.generation)


async def show_inventory(call: Call) -> Response:
    """GET /resource_providers/{uuid}/inventories/{resource_class}."""
    named_provider(call, NO_INVENTORIES)
    provider, found = inventories.show_inventory(
        call.placement, call.segments["uuid"], call.segments["resource_class"]
    )
    return _one_answer(call, provider.uuid, found, provider.generation)


async def create_inventory(call: Call) -> Response:
    """POST /resource_providers/{uuid}/inventories: one more."""
    rp_uuid = uuid_of(call.placement.index, call.segments["uuid"])
    post = call.body(schemas.POST, _Post)
    inventory = post.named(post.resource_class)
    try:
        check_all(call, rp_uuid, [inventory])
    except InvalidInput as error:
        raise bad_request(
            f"Unable to create inventory for resource provider {rp_uuid}: {error.detail}"
        ) from error
    try:
        generation = await inventories.add_inventory(call.placement, rp_uuid, inventory)
    except ConcurrentUpdate as error:
        raise refusal(error, f"Update conflict: {error.detail}") from error
    path = call.path("resource_providers", rp_uuid, "inventories", inventory.resource_class)
    return located(call, _one_answer(call, rp_uuid, inventory, generation, status=201), path)


async def set_inventories(call: Call) -> Response:
    """PUT /resource_providers/{uuid}/inventories: exactly these."""
    provider = named_provider(call)
    rp_uuid = provider.uuid
    put = call.body(schemas.PUT_ALL, _PutAll)
    _check_generation(provider, put.resource_provider_generation)
    try:
        wanted = inventories_of(put.inventories)
        _check_update(call, rp_uuid, wanted)
        check_classes(call.placement.index, (each.resource_class for each in wanted))
    except UnknownName as error:
        raise bad_request(
            f"Unknown resource class in inventory for resource provider {rp_uuid}: {error.detail}"
        ) from error
    try:
        generation = await inventories.set_inventories(
            call.placement, rp_uuid, wanted, seen_generation=put.resource_provider_generation
        )
    except InventoryInUse as error:
        raise refusal(error, f"update conflict: {error.detail}") from error
    return _all_answer(call, rp_uuid, wanted, generation)


async def update_inventory(call: Call) -> Response:
    """PUT /resource_providers/{uuid}/inventories/{resource_class}."""
    provider = named_provider(call)
    rp_uuid = provider.uuid
    put = call.body(schemas.PUT_ONE, _Put)
    _check_generation(provider, put.resource_provider_generation)
    inventory = put.named(call.segments["resource_class"])
    _check_update(call, rp_uuid, [inventory])
    if inventory.resource_class not in call.placement.index.resource_classes:
        raise HttpError(404, f"No such resource class {inventory.resource_class}.")
    generation = await inventories.update_inventory(
        call.placement, rp_uuid, inventory, seen_generation=put.resource_provider_generation
    )
    return _one_answer(call, rp_uuid, inventory, generation)


def _check_generation(provider: Provider, seen: int) -> None:
    """Say that a generation is stale before anything else; the write checks it again."""
    if seen != provider.generation:
        raise HttpError(409, STALE, code=CONCURRENT_UPDATE)


def _check_update(call: Call, rp_uuid: str, wanted: Iterable[Inventory]) -> None:
    try:
        check_all(call, rp_uuid, wanted)
    except InvalidInput as error:
        raise bad_request(
            f"Unable to update inventory for resource provider {rp_uuid}: {error.detail}"
        ) from error


async def delete_inventory(call: Call) -> Response:
    """DELETE /resource_providers/{uuid}/inventories/{resource_class}."""
    resource_class = call.segments["resource_class"]
    rp_uuid = uuid_of(call.placement.index, call.segments["uuid"])
    try:
        await inventories.delete_inventory(call.placement, rp_uuid, resource_class)
    except InventoryInUse as error:
        raise refusal(
            error,
            f"Unable to delete inventory of class {resource_class}: {error.detail}",
            code=CONCURRENT_UPDATE,
        ) from error
    except NotFound as error:
        raise refusal(
            error, f"No inventory of class {resource_class} found for delete: {error.detail}"
        ) from error
    return empty()


async def delete_inventories(call: Call) -> Response:
    """DELETE /resource_providers/{uuid}/inventories: all of them."""
    await inventories.set_inventories(
        call.placement, call.segments["uuid"], (), seen_generation=None
    )
    return empty()
