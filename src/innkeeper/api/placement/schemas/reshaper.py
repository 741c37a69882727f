"""Bodies of the reshaper."""

from typing import Final

from innkeeper.api.placement.schemas import allocation, inventory
from innkeeper.api.placement.schemas.parts import UUID_KEY, Since, body, mapping, record
from innkeeper.api.validation import Document, Schema


def _reshape(allocations: Document) -> Schema:
    return body(
        record(
            {
                "inventories": mapping(UUID_KEY, inventory.ALL, at_least=1),
                "allocations": allocations,
            },
            required=["inventories", "allocations"],
        )
    )


POST_1_30: Final = _reshape(allocation.MANY_1_28)
POST_1_34: Final = _reshape(allocation.MANY_1_34)
POST_1_38: Final = _reshape(allocation.MANY_1_38)

POST: Final[Since] = (
    ((1, 38), POST_1_38),
    ((1, 34), POST_1_34),
    ((1, 30), POST_1_30),
)
