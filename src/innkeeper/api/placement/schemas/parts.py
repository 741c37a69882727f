"""Parts that schemas are put together from.

The text of a schema shows in error messages, which clients may read: its keywords and
patterns are those of the Placement API's contract.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from innkeeper.api.placement.versions import Version
from innkeeper.api.validation import Document, Schema
from innkeeper.core.ids import canonical_uuid

Since = tuple[tuple[Version, Schema], ...]
"""Schemas, each with the version that it is for first, from new to old."""

UUID_KEY: Final = "^[0-9a-fA-F-]{36}$"
NAME: Final = "^[A-Z0-9_]+$"
CUSTOM_NAME: Final = "^CUSTOM_[A-Z0-9_]+$"
GROUP_NUMBER: Final = "[1-9][0-9]*"
GROUP_SUFFIX: Final = "[a-zA-Z0-9_-]{1,64}"
"""What a group may be called from 1.33."""

STRING: Final = {"type": "string"}
UUID_STRING: Final = {"type": "string", "format": "uuid"}
INTEGER: Final = {"type": "integer"}
IDENTITY: Final = {"type": "string", "minLength": 1, "maxLength": 255}
"""The id of a project or a user."""

_DASHES: Final = (8, 13, 18, 23)


def _is_uuid(text: str) -> bool:
    return canonical_uuid(text) is not None


def _is_dashed_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return all(text[place] == "-" for place in _DASHES)


def record(
    properties: Mapping[str, Document], *, required: Sequence[str] = (), **more: Document
) -> dict[str, Document]:
    """Give the schema of an object that has these properties and no others."""
    schema: dict[str, Document] = {"type": "object", "properties": dict(properties), **more}
    if required:
        schema["required"] = list(required)
    schema["additionalProperties"] = False
    return schema


def named(pattern: str) -> dict[str, Document]:
    """Give the schema of a name. Of one that is empty too, the pattern is told: it comes first."""
    return {"type": "string", "pattern": pattern, "minLength": 1, "maxLength": 255}


def mapping(pattern: str, value: Document, *, at_least: int | None = None) -> dict[str, Document]:
    """Give the schema of an object whose keys all match ``pattern``."""
    schema: dict[str, Document] = {"type": "object", "patternProperties": {pattern: value}}
    if at_least is not None:
        schema["minProperties"] = at_least
    schema["additionalProperties"] = False
    return schema


def last(schema: Mapping[str, Document], *keywords: str) -> dict[str, Document]:
    """Give a schema that ends with these keywords: of several faults the first one's is told."""
    first = {name: value for name, value in schema.items() if name not in keywords}
    return first | {name: schema[name] for name in keywords}


def body(schema: Mapping[str, Document]) -> Schema:
    """Give the schema of a body. Its uuids may be written without dashes."""
    return _schema(schema, _is_uuid)


def query(schema: Mapping[str, Document]) -> Schema:
    """Give the schema of a query, all of whose values are strings."""
    return _schema(schema, _is_dashed_uuid)


def _schema(schema: Mapping[str, Document], is_uuid: Callable[[str], bool]) -> Schema:
    return Schema(schema, formats={"uuid": is_uuid})
