"""Bodies about inventories."""

from typing import Final

from innkeeper.api.placement.schemas.parts import INTEGER, NAME, body, record
from innkeeper.core.inventory import MAX_INT

MAX_FLOAT: Final = 3.40282e38
"""Largest allocation ratio: what a column of single precision holds."""

_FIELDS: Final = {
    "resource_provider_generation": INTEGER,
    "total": {"type": "integer", "maximum": MAX_INT, "minimum": 1},
    "reserved": {"type": "integer", "maximum": MAX_INT, "minimum": 0},
    "min_unit": {"type": "integer", "maximum": MAX_INT, "minimum": 1},
    "max_unit": {"type": "integer", "maximum": MAX_INT, "minimum": 1},
    "step_size": {"type": "integer", "maximum": MAX_INT, "minimum": 1},
    "allocation_ratio": {"type": "number", "maximum": MAX_FLOAT},
}

# Names that do not match are unknown classes, and refused as such.
ALL: Final = {
    "type": "object",
    "properties": {
        "resource_provider_generation": INTEGER,
        "inventories": {
            "type": "object",
            "patternProperties": {NAME: record(_FIELDS, required=["total"])},
        },
    },
    "required": ["resource_provider_generation", "inventories"],
    "additionalProperties": False,
}

PUT_ALL: Final = body(ALL)
PUT_ONE: Final = body(record(_FIELDS, required=["total", "resource_provider_generation"]))
POST: Final = body(
    record(
        {**_FIELDS, "resource_class": {"type": "string", "pattern": NAME}},
        required=["total", "resource_class"],
    )
)
