"""The policy rules, and who has their leave unless an operator says else.

Those of the Placement API have the names and the checks of openstack-placement, so that its
policy files go on working; a test compares them with it.
"""

from typing import Final

import msgspec

ANY_SCOPE: Final[tuple[str, ...]] = ()
PROJECT: Final = ("project",)

ADMIN_OR_SERVICE: Final = "rule:admin_or_service_api"


class Rule(msgspec.Struct, frozen=True):
    """One leave that a caller has or has not."""

    name: str
    check: str
    """As oslo.policy writes it."""
    description: str
    operations: tuple[str, ...] = ()
    """What it guards: ``METHOD /path``. None: other rules are made of it."""
    scopes: tuple[str, ...] = PROJECT
    """What tokens it is meant for: project, domain, system; () for any."""
    admin_deprecated: bool = False
    """Whether administrators had this leave before, and have it while old defaults count."""


BASE: Final = (
    Rule("admin_api", "role:admin", "An administrator."),
    Rule("service_api", "role:service", "A service.", admin_deprecated=True),
    Rule(
        "admin_or_service_api",
        "role:admin or role:service",
        "Who may use nearly all of the Placement API.",
        admin_deprecated=True,
    ),
    Rule(
        "project_reader_api",
        "role:reader and project_id:%(project_id)s",
        "A reader of the project that is asked about.",
        scopes=ANY_SCOPE,
        admin_deprecated=True,
    ),
    Rule(
        "admin_or_project_reader_or_service_api",
        "role:admin or rule:project_reader_api or role:service",
        "Who may see what a project uses.",
        admin_deprecated=True,
    ),
)


def _placement(name: str, description: str, *operations: str) -> Rule:
    return Rule(f"placement:{name}", ADMIN_OR_SERVICE, description, operations)


_PROVIDER: Final = "/resource_providers/{uuid}"
_INVENTORIES: Final = f"{_PROVIDER}/inventories"
_INVENTORY: Final = f"{_INVENTORIES}/{{resource_class}}"

PLACEMENT: Final = (
    _placement("resource_providers:list", "List the providers.", "GET /resource_providers"),
    _placement("resource_providers:create", "Make a provider.", "POST /resource_providers"),
    _placement("resource_providers:show", "Show a provider.", f"GET {_PROVIDER}"),
    _placement("resource_providers:update", "Rename or move a provider.", f"PUT {_PROVIDER}"),
    _placement("resource_providers:delete", "Delete a provider.", f"DELETE {_PROVIDER}"),
    _placement("resource_classes:list", "List the classes.", "GET /resource_classes"),
    _placement("resource_classes:create", "Make a class.", "POST /resource_classes"),
    _placement("resource_classes:show", "Show a class.", "GET /resource_classes/{name}"),
    _placement(
        "resource_classes:update", "Make or rename a class.", "PUT /resource_classes/{name}"
    ),
    _placement("resource_classes:delete", "Delete a class.", "DELETE /resource_classes/{name}"),
    _placement(
        "resource_providers:inventories:list", "What a provider has.", f"GET {_INVENTORIES}"
    ),
    _placement(
        "resource_providers:inventories:create", "Give a provider more.", f"POST {_INVENTORIES}"
    ),
    _placement(
        "resource_providers:inventories:show", "What it has of a class.", f"GET {_INVENTORY}"
    ),
    _placement(
        "resource_providers:inventories:update",
        "Change what a provider has.",
        f"PUT {_INVENTORIES}",
        f"PUT {_INVENTORY}",
    ),
    _placement(
        "resource_providers:inventories:delete",
        "Take from a provider what it has.",
        f"DELETE {_INVENTORIES}",
        f"DELETE {_INVENTORY}",
    ),
    _placement(
        "resource_providers:aggregates:list",
        "What aggregates a provider is in.",
        f"GET {_PROVIDER}/aggregates",
    ),
    _placement(
        "resource_providers:aggregates:update",
        "Put a provider into aggregates.",
        f"PUT {_PROVIDER}/aggregates",
    ),
    _placement(
        "resource_providers:usages", "What is used of a provider.", f"GET {_PROVIDER}/usages"
    ),
    Rule(
        "placement:usages",
        "rule:admin_or_project_reader_or_service_api",
        "What a project uses.",
        ("GET /usages",),
    ),
    _placement("traits:list", "List the traits.", "GET /traits"),
    _placement("traits:show", "Whether there is a trait.", "GET /traits/{name}"),
    _placement("traits:update", "Make a trait.", "PUT /traits/{name}"),
    _placement("traits:delete", "Delete a trait.", "DELETE /traits/{name}"),
    _placement(
        "resource_providers:traits:list", "The traits of a provider.", f"GET {_PROVIDER}/traits"
    ),
    _placement(
        "resource_providers:traits:update", "Give a provider traits.", f"PUT {_PROVIDER}/traits"
    ),
    _placement(
        "resource_providers:traits:delete",
        "Take all traits from a provider.",
        f"DELETE {_PROVIDER}/traits",
    ),
    _placement(
        "allocations:manage", "Write allocations of several consumers.", "POST /allocations"
    ),
    _placement("allocations:list", "What a consumer has.", "GET /allocations/{consumer_uuid}"),
    _placement("allocations:update", "Claim for a consumer.", "PUT /allocations/{consumer_uuid}"),
    _placement(
        "allocations:delete", "Free what a consumer has.", "DELETE /allocations/{consumer_uuid}"
    ),
    _placement(
        "resource_providers:allocations:list",
        "Who has something of a provider.",
        f"GET {_PROVIDER}/allocations",
    ),
    _placement(
        "allocation_candidates:list", "Search where a request fits.", "GET /allocation_candidates"
    ),
    Rule(
        "placement:reshaper:reshape",
        "rule:service_api",
        "Move inventories and allocations between providers in one step.",
        ("POST /reshaper",),
    ),
)

NATIVE: Final = (
    Rule(
        "innkeeper:read",
        "role:admin or role:service or (role:reader and system_scope:all)",
        "See everything of the cloud: hosts, instances of all projects, decisions.",
        ("GET /v1/...",),
        scopes=("project", "system"),
    ),
    Rule(
        "innkeeper:write",
        "role:admin",
        "Make and delete instances, claim, change hosts and cells, start audits.",
        ("POST /v1/...", "PUT /v1/...", "PATCH /v1/...", "DELETE /v1/..."),
        scopes=("project", "system"),
    ),
)

RULES: Final = (*BASE, *PLACEMENT, *NATIVE)
