"""Allocation: an amount of one resource class of one provider, held by one consumer."""

import msgspec

from innkeeper.core.ids import ConsumerUuid, RpId, RpUuid


class Allocation(msgspec.Struct, frozen=True, gc=False):
    """What one consumer holds of one class of one provider."""

    rp_id: RpId
    rp_uuid: RpUuid
    resource_class: str
    amount: int


class Consumer(msgspec.Struct, frozen=True, gc=False):
    """Who holds allocations. A consumer without allocations does not exist."""

    uuid: ConsumerUuid
    project_id: str
    user_id: str
    consumer_type: str | None = None
    generation: int = 0
