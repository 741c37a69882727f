"""Queries for allocation candidates."""

from collections.abc import Sequence
from typing import Final

from innkeeper.api.placement.schemas.parts import (
    GROUP_NUMBER,
    GROUP_SUFFIX,
    STRING,
    Since,
    last,
    query,
    record,
)
from innkeeper.api.validation import Document, Schema

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
_TEXT: Final = {"type": ["string"]}


_TRIO: Final = ("resources", "required", "member_of")
_QUARTET: Final = (*_TRIO, "in_tree")


def _one_group(*names: str) -> Schema:
    more: dict[str, Document] = dict.fromkeys(names, _TEXT)
    return query(record({**_RESOURCES, **_LIMIT, **more}, required=["resources"]))


def _groups(suffix: str, names: Sequence[str], *of_all: str) -> Schema:
    """Give what there is of each group, bare or with a suffix, and of all groups together."""
    each = {f"^{name}({suffix})?$": STRING for name in names}
    whole = {**_LIMIT, **_POLICY, **dict.fromkeys(of_all, _TEXT)}
    return query(last(record(whole, patternProperties=each), "patternProperties"))


GET_1_10: Final = query(record(_RESOURCES, required=["resources"]))
GET_1_16: Final = _one_group()
GET_1_17: Final = _one_group("required")
GET_1_21: Final = _one_group("required", "member_of")
GET_1_25: Final = _groups(GROUP_NUMBER, _TRIO)
GET_1_31: Final = _groups(GROUP_NUMBER, _QUARTET)
GET_1_33: Final = _groups(GROUP_SUFFIX, _QUARTET)
GET_1_35: Final = _groups(GROUP_SUFFIX, _QUARTET, "root_required")
GET_1_36: Final = _groups(GROUP_SUFFIX, _QUARTET, "root_required", "same_subtree")

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
