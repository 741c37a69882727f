"""Resource providers."""

from typing import Final

import msgspec

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import empty, encoded_answer, located
from innkeeper.api.placement.call import Call, pick, valid_params
from innkeeper.api.placement.provider_json import encoded_provider, encoded_providers
from innkeeper.api.placement.query.aggregates import collect_aggregates
from innkeeper.api.placement.query.cached import cached_by_query
from innkeeper.api.placement.query.resources import parse_resources
from innkeeper.api.placement.query.traits import collect_traits
from innkeeper.api.placement.schemas import resource_provider as schemas
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import RpUuid
from innkeeper.core.request_group import RequestGroup
from innkeeper.placement import providers
from innkeeper.placement.providers import ProviderFilter, ProviderView
from innkeeper.store.providers import ProviderChange

BODY_SINCE: Final[Version] = (1, 20)
"""Since when creating a provider answers with it."""
MOVES_SINCE: Final[Version] = (1, 37)
"""Since when a provider that has a parent may get another, or none."""


class _Post(msgspec.Struct, frozen=True):
    name: str
    uuid: str | None = None
    parent_provider_uuid: str | None = None


class _Put(msgspec.Struct, frozen=True):
    name: str
    parent_provider_uuid: str | msgspec.UnsetType | None = msgspec.UNSET


def _path(call: Call, uuid: str) -> str:
    return call.path("resource_providers", uuid)


def _answer(call: Call, view: ProviderView) -> Response:
    body = encoded_provider(call.request.root_path, call.version, view)
    return encoded_answer(call, body, modified=view.provider.updated_at)


async def list_resource_providers(call: Call) -> Response:
    """GET /resource_providers, those that pass all filters."""
    wanted = _asked(call.request.query, call.version)
    found = providers.list_providers(call.placement, wanted)
    return encoded_answer(
        call,
        encoded_providers(call.request.root_path, call.version, found),
        modified=max((view.provider.updated_at for view in found), default=None),
    )


@cached_by_query
def _asked(query: str, version: Version) -> ProviderFilter:
    params = valid_params(query, pick(version, *schemas.GET))
    aggregates = collect_aggregates(params, "member_of", version)
    traits = collect_traits(params, "required", version)
    resources = params.get("resources")
    # An empty name or tree is no condition.
    return ProviderFilter(
        name=params.get("name") or None,
        uuid=params.get("uuid") or None,
        in_tree=params.get("in_tree") or None,
        conditions=RequestGroup(
            resources=() if resources is None else parse_resources(resources),
            required=traits.required,
            forbidden=traits.forbidden,
            member_of=aggregates.member_of,
            forbidden_aggregates=aggregates.forbidden,
        ),
    )


async def create_resource_provider(call: Call) -> Response:
    """POST /resource_providers."""
    schema = pick(call.version, *schemas.POST)
    post = call.body(schema, _Post)
    view = await providers.create_provider(
        call.placement, name=post.name, uuid=post.uuid, parent_uuid=post.parent_provider_uuid
    )
    response = _answer(call, view) if call.version >= BODY_SINCE else empty(201)
    return located(call, response, _path(call, view.provider.uuid))


async def show_resource_provider(call: Call) -> Response:
    """GET /resource_providers/{uuid}."""
    return _answer(call, providers.show_provider(call.placement, call.segments["uuid"]))


async def update_resource_provider(call: Call) -> Response:
    """PUT /resource_providers/{uuid}: another name, perhaps another place in a tree."""
    uuid = call.segments["uuid"]
    providers.show_provider(call.placement, uuid)
    schema = pick(call.version, *schemas.PUT)
    put = call.body(schema, _Put)
    parent = put.parent_provider_uuid
    wanted = ProviderChange(
        name=put.name,
        parent_uuid=RpUuid(parent) if isinstance(parent, str) else parent,
        may_leave_parent=call.version >= MOVES_SINCE,
    )
    return _answer(call, await providers.update_provider(call.placement, uuid, wanted))


async def delete_resource_provider(call: Call) -> Response:
    """DELETE /resource_providers/{uuid}."""
    await providers.delete_provider(call.placement, call.segments["uuid"])
    return empty()
