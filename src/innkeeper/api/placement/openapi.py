"""The OpenAPI document of the Placement API at one microversion, from its route table.

The Placement API itself does not serve it: upstream has no such path.
"""

import re
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec

from innkeeper.api.http import JSON
from innkeeper.api.placement.call import CACHE_HEADERS_SINCE, Endpoint
from innkeeper.api.placement.described import DESCRIBED, Described
from innkeeper.api.placement.routes import ROUTES
from innkeeper.api.placement.schemas import answer
from innkeeper.api.placement.schemas.parts import Since
from innkeeper.api.placement.versions import OLDEST, VERSIONS, Version, text
from innkeeper.api.security import ANY, NONE, SCHEMES
from innkeeper.api.validation import Document
from innkeeper.core.errors import InvalidInput

_ALWAYS: Final = (400, 401, 403, 404, 406, 408, 413, 414, 431, 500, 503)
"""Errors that any operation may answer with."""
_WRITING: Final = (409, 415)
_STRING: Final[Document] = {"schema": {"type": "string"}}
_ERROR: Final = {"$ref": "#/components/responses/Error"}
_UNAUTHORIZED: Final = {"$ref": "#/components/responses/Unauthorized"}


@lru_cache(maxsize=len(VERSIONS))
def document(version: Version) -> bytes:
    """Give the document as JSON."""
    paths: dict[str, Document] = {}
    for path, methods in ROUTES.items():
        for method, endpoints in methods.items():
            for endpoint in endpoints:
                if endpoint.since <= version <= endpoint.until:
                    found = paths.setdefault(path, {})
                    found[method.lower()] = _operation(path, endpoint, version)
    error = _refusal("What is wrong", answer.error(version))
    unauthorized = _refusal("Nobody knows who asks", answer.UNAUTHORIZED)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "OpenStack Placement API, as Innkeeper serves it",
                "version": text(version),
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/placement"}],
            "security": ANY,
            "paths": paths,
            "components": {
                "responses": {"Error": error, "Unauthorized": unauthorized},
                "securitySchemes": SCHEMES,
            },
        }
    )


def known_version(said: str) -> Version:
    """Give a microversion that is written ``1.39``. Raises InvalidInput if there is none such."""
    if said not in VERSIONS:
        raise InvalidInput(f"There is no microversion '{said}': 1.0 to {VERSIONS[-1]}.")
    return OLDEST[0], VERSIONS.index(said)


def _refusal(description: str, schema: Document) -> Document:
    content = {JSON: {"schema": schema}, "text/html": _STRING, "text/plain": _STRING}
    return {"description": description, "headers": _headers(), "content": content}


def _operation(path: str, endpoint: Endpoint, version: Version) -> Document:
    described = DESCRIBED[endpoint.handler]
    operation: Document = {
        "summary": described.summary,
        "operationId": endpoint.handler.__name__,
        "tags": [path[1:].partition("/")[0] or "discovery"],
        "parameters": [
            {"name": name, "in": "path", "required": True, **_STRING}
            for name in re.findall(r"{(\w+)}", path)
        ]
        + _query(described.query, version),
        "responses": _responses(endpoint, described, version),
    }
    if endpoint.rule is None:
        operation["security"] = NONE
    for since, schema in described.body:
        if version >= since:
            content = {JSON: {"schema": schema.schema}}
            operation["requestBody"] = {"required": True, "content": content}
            break
    return operation


def _query(schemas: Since, version: Version) -> list[Document]:
    """Give the parameters. Those that a suffix may follow are properties of one parameter."""
    schema = next((each.schema for since, each in schemas if version >= since), {})
    required = schema.get("required", [])
    found: list[Document] = [
        {"name": name, "in": "query", "required": name in required, "schema": kind}
        for name, kind in schema.get("properties", {}).items()
    ]
    suffixed = schema.get("patternProperties")
    if suffixed:
        found.append(
            {
                "name": "groups",
                "in": "query",
                "style": "form",
                "explode": True,
                "schema": {
                    "type": "object",
                    "patternProperties": suffixed,
                    "additionalProperties": False,
                },
            }
        )
    return found


def _responses(endpoint: Endpoint, described: Described, version: Version) -> Document:
    bare = described.bare_until is not None and version <= described.bare_until
    responses: Document = {}
    for status in (201,) if bare else described.statuses:
        good: Document = {"description": HTTPStatus(status).phrase, "headers": _headers()}
        if described.locates:
            good["headers"]["Location"] = {"required": True, **_STRING}
        if version >= CACHE_HEADERS_SINCE and not (described.undated or bare):
            good["headers"]["Last-Modified"] = {"required": True, **_STRING}
            good["headers"]["Cache-Control"] = {"required": True, **_STRING}
        if described.answer is not None and not bare:
            good["content"] = {JSON: {"schema": described.answer(version)}}
        responses[str(status)] = good
    writing = _WRITING if described.body or not endpoint.gives_json else ()
    errors = {*_ALWAYS, *writing, endpoint.missing}
    refused = {str(status): _ERROR for status in sorted(errors)}
    return responses | refused | {"401": _UNAUTHORIZED}


def _headers() -> Document:
    return {
        "X-OpenStack-Request-ID": {"required": True, **_STRING},
        # A request whose version cannot be read is answered without one.
        "OpenStack-API-Version": {"required": False, **_STRING},
    }
