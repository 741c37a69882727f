"""Bodies and queries about traits."""

from typing import Final

from innkeeper.api.placement.schemas.parts import INTEGER, STRING, body, query, record

SET_OF_PROVIDER: Final = body(
    record(
        {
            "traits": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 255},
            },
            "resource_provider_generation": INTEGER,
        },
        required=["traits", "resource_provider_generation"],
    )
)
LIST: Final = query(record({"name": STRING, "associated": STRING}))
