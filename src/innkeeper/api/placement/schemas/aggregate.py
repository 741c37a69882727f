"""Bodies about aggregates."""

from typing import Final

from innkeeper.api.placement.schemas.parts import INTEGER, UUID_STRING, Since, body, record

_UUIDS: Final = {"type": "array", "items": UUID_STRING, "uniqueItems": True}

PUT_1_1: Final = body(_UUIDS)
PUT_1_19: Final = body(
    record(
        {"aggregates": _UUIDS, "resource_provider_generation": INTEGER},
        required=["aggregates", "resource_provider_generation"],
    )
)

PUT: Final[Since] = (
    ((1, 19), PUT_1_19),
    ((1, 1), PUT_1_1),
)
