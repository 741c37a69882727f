"""Resource provider: anything that has inventory; a node of a provider tree."""

from datetime import datetime

import msgspec

from innkeeper.core.ids import RpId, RpUuid


class Provider(msgspec.Struct, frozen=True):
    """A resource provider as the store holds it. A root is its own root and has no parent."""

    id: RpId
    uuid: RpUuid
    name: str
    generation: int
    root_id: RpId
    parent_id: RpId | None
    updated_at: datetime
