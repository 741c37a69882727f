"""Resource classes."""

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import empty, json_answer, located
from innkeeper.api.placement.call import Call, check
from innkeeper.api.placement.errors import UNDEFINED, HttpError, refusal
from innkeeper.api.placement.schemas.resource_class import NAMED
from innkeeper.core.errors import DuplicateName, InvalidInput, NameInUse
from innkeeper.placement import resource_classes


def _path(call: Call, name: str) -> str:
    return call.path("resource_classes", name)


def _encoded(call: Call, name: str) -> dict[str, object]:
    return {"name": name, "links": [{"rel": "self", "href": _path(call, name)}]}


async def list_resource_classes(call: Call) -> Response:
    """GET /resource_classes."""
    found = resource_classes.list_classes(call.placement)
    return json_answer(
        call,
        {"resource_classes": [_encoded(call, each.name) for each in found]},
        modified=max((each.updated_at for each in found), default=None),
    )


async def show_resource_class(call: Call) -> Response:
    """GET /resource_classes/{name}."""
    found = resource_classes.show_class(call.placement, call.segments["name"])
    return json_answer(call, _encoded(call, found.name), modified=found.updated_at)


async def create_resource_class(call: Call) -> Response:
    """POST /resource_classes."""
    name = str(call.document(NAMED)["name"])
    if not await resource_classes.create_class(call.placement, name):
        raise HttpError(409, f"Conflicting resource class already exists: {name}")
    return located(call, empty(201), _path(call, name))


async def ensure_resource_class(call: Call) -> Response:
    """PUT /resource_classes/{name} from 1.7: it exists afterwards."""
    name = call.segments["name"]
    check(NAMED, {"name": name})
    is_new = await resource_classes.create_class(call.placement, name)
    return located(call, empty(201 if is_new else 204), _path(call, name))


async def rename_resource_class(call: Call) -> Response:
    """PUT /resource_classes/{name} up to 1.6: it gets another name."""
    new_name = str(call.document(NAMED)["name"])
    try:
        await resource_classes.rename_class(call.placement, call.segments["name"], new_name)
    except DuplicateName as error:
        raise refusal(error, code=UNDEFINED) from error
    return json_answer(call, _encoded(call, new_name))


async def delete_resource_class(call: Call) -> Response:
    """DELETE /resource_classes/{name}."""
    try:
        await resource_classes.delete_class(call.placement, call.segments["name"])
    except (InvalidInput, NameInUse) as error:
        raise refusal(error, f"Error in delete resource class: {error.detail}") from error
    return empty()
