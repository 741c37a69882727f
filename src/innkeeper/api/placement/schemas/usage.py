"""Queries about usages."""

from typing import Final

from innkeeper.api.placement.schemas.parts import IDENTITY, NAME, Since, named, query, record

_WHOSE: Final = {"project_id": IDENTITY, "user_id": IDENTITY}

GET_1_9: Final = query(record(_WHOSE, required=["project_id"]))
GET_1_38: Final = query(
    record(
        {**_WHOSE, "consumer_type": named(f"{NAME}|^all|^unknown$")},
        required=["project_id"],
    )
)

GET: Final[Since] = (
    ((1, 38), GET_1_38),
    ((1, 9), GET_1_9),
)
