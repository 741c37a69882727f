"""Bodies about allocations, which changed their form more often than any other."""

from collections.abc import Mapping, Sequence
from typing import Final

from innkeeper.api.placement.schemas.parts import (
    GROUP_SUFFIX,
    IDENTITY,
    INTEGER,
    NAME,
    UUID_KEY,
    UUID_STRING,
    Since,
    body,
    last,
    mapping,
    named,
    record,
)
from innkeeper.api.validation import Document

_AT_LEAST_FIRST: Final = ("patternProperties", "additionalProperties")
_RESOURCES: Final = last(
    mapping(NAME, {"type": "integer", "minimum": 1}, at_least=1), *_AT_LEAST_FIRST
)
_OWNER: Final = {"project_id": IDENTITY, "user_id": IDENTITY}

_LIST: Final = {
    "allocations": {
        "type": "array",
        "minItems": 1,
        "items": record(
            {
                "resource_provider": last(
                    record({"uuid": UUID_STRING}, required=["uuid"]), "required"
                ),
                "resources": _RESOURCES,
            },
            required=["resource_provider", "resources"],
        ),
    }
}
_BY_PROVIDER: Final = record(
    {"generation": INTEGER, "resources": _RESOURCES}, required=["resources"]
)
_GENERATION: Final = {
    "consumer_generation": {"type": ["integer", "null"], "additionalProperties": False}
}
_MAPPINGS: Final = {
    "mappings": {
        "type": "object",
        "minProperties": 1,
        "patternProperties": {GROUP_SUFFIX: {"type": "array", "minItems": 1, "items": UUID_STRING}},
    }
}
_TYPE: Final = {"consumer_type": named(NAME)}

_NEEDED_1_12: Final = ["allocations", "project_id", "user_id"]
_NEEDED_1_28: Final = [*_NEEDED_1_12, "consumer_generation"]
_NEEDED_1_38: Final = [*_NEEDED_1_28, "consumer_type"]


def _allocations(*, at_least: int) -> dict[str, Document]:
    by_provider = mapping(UUID_KEY, _BY_PROVIDER, at_least=at_least)
    return {"allocations": last(by_provider, *_AT_LEAST_FIRST)}


def _one(
    required: Sequence[str], *parts: Mapping[str, Document], at_least: int = 0
) -> dict[str, Document]:
    """Give what one consumer shall hold; ``at_least`` so many providers."""
    properties = _allocations(at_least=at_least) | _OWNER
    for part in parts:
        properties |= part
    return last(record(properties, required=required), "required")


def _many(one: Document, *, at_least: int) -> dict[str, Document]:
    """Give what consumers shall hold, by their uuids."""
    return last(mapping(UUID_KEY, one, at_least=at_least), "patternProperties")


_ONE_1_12: Final = _one(_NEEDED_1_12, at_least=1)
_ONE_1_13: Final = _one(_NEEDED_1_12)
_ONE_1_28: Final = _one(_NEEDED_1_28, _GENERATION)
_ONE_1_34: Final = _one(_NEEDED_1_28, _GENERATION, _MAPPINGS)
_ONE_1_38: Final = _one(_NEEDED_1_38, _GENERATION, _MAPPINGS, _TYPE)

PUT_1_0: Final = body(record(_LIST, required=["allocations"]))
PUT_1_8: Final = body(record({**_LIST, **_OWNER}, required=_NEEDED_1_12))
PUT_1_12: Final = body(_ONE_1_12)
PUT_1_28: Final = body(_ONE_1_28)
PUT_1_34: Final = body(_ONE_1_34)
PUT_1_38: Final = body(_ONE_1_38)

POST_1_13: Final = body(_many(_ONE_1_13, at_least=1))
POST_1_28: Final = body(_many(_ONE_1_28, at_least=1))
POST_1_34: Final = body(_many(_ONE_1_34, at_least=1))
POST_1_38: Final = body(_many(_ONE_1_38, at_least=1))

# A reshape may come without any allocations.
MANY_1_28: Final = _many(_ONE_1_28, at_least=0)
MANY_1_34: Final = _many(_ONE_1_34, at_least=0)
MANY_1_38: Final = _many(_ONE_1_38, at_least=0)

PUT: Final[Since] = (
    ((1, 38), PUT_1_38),
    ((1, 34), PUT_1_34),
    ((1, 28), PUT_1_28),
    ((1, 12), PUT_1_12),
    ((1, 8), PUT_1_8),
    ((1, 0), PUT_1_0),
)

POST: Final[Since] = (
    ((1, 38), POST_1_38),
    ((1, 34), POST_1_34),
    ((1, 28), POST_1_28),
    ((1, 13), POST_1_13),
)
