"""What each handler reads and answers, per microversion: for the OpenAPI document.

A test holds that every route is here, and that real answers are as this says.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from innkeeper.api.placement.call import Handler
from innkeeper.api.placement.handlers import (
    aggregate,
    allocation,
    allocation_candidate,
    inventory,
    reshaper,
    resource_class,
    resource_provider,
    root,
    trait,
    usage,
)
from innkeeper.api.placement.schemas import aggregate as aggregate_schemas
from innkeeper.api.placement.schemas import allocation as allocation_schemas
from innkeeper.api.placement.schemas import allocation_candidate as candidate_schemas
from innkeeper.api.placement.schemas import answer
from innkeeper.api.placement.schemas import inventory as inventory_schemas
from innkeeper.api.placement.schemas import reshaper as reshaper_schemas
from innkeeper.api.placement.schemas import resource_class as class_schemas
from innkeeper.api.placement.schemas import resource_provider as provider_schemas
from innkeeper.api.placement.schemas import trait as trait_schemas
from innkeeper.api.placement.schemas import usage as usage_schemas
from innkeeper.api.placement.schemas.parts import Since
from innkeeper.api.placement.versions import OLDEST, Version
from innkeeper.api.validation import Document, Schema

Shown = Callable[[Version], Document]


class Described(msgspec.Struct, frozen=True):
    """What one handler reads and answers."""

    summary: str
    answer: Shown | None = None
    body: Since = ()
    query: Since = ()
    statuses: tuple[int, ...] = (200,)
    """Those of success. One of 204, or of 201 without an answer, has no body."""
    bare_until: Version | None = None
    """Up to this version it is 201 without a body and without headers for caches instead."""
    locates: bool = False
    """It says where the thing is."""
    undated: bool = False
    """It has no headers for caches, at any version."""


def _only(schema: Schema) -> Since:
    return ((OLDEST, schema),)


DESCRIBED: Final[dict[Handler, Described]] = {
    root.show_root: Described("Which versions there are", answer.root),
    resource_class.list_resource_classes: Described(
        "All resource classes", answer.resource_classes
    ),
    resource_class.create_resource_class: Described(
        "Make a resource class",
        body=_only(class_schemas.NAMED),
        statuses=(201,),
        locates=True,
        undated=True,
    ),
    resource_class.show_resource_class: Described("One resource class", answer.resource_class),
    resource_class.ensure_resource_class: Described(
        "Make a resource class if it does not exist",
        statuses=(201, 204),
        locates=True,
        undated=True,
    ),
    resource_class.rename_resource_class: Described(
        "Rename a resource class", answer.resource_class, body=_only(class_schemas.NAMED)
    ),
    resource_class.delete_resource_class: Described(
        "Delete a resource class", statuses=(204,), undated=True
    ),
    resource_provider.list_resource_providers: Described(
        "Resource providers that pass all filters",
        answer.providers,
        query=provider_schemas.GET,
    ),
    resource_provider.create_resource_provider: Described(
        "Make a resource provider",
        answer.provider,
        body=provider_schemas.POST,
        bare_until=(1, 19),
        locates=True,
    ),
    resource_provider.show_resource_provider: Described("One resource provider", answer.provider),
    resource_provider.update_resource_provider: Described(
        "Rename or move a resource provider",
        answer.provider,
        body=provider_schemas.PUT,
    ),
    resource_provider.delete_resource_provider: Described(
        "Delete a resource provider", statuses=(204,), undated=True
    ),
    inventory.list_inventories: Described("Inventories of a provider", answer.inventories),
    inventory.create_inventory: Described(
        "Add an inventory",
        answer.inventory,
        body=_only(inventory_schemas.POST),
        statuses=(201,),
        locates=True,
    ),
    inventory.set_inventories: Described(
        "Give a provider exactly these inventories",
        answer.inventories,
        body=_only(inventory_schemas.PUT_ALL),
    ),
    inventory.delete_inventories: Described(
        "Delete all inventories of a provider", statuses=(204,), undated=True
    ),
    inventory.show_inventory: Described("One inventory", answer.inventory),
    inventory.update_inventory: Described(
        "Change an inventory", answer.inventory, body=_only(inventory_schemas.PUT_ONE)
    ),
    inventory.delete_inventory: Described("Delete an inventory", statuses=(204,), undated=True),
    usage.show_provider_usages: Described("What is used of a provider", answer.provider_usages),
    usage.show_project_usages: Described(
        "What a project uses",
        answer.usages,
        query=usage_schemas.GET,
    ),
    aggregate.list_aggregates: Described("Aggregates of a provider", answer.aggregates),
    aggregate.set_aggregates: Described(
        "Give a provider exactly these aggregates",
        answer.aggregates,
        body=aggregate_schemas.PUT,
    ),
    allocation.list_provider_allocations: Described(
        "Allocations of a provider", answer.provider_allocations
    ),
    allocation.set_allocations: Described(
        "Set the allocations of several consumers, all or nothing",
        body=allocation_schemas.POST,
        statuses=(204,),
        undated=True,
    ),
    allocation.show_allocations: Described("Allocations of a consumer", answer.allocations),
    allocation.set_consumer_allocations: Described(
        "Set the allocations of a consumer",
        body=allocation_schemas.PUT,
        statuses=(204,),
        undated=True,
    ),
    allocation.delete_allocations: Described(
        "Delete the allocations of a consumer", statuses=(204,), undated=True
    ),
    allocation_candidate.list_allocation_candidates: Described(
        "Where what is asked for fits",
        answer.candidates,
        query=candidate_schemas.GET,
    ),
    trait.list_traits: Described("Traits", answer.traits, query=_only(trait_schemas.LIST)),
    trait.show_trait: Described("Whether a trait exists", statuses=(204,)),
    trait.create_trait: Described(
        "Make a trait if it does not exist", statuses=(201, 204), locates=True
    ),
    trait.delete_trait: Described("Delete a trait", statuses=(204,), undated=True),
    trait.list_provider_traits: Described("Traits of a provider", answer.provider_traits),
    trait.set_provider_traits: Described(
        "Give a provider exactly these traits",
        answer.provider_traits,
        body=_only(trait_schemas.SET_OF_PROVIDER),
    ),
    trait.delete_provider_traits: Described(
        "Take all traits from a provider", statuses=(204,), undated=True
    ),
    reshaper.reshape: Described(
        "Move inventories and allocations between providers at once",
        body=reshaper_schemas.POST,
        statuses=(204,),
        undated=True,
    ),
}
