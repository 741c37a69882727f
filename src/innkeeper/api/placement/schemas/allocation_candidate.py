"""Queries for allocation candidates."""

from typing import Final

from innkeeper.api.placement.schemas.parts import (
    GROUP_NUMBER,
    GROUP_SUFFIX,
    STRING,
    Since,
    query,
    record,
)
from innkeeper.api.validation import Document

_LIMIT: Final = {
    "limit": {
        "type": ["integer", "string"],
        "pattern": "^[1-9][0-9]*$",
        "minimum": 1,
        "minLength": 1,
    }
}
_POLICY: Final = {"group_policy": {"type": "string", "enum": ["none", "isolate"]}}
_RESOURCES: Final = {"resources": STRING}


def _groups(suffix: str, *names: str) -> Document:
    """Give what is allowed for each group: the names, bare or with a suffix."""
    return {"patternProperties": {f"^{name}({suffix})?$": STRING for name in names}}


_TRIO: Final = ("resources", "required", "member_of")
_QUARTET: Final = (*_TRIO, "in_tree")

GET_1_10: Final = query(record(_RESOURCES, required=["resources"]))
GET_1_16: Final = query(record({**_RESOURCES, **_LIMIT}, required=["resources"]))
GET_1_17: Final = query(
    record({**_RESOURCES, **_LIMIT, "required": STRING}, required=["resources"])
)
GET_1_21: Final = query(
    record(
        {**_RESOURCES, **_LIMIT, "required": STRING, "member_of": STRING},
        required=["resources"],
    )
)
GET_1_25: Final = query(record({**_LIMIT, **_POLICY}, **_groups(GROUP_NUMBER, *_TRIO)))
GET_1_31: Final = query(record({**_LIMIT, **_POLICY}, **_groups(GROUP_NUMBER, *_QUARTET)))
GET_1_33: Final = query(record({**_LIMIT, **_POLICY}, **_groups(GROUP_SUFFIX, *_QUARTET)))
GET_1_35: Final = query(
    record({**_LIMIT, **_POLICY, "root_required": STRING}, **_groups(GROUP_SUFFIX, *_QUARTET))
)
GET_1_36: Final = query(
    record(
        {**_LIMIT, **_POLICY, "root_required": STRING, "same_subtree": STRING},
        **_groups(GROUP_SUFFIX, *_QUARTET),
    )
)

GET: Final[Since] = (
    ((1, 36), GET_1_36),
    ((1, 35), GET_1_35),
    ((1, 33), GET_1_33),
    ((1, 31), GET_1_31),
    ((1, 25), GET_1_25),
    ((1, 21), GET_1_21),
    ((1, 17), GET_1_17),
    ((1, 16), GET_1_16),
    ((1, 10), GET_1_10),
)
