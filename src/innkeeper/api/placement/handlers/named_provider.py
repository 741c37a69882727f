"""The provider that a path names, and how each route says that there is none."""

from typing import Final

from innkeeper.api.placement.call import Call
from innkeeper.api.placement.errors import refusal
from innkeeper.core.errors import NotFound
from innkeeper.core.provider import Provider
from innkeeper.placement.providers import show_provider

# What clients have always been told; the words differ from route to route.
NO_INVENTORIES: Final = "No resource provider with uuid {uuid} found : "
NO_TRAITS: Final = "No resource provider with uuid {uuid} found: "
NO_USAGES: Final = NO_TRAITS
NO_ALLOCATIONS: Final = "Resource provider '{uuid}' not found: "


def named_provider(call: Call, says: str = "") -> Provider:
    """Give the provider; raise HttpError 404, whose detail begins with ``says``."""
    uuid = call.segments["uuid"]
    try:
        return show_provider(call.placement, uuid).provider
    except NotFound as error:
        raise refusal(error, f"{says.format(uuid=uuid)}{error.detail}") from error
