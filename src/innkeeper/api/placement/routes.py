"""The route table: every path of the API, its methods, and for each the rule that gives leave.

Several endpoints under one method share it between windows of microversions.
"""

from typing import Final

from innkeeper.api.placement.call import Endpoint
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

Methods = dict[str, tuple[Endpoint, ...]]

_CLASSES: Final = "placement:resource_classes"
_PROVIDERS: Final = "placement:resource_providers"
_INVENTORIES: Final = "placement:resource_providers:inventories"
_PROVIDER_TRAITS: Final = "placement:resource_providers:traits"
_AGGREGATES: Final = "placement:resource_providers:aggregates"
_ALLOCATIONS: Final = "placement:allocations"
_TRAITS: Final = "placement:traits"

ROUTES: Final[dict[str, Methods]] = {
    "/": {"GET": (Endpoint(root.show_root, None),)},
    "/resource_classes": {
        "GET": (
            Endpoint(
                resource_class.list_resource_classes,
                f"{_CLASSES}:list",
                since=(1, 2),
                gives_json=True,
            ),
        ),
        "POST": (
            Endpoint(
                resource_class.create_resource_class,
                f"{_CLASSES}:create",
                since=(1, 2),
                reads_json=True,
            ),
        ),
    },
    "/resource_classes/{name}": {
        "GET": (
            Endpoint(
                resource_class.show_resource_class,
                f"{_CLASSES}:show",
                since=(1, 2),
                gives_json=True,
            ),
        ),
        "PUT": (
            Endpoint(resource_class.ensure_resource_class, f"{_CLASSES}:update", since=(1, 7)),
            Endpoint(
                resource_class.rename_resource_class,
                f"{_CLASSES}:update",
                since=(1, 2),
                until=(1, 6),
                reads_json=True,
            ),
        ),
        "DELETE": (
            Endpoint(resource_class.delete_resource_class, f"{_CLASSES}:delete", since=(1, 2)),
        ),
    },
    "/resource_providers": {
        "GET": (
            Endpoint(
                resource_provider.list_resource_providers, f"{_PROVIDERS}:list", gives_json=True
            ),
        ),
        "POST": (
            Endpoint(
                resource_provider.create_resource_provider,
                f"{_PROVIDERS}:create",
                reads_json=True,
            ),
        ),
    },
    "/resource_providers/{uuid}": {
        "GET": (
            Endpoint(
                resource_provider.show_resource_provider, f"{_PROVIDERS}:show", gives_json=True
            ),
        ),
        "DELETE": (Endpoint(resource_provider.delete_resource_provider, f"{_PROVIDERS}:delete"),),
        "PUT": (
            Endpoint(
                resource_provider.update_resource_provider,
                f"{_PROVIDERS}:update",
                reads_json=True,
            ),
        ),
    },
    "/resource_providers/{uuid}/inventories": {
        "GET": (Endpoint(inventory.list_inventories, f"{_INVENTORIES}:list", gives_json=True),),
        "POST": (Endpoint(inventory.create_inventory, f"{_INVENTORIES}:create", reads_json=True),),
        "PUT": (Endpoint(inventory.set_inventories, f"{_INVENTORIES}:update", reads_json=True),),
        "DELETE": (
            Endpoint(
                inventory.delete_inventories,
                f"{_INVENTORIES}:delete",
                since=(1, 5),
                missing=405,
            ),
        ),
    },
    "/resource_providers/{uuid}/inventories/{resource_class}": {
        "GET": (Endpoint(inventory.show_inventory, f"{_INVENTORIES}:show", gives_json=True),),
        "PUT": (Endpoint(inventory.update_inventory, f"{_INVENTORIES}:update", reads_json=True),),
        "DELETE": (Endpoint(inventory.delete_inventory, f"{_INVENTORIES}:delete"),),
    },
    "/resource_providers/{uuid}/usages": {
        "GET": (Endpoint(usage.show_provider_usages, f"{_PROVIDERS}:usages", gives_json=True),),
    },
    "/resource_providers/{uuid}/aggregates": {
        "GET": (
            Endpoint(
                aggregate.list_aggregates,
                f"{_AGGREGATES}:list",
                since=(1, 1),
                gives_json=True,
                media_first=True,
            ),
        ),
        "PUT": (
            Endpoint(
                aggregate.set_aggregates,
                f"{_AGGREGATES}:update",
                since=(1, 1),
                reads_json=True,
                media_first=True,
            ),
        ),
    },
    "/resource_providers/{uuid}/allocations": {
        "GET": (
            Endpoint(
                allocation.list_provider_allocations,
                f"{_PROVIDERS}:allocations:list",
                gives_json=True,
            ),
        ),
    },
    "/resource_providers/{uuid}/traits": {
        "GET": (
            Endpoint(
                trait.list_provider_traits,
                f"{_PROVIDER_TRAITS}:list",
                since=(1, 6),
                gives_json=True,
            ),
        ),
        "PUT": (
            Endpoint(
                trait.set_provider_traits,
                f"{_PROVIDER_TRAITS}:update",
                since=(1, 6),
                reads_json=True,
            ),
        ),
        "DELETE": (
            Endpoint(trait.delete_provider_traits, f"{_PROVIDER_TRAITS}:delete", since=(1, 6)),
        ),
    },
    "/allocations": {
        "POST": (
            Endpoint(
                allocation.set_allocations,
                f"{_ALLOCATIONS}:manage",
                since=(1, 13),
                reads_json=True,
            ),
        ),
    },
    "/allocations/{consumer_uuid}": {
        "GET": (Endpoint(allocation.show_allocations, f"{_ALLOCATIONS}:list", gives_json=True),),
        "PUT": (
            Endpoint(
                allocation.set_consumer_allocations, f"{_ALLOCATIONS}:update", reads_json=True
            ),
        ),
        "DELETE": (Endpoint(allocation.delete_allocations, f"{_ALLOCATIONS}:delete"),),
    },
    "/allocation_candidates": {
        "GET": (
            Endpoint(
                allocation_candidate.list_allocation_candidates,
                "placement:allocation_candidates:list",
                since=(1, 10),
                gives_json=True,
            ),
        ),
    },
    "/traits": {
        "GET": (Endpoint(trait.list_traits, f"{_TRAITS}:list", since=(1, 6), gives_json=True),),
    },
    "/traits/{name}": {
        "GET": (Endpoint(trait.show_trait, f"{_TRAITS}:show", since=(1, 6)),),
        "PUT": (Endpoint(trait.create_trait, f"{_TRAITS}:update", since=(1, 6)),),
        "DELETE": (Endpoint(trait.delete_trait, f"{_TRAITS}:delete", since=(1, 6)),),
    },
    "/usages": {
        "GET": (
            Endpoint(
                usage.show_project_usages,
                "placement:usages",
                since=(1, 9),
                gives_json=True,
                target=usage.target,
            ),
        ),
    },
    "/reshaper": {
        "POST": (
            Endpoint(
                reshaper.reshape,
                "placement:reshaper:reshape",
                since=(1, 30),
                reads_json=True,
            ),
        ),
    },
}
