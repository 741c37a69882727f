"""What every use case of placement works with."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from innkeeper.index.index import Index
from innkeeper.store.open_store import OpenStore


class Placement(msgspec.Struct, frozen=True):
    """The store, its picture in memory, and where time and new uuids come from."""

    store: OpenStore
    index: Index
    clock: Callable[[], datetime]
    new_uuid: Callable[[], str]
