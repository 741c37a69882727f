"""The policy rules of the Placement API and who has their leave unless an operator says else."""

from typing import Final

ADMIN_OR_SERVICE: Final = "rule:admin_or_service_api"

# Rules that other rules are made of.
_BASE: Final = {
    "admin_api": "role:admin",
    "admin_or_service_api": "role:admin or role:service",
    "project_reader_api": "role:reader and project_id:%(project_id)s",
    "admin_or_project_reader_or_service_api": (
        "role:admin or rule:project_reader_api or role:service"
    ),
}

_VERBS: Final = {
    "placement:allocation_candidates": ("list",),
    "placement:allocations": ("list", "manage", "update", "delete"),
    "placement:resource_classes": ("list", "create", "show", "update", "delete"),
    "placement:resource_providers": ("list", "create", "show", "update", "delete"),
    "placement:resource_providers:aggregates": ("list", "update"),
    "placement:resource_providers:allocations": ("list",),
    "placement:resource_providers:inventories": ("list", "create", "show", "update", "delete"),
    "placement:resource_providers:traits": ("list", "update", "delete"),
    "placement:traits": ("list", "show", "update", "delete"),
}


def default_rules(*, secure: bool) -> dict[str, str]:
    """Give every rule's check string by name.

    ``secure``: reshaping is for services alone; else administrators may as well, as of old.
    """
    rules = dict(_BASE)
    rules["service_api"] = "role:service" if secure else "role:service or role:admin"
    for noun, verbs in _VERBS.items():
        rules.update({f"{noun}:{verb}": ADMIN_OR_SERVICE for verb in verbs})
    rules["placement:resource_providers:usages"] = ADMIN_OR_SERVICE
    rules["placement:usages"] = "rule:admin_or_project_reader_or_service_api"
    rules["placement:reshaper:reshape"] = "rule:service_api"
    rules["innkeeper:read"] = "role:admin or role:service"
    rules["innkeeper:write"] = "role:admin"
    return rules
