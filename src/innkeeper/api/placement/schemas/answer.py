"""What the answers of this API look like, per microversion: for its OpenAPI document.

Nothing checks an answer against these when it is given; a test does.
"""

from typing import Final

from innkeeper.api.placement.schemas.parts import INTEGER, NAME, STRING, UUID_KEY, mapping, record
from innkeeper.api.placement.versions import Version
from innkeeper.api.validation import Document

_UUID: Final = {"type": "string", "format": "uuid"}
_AMOUNTS: Final = mapping(NAME, INTEGER)
_LINK: Final = record({"rel": STRING, "href": STRING}, required=["rel", "href"])
_LINKS: Final = {"type": "array", "items": _LINK}
_NAMES: Final = {"type": "array", "items": STRING}
_GENERATION: Final = {"resource_provider_generation": INTEGER}
_FIELDS: Final = {
    "total": INTEGER,
    "reserved": INTEGER,
    "min_unit": INTEGER,
    "max_unit": INTEGER,
    "step_size": INTEGER,
    "allocation_ratio": {"type": "number"},
}
_ROOT_OR_NONE: Final = {"type": ["string", "null"], "format": "uuid"}
_TREE: Final = {"parent_provider_uuid": _ROOT_OR_NONE, "root_provider_uuid": _UUID}


def _all(properties: dict[str, Document]) -> Document:
    return record(properties, required=list(properties))


def _list_of(name: str, item: Document) -> Document:
    return _all({name: {"type": "array", "items": item}})


def root(_version: Version) -> Document:
    """Version discovery."""
    texts = dict.fromkeys(("id", "max_version", "min_version", "status"), STRING)
    return _list_of("versions", _all({**texts, "links": _LINKS}))


def error(version: Version) -> Document:
    """Give the body of any error."""
    entry = {"status": INTEGER, "title": STRING, "detail": STRING, "request_id": STRING}
    more = {"code": STRING, "min_version": STRING, "max_version": STRING}
    needed = [*entry, "code"] if version >= (1, 23) else list(entry)
    return _list_of("errors", record({**entry, **more}, required=needed))


UNAUTHORIZED: Final = {
    "anyOf": [
        _all({"message": STRING, "code": STRING, "title": STRING}),
        _all({"error": _all({"code": INTEGER, "title": STRING, "message": STRING})}),
    ]
}
"""The body of a 401; the second one where Keystone says who asks."""


def resource_class(_version: Version) -> Document:
    """One resource class."""
    return _all({"name": STRING, "links": _LINKS})


def resource_classes(version: Version) -> Document:
    """All resource classes."""
    return _list_of("resource_classes", resource_class(version))


def provider(version: Version) -> Document:
    """One resource provider."""
    shown = {"uuid": _UUID, "name": STRING, "generation": INTEGER, "links": _LINKS}
    return _all({**shown, **(_TREE if version >= (1, 14) else {})})


def providers(version: Version) -> Document:
    """Several resource providers."""
    return _list_of("resource_providers", provider(version))


def inventory(_version: Version) -> Document:
    """One inventory."""
    return _all({**_FIELDS, **_GENERATION})


def inventories(_version: Version) -> Document:
    """All inventories of a provider."""
    return _all({**_GENERATION, "inventories": mapping(NAME, _all(_FIELDS))})


def provider_usages(_version: Version) -> Document:
    """What is used of a provider."""
    return _all({**_GENERATION, "usages": _AMOUNTS})


def usages(version: Version) -> Document:
    """What a project uses; by consumer type from 1.38."""
    if version < (1, 38):
        return _all({"usages": _AMOUNTS})
    counted = {
        "type": "object",
        "properties": {"consumer_count": INTEGER},
        "patternProperties": {NAME: INTEGER},
        "required": ["consumer_count"],
        "additionalProperties": False,
    }
    return _all({"usages": mapping(f"{NAME}|^all$|^unknown$", counted)})


def aggregates(version: Version) -> Document:
    """Give the aggregates of a provider."""
    return _all({"aggregates": _NAMES, **(_GENERATION if version >= (1, 19) else {})})


def traits(_version: Version) -> Document:
    """Some traits."""
    return _all({"traits": _NAMES})


def provider_traits(_version: Version) -> Document:
    """Give the traits of a provider."""
    return _all({"traits": _NAMES, **_GENERATION})


def provider_allocations(version: Version) -> Document:
    """Give the allocations of a provider, by consumer."""
    seen = {"consumer_generation": INTEGER} if version >= (1, 28) else {}
    held = _all({"resources": _AMOUNTS, **seen})
    return _all({"allocations": mapping(UUID_KEY, held), **_GENERATION})


def allocations(version: Version) -> Document:
    """Give the allocations of a consumer, by provider; one that has none has no properties."""
    held = _all({"resources": _AMOUNTS, "generation": INTEGER})
    shown: dict[str, Document] = {"allocations": mapping(UUID_KEY, held)}
    if version >= (1, 12):
        shown |= {"project_id": STRING, "user_id": STRING}
    if version >= (1, 28):
        shown["consumer_generation"] = INTEGER
    if version >= (1, 38):
        shown["consumer_type"] = STRING
    return record(shown, required=["allocations"])


def candidates(version: Version) -> Document:
    """Allocation requests, and summaries of the providers in them."""
    used = _all({"resources": _AMOUNTS})
    if version < (1, 12):
        of_provider = _all({"resource_provider": _all({"uuid": _UUID}), "resources": _AMOUNTS})
        request = _list_of("allocations", of_provider)
    else:
        asked: dict[str, Document] = {"allocations": mapping(UUID_KEY, used)}
        if version >= (1, 34):
            uuids = {"type": "array", "items": _UUID}
            asked["mappings"] = {"type": "object", "additionalProperties": uuids}
        request = _all(asked)
    amounts = _all({"capacity": INTEGER, "used": INTEGER})
    summary: dict[str, Document] = {"resources": mapping(NAME, amounts)}
    summary |= {"traits": _NAMES} if version >= (1, 17) else {}
    summary |= _TREE if version >= (1, 29) else {}
    return _all(
        {
            "allocation_requests": {"type": "array", "items": request},
            "provider_summaries": mapping(UUID_KEY, _all(summary)),
        }
    )
