"""Bodies about resource classes."""

from typing import Final

from innkeeper.api.placement.schemas.parts import CUSTOM_NAME, body, record

NAMED: Final = body(
    record(
        {"name": {"type": "string", "pattern": CUSTOM_NAME, "maxLength": 255}},
        required=["name"],
    )
)
