"""Bodies about allocations, which changed their form more often than any other."""

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
    mapping,
    named,
    record,
)
from innkeeper.api.validation import Document

_RESOURCES: Final = mapping(NAME, {"type": "integer", "minimum": 1}, at_least=1)
_OWNER: Final = {"project_id": IDENTITY, "user_id": IDENTITY}

_LIST: Final = {
    "allocations": {
        "type": "array",
        "minItems": 1,
        "items": record(
            {
                "resource_provider": record({"uuid": UUID_STRING}, required=["uuid"]),
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


def _allocations(*, at_least: int) -> Document:
    return {"allocations": mapping(UUID_KEY, _BY_PROVIDER, at_least=at_least)}


_ONE_1_12: Final = record({**_allocations(at_least=1), **_OWNER}, required=_NEEDED_1_12)
_ONE_1_13: Final = record({**_allocations(at_least=0), **_OWNER}, required=_NEEDED_1_12)
_ONE_1_28: Final = record(
    {**_allocations(at_least=0), **_OWNER, **_GENERATION}, required=_NEEDED_1_28
)
_ONE_1_34: Final = record(
    {**_allocations(at_least=0), **_OWNER, **_GENERATION, **_MAPPINGS}, required=_NEEDED_1_28
)
_ONE_1_38: Final = record(
    {**_allocations(at_least=0), **_OWNER, **_GENERATION, **_MAPPINGS, **_TYPE},
    required=_NEEDED_1_38,
)

PUT_1_0: Final = body(record(_LIST, required=["allocations"]))
PUT_1_8: Final = body(record({**_LIST, **_OWNER}, required=_NEEDED_1_12))
PUT_1_12: Final = body(_ONE_1_12)
PUT_1_28: Final = body(_ONE_1_28)
PUT_1_34: Final = body(_ONE_1_34)
PUT_1_38: Final = body(_ONE_1_38)

POST_1_13: Final = body(mapping(UUID_KEY, _ONE_1_13, at_least=1))
POST_1_28: Final = body(mapping(UUID_KEY, _ONE_1_28, at_least=1))
POST_1_34: Final = body(mapping(UUID_KEY, _ONE_1_34, at_least=1))
POST_1_38: Final = body(mapping(UUID_KEY, _ONE_1_38, at_least=1))

# A reshape may come without any allocations.
MANY_1_28: Final = mapping(UUID_KEY, _ONE_1_28, at_least=0)
MANY_1_34: Final = mapping(UUID_KEY, _ONE_1_34, at_least=0)
MANY_1_38: Final = mapping(UUID_KEY, _ONE_1_38, at_least=0)

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
