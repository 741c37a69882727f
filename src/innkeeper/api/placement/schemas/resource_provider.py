"""Bodies and queries about resource providers."""

from typing import Final

from innkeeper.api.placement.schemas.parts import STRING, UUID_STRING, Since, body, query, record

_NAME: Final = {"name": {"type": "string", "maxLength": 200}}
_UUID: Final = {"uuid": UUID_STRING}
_PARENT: Final = {"parent_provider_uuid": {"anyOf": [UUID_STRING, {"type": "null"}]}}

POST_1_0: Final = body(record({**_NAME, **_UUID}, required=["name"]))
POST_1_14: Final = body(record({**_NAME, **_UUID, **_PARENT}, required=["name"]))
PUT_1_0: Final = body(record(_NAME, required=["name"]))
PUT_1_14: Final = body(record({**_NAME, **_PARENT}, required=["name"]))

_FILTERS: Final = {"name": STRING, **_UUID}
_FILTERS_1_3: Final = {**_FILTERS, "member_of": STRING}
_FILTERS_1_4: Final = {**_FILTERS_1_3, "resources": STRING}
_FILTERS_1_14: Final = {**_FILTERS_1_4, "in_tree": UUID_STRING}

GET_1_0: Final = query(record(_FILTERS))
GET_1_3: Final = query(record(_FILTERS_1_3))
GET_1_4: Final = query(record(_FILTERS_1_4))
GET_1_14: Final = query(record(_FILTERS_1_14))
GET_1_18: Final = query(record({**_FILTERS_1_14, "required": STRING}))

GET: Final[Since] = (
    ((1, 18), GET_1_18),
    ((1, 14), GET_1_14),
    ((1, 4), GET_1_4),
    ((1, 3), GET_1_3),
    ((1, 0), GET_1_0),
)

POST: Final[Since] = (
    ((1, 14), POST_1_14),
    ((1, 0), POST_1_0),
)

PUT: Final[Since] = (
    ((1, 14), PUT_1_14),
    ((1, 0), PUT_1_0),
)
