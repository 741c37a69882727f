"""Traits, by themselves and of providers."""

from collections.abc import Sequence

import msgspec

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import cache_headers, empty, json_answer, located
from innkeeper.api.placement.call import Call
from innkeeper.api.placement.errors import bad_request, refusal
from innkeeper.api.placement.handlers.named_provider import NO_TRAITS, named_provider
from innkeeper.api.placement.schemas import trait as schemas
from innkeeper.core.errors import ConcurrentUpdate
from innkeeper.core.names import is_valid_custom
from innkeeper.core.picture import NamePicture
from innkeeper.placement import traits

STALE = (
    "Resource provider's generation already changed. Please update the generation and try again."
)


class _SetOfProvider(msgspec.Struct, frozen=True):
    traits: tuple[str, ...]
    resource_provider_generation: int


async def list_traits(call: Call) -> Response:
    """GET /traits, perhaps by name and by whether any provider has them."""
    params = call.params(schemas.LIST)
    names, prefix = None, ""
    said = params.get("name")
    if said is not None:
        operator, colon, value = said.partition(":")
        if not colon:
            raise bad_request(
                "Badly formatted name parameter. Expected name query string parameter in form:"
                f' ?name=[in|startswith]:[name1,name2|prefix]. Got: "{said}"'
            )
        if operator == "in":
            names = frozenset(value.split(","))
        elif operator == "startswith":
            prefix = value
    found = traits.list_traits(
        call.placement, names=names, prefix=prefix, associated=_associated(params.get("associated"))
    )
    return _list_answer(call, found, {})


def _associated(said: str | None) -> bool | None:
    if said is None:
        return None
    if said.lower() not in ("true", "false"):
        raise bad_request('The query parameter "associated" only accepts "true" or "false"')
    return said.lower() == "true"


def _list_answer(call: Call, found: Sequence[NamePicture], more: dict[str, int]) -> Response:
    return json_answer(
        call,
        {"traits": [each.name for each in found], **more},
        modified=max((each.updated_at for each in found), default=None),
    )


async def show_trait(call: Call) -> Response:
    """GET /traits/{name}: whether it exists."""
    found = traits.show_trait(call.placement, call.segments["name"])
    response = empty()
    response.headers += cache_headers(call, found.updated_at)
    return response


async def create_trait(call: Call) -> Response:
    """PUT /traits/{name}: it exists afterwards."""
    name = call.segments["name"]
    if not is_valid_custom(name):
        raise bad_request(
            "The trait is invalid. A valid trait must be no longer than 255 characters, start with"
            ' the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"'
        )
    is_new = await traits.create_trait(call.placement, name)
    response = located(call, empty(201 if is_new else 204), call.path("traits", name))
    known = call.placement.index.known_traits.get(name)
    response.headers += cache_headers(call, known.updated_at if known else None)
    return response


async def delete_trait(call: Call) -> Response:
    """DELETE /traits/{name}."""
    await traits.delete_trait(call.placement, call.segments["name"])
    return empty()


async def list_provider_traits(call: Call) -> Response:
    """GET /resource_providers/{uuid}/traits."""
    named_provider(call, NO_TRAITS)
    provider, found = traits.provider_traits(call.placement, call.segments["uuid"])
    return _list_answer(call, found, {"resource_provider_generation": provider.generation})


async def set_provider_traits(call: Call) -> Response:
    """PUT /resource_providers/{uuid}/traits."""
    wanted = call.body(schemas.SET_OF_PROVIDER, _SetOfProvider)
    names = tuple(dict.fromkeys(wanted.traits))
    try:
        generation = await traits.set_provider_traits(
            call.placement,
            call.segments["uuid"],
            names,
            seen_generation=wanted.resource_provider_generation,
        )
    except ConcurrentUpdate as error:
        raise refusal(error, STALE) from error
    found = traits.pictures(call.placement.index, names)
    return _list_answer(call, found, {"resource_provider_generation": generation})


async def delete_provider_traits(call: Call) -> Response:
    """DELETE /resource_providers/{uuid}/traits."""
    await traits.set_provider_traits(
        call.placement, call.segments["uuid"], (), seen_generation=None
    )
    return empty()
