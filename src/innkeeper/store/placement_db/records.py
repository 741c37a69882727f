"""Records: what is moved, in the words of neither database.

Everything has its name instead of an id, except that providers are named by the id that they
have in the database which a record was read from.
"""

from datetime import datetime
from typing import Literal

import msgspec

from innkeeper.core.inventory import Inventory

NameKind = Literal["resource_classes", "traits", "consumer_types"]


class NameRecord(msgspec.Struct, frozen=True):
    """A resource class, a trait or a consumer type."""

    name: str
    created_at: datetime
    updated_at: datetime


class ProviderRecord(msgspec.Struct, frozen=True):
    """A provider and all that is said of it; the order within the tuples is by name."""

    id: int
    uuid: str
    name: str
    generation: int
    parent_id: int | None
    created_at: datetime
    updated_at: datetime
    inventories: tuple[Inventory, ...]
    traits: tuple[str, ...]
    aggregates: tuple[str, ...]


class Amount(msgspec.Struct, frozen=True, order=True):
    """What a consumer holds of one inventory."""

    rp_id: int
    resource_class: str
    used: int


class HolderRecord(msgspec.Struct, frozen=True):
    """A consumer and all that it holds, which is never nothing."""

    uuid: str
    project_id: str
    user_id: str
    consumer_type: str | None
    generation: int
    created_at: datetime
    updated_at: datetime
    amounts: tuple[Amount, ...] = ()
    """By provider and resource class."""
