"""The OpenAPI document, made from the table of operations and the types that it names.

So it cannot say anything that the server does not do. It is made once, when first asked for.
"""

import re
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import msgspec

from innkeeper.api.native import versions
from innkeeper.api.native.call import Operation
from innkeeper.api.native.faults import Problems
from innkeeper.api.security import ANY, NONE, SCHEMES

OPENAPI: Final = "3.1.0"
REFERENCE: Final = "#/components/schemas/{name}"
ALWAYS: Final = (400, 403, 406, 408, 413, 414, 415, 431, 500, 503)
"""Statuses that any operation may answer with a problem: 403 to a web page of others, too."""
_REFUSED: Final = {False: (401,), True: ()}
"""Statuses for callers that are unknown; discovery is for anybody."""

Schema = dict[str, Any]
"""A JSON document that others define; its shape is the OpenAPI specification's."""
Schemas = dict[type[msgspec.Struct], Schema]


@cache
def document(operations: Sequence[Operation]) -> bytes:
    """Give the document as JSON."""
    kinds = list(dict.fromkeys(kind for each in operations for kind in _kinds(each)))
    schemas, components = msgspec.json.schema_components([*kinds, Problems], ref_template=REFERENCE)
    by_kind: Schemas = dict(zip([*kinds, Problems], schemas, strict=True))
    paths: dict[str, dict[str, Schema]] = {}
    for each in operations:
        path = paths.setdefault(versions.ROOT + each.path, {})
        path[each.method.lower()] = _describe(each, by_kind, components)
    return msgspec.json.encode(
        {
            "openapi": OPENAPI,
            "info": {
                "title": "Innkeeper native API",
                "version": versions.text(versions.MAXIMUM),
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "security": ANY,
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": SCHEMES},
        }
    )


def _kinds(operation: Operation) -> list[type[msgspec.Struct]]:
    return [
        kind for kind in (operation.body, operation.query, operation.answer) if kind is not None
    ]


def _describe(operation: Operation, schemas: Schemas, components: Schema) -> Schema:
    described: Schema = {
        "summary": operation.summary,
        "operationId": operation.handler.__module__.rpartition(".")[2]
        + "_"
        + operation.handler.__name__.strip("_"),
        "tags": [operation.path[1:].partition("/")[0] or "discovery"],
        "parameters": _path_parameters(operation) + _query_parameters(operation, components),
        "responses": _responses(operation, schemas),
    }
    if operation.since > versions.MINIMUM:
        described["description"] = f"Since microversion {versions.text(operation.since)}."
    if operation.discovery:
        described["security"] = NONE
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _json(schemas[operation.body])}
    return described


def _path_parameters(operation: Operation) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _query_parameters(operation: Operation, components: Schema) -> list[Schema]:
    if operation.query is None:
        return []
    schema = components[operation.query.__name__]
    return [
        {"name": name, "in": "query", "required": False, "schema": kind}
        for name, kind in schema["properties"].items()
    ]


def _responses(operation: Operation, schemas: Schemas) -> Schema:
    good: Schema = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        good["content"] = _json(schemas[operation.answer])
    if operation.status in {HTTPStatus.ACCEPTED, HTTPStatus.CREATED}:
        good["headers"] = {"Location": {"schema": {"type": "string"}}}
    bad = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": _json(schemas[Problems]),
        }
        for status in sorted(_errors(operation))
    }
    return {str(int(operation.status)): good, **bad}


def _errors(operation: Operation) -> set[int]:
    unknown = {int(HTTPStatus.NOT_FOUND)} if operation.since > versions.MINIMUM else set()
    return {*ALWAYS, *_REFUSED[operation.discovery], *operation.errors} | unknown


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
