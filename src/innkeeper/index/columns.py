"""Every provider of the store, in columns.

A provider has a row number, which is kept as long as it exists and may be another's later.
"""

from datetime import datetime
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from innkeeper.core.ids import RpId, RpRow, RpUuid
from innkeeper.core.picture import InventoryPicture, ProviderPicture
from innkeeper.core.provider import Provider
from innkeeper.index.aggregates import Aggregates
from innkeeper.index.growing import FIRST_SIZE, NOTHING, Int32s, grown, larger
from innkeeper.index.resource_column import ResourceColumn
from innkeeper.index.traits import Traits
from innkeeper.index.trees import Trees

_NO_ROW: Final = RpRow(NOTHING)

UUID_SIZE: Final = 36
"""Characters of a uuid as it is sent."""

Uuids = npt.NDArray[np.bytes_]
"""Uuids as they are sent: S36[rows]."""


class Columns:
    """Providers, their trees, inventories, traits and aggregates.

    ``layout`` is raised by every change but one of amounts (total, reserved, ratio, used,
    held, generation): what is computed from the rest may be kept until it rises.
    ``count`` is one more than the highest row ever used; some rows below it may be empty.
    """

    __slots__ = (
        "_by_id",
        "_by_uuid",
        "_free_rows",
        "_held",
        "_providers",
        "aggregates",
        "classes",
        "layout",
        "live",
        "traits",
        "trees",
        "uuids",
    )

    def __init__(self) -> None:
        self.layout = 0
        self.live = np.zeros(FIRST_SIZE, dtype=np.bool_)
        self.uuids: Uuids = np.zeros(FIRST_SIZE, dtype=f"S{UUID_SIZE}")
        self.trees = Trees()
        self.traits = Traits(FIRST_SIZE)
        self.aggregates = Aggregates()
        self.classes: dict[str, ResourceColumn] = {}
        self._providers: list[Provider | None] = []
        self._by_id: dict[RpId, RpRow] = {}
        self._by_uuid: dict[RpUuid, RpRow] = {}
        self._free_rows: list[RpRow] = []
        self._held: dict[tuple[RpId, str], int] = {}

    @property
    def count(self) -> int:
        """One more than the highest row ever used."""
        return len(self._providers)

    def row(self, rp_uuid: str) -> RpRow | None:
        """Give the row of a provider by uuid, or None if it is unknown."""
        return self._by_uuid.get(RpUuid(rp_uuid))

    def row_of_id(self, rp_id: int) -> RpRow | None:
        """Give the row of a provider by its id in the store, or None if it is unknown."""
        return self._by_id.get(RpId(rp_id))

    def provider(self, row: RpRow) -> Provider:
        """Give the provider in a row; IndexError if the row is empty."""
        provider = self._providers[row]
        if provider is None:
            raise IndexError(row)
        return provider

    def rows(self) -> Int32s:
        """Give all rows that hold a provider, ascending."""
        return np.flatnonzero(self.live[: self.count]).astype(np.int32)

    def inventories(self, row: RpRow) -> tuple[InventoryPicture, ...]:
        """Give a provider's inventories by class name."""
        pictures = (column.picture(row) for _, column in sorted(self.classes.items()))
        return tuple(picture for picture in pictures if picture is not None)

    def stock(self, row: RpRow) -> list[tuple[str, int, int]]:
        """Give (resource class, capacity, used) of a provider by class name."""
        return [
            (name, int(column.capacity[slot]), int(column.used[slot]))
            for name, column in sorted(self.classes.items())
            if (slot := column.slot[row]) != NOTHING
        ]

    def reserve(self, provider: Provider) -> RpRow:
        """Give the row of a provider; a new one, without tree or inventory, if it has none."""
        row = self._by_id.get(provider.id)
        if row is not None:
            return row
        if self._free_rows:
            row = self._free_rows.pop()
        else:
            row = RpRow(self.count)
            self._providers.append(None)
            if row == len(self.live):
                self._grow_rows(larger(len(self.live), row + 1))
        self._by_id[provider.id] = row
        self._by_uuid[provider.uuid] = row
        self._providers[row] = provider
        self.uuids[row] = provider.uuid
        self.live[row] = True
        self.layout += 1
        return row

    def put(self, picture: ProviderPicture) -> RpRow:
        """Set all there is of one provider."""
        provider = picture.provider
        row = self.reserve(provider)
        self._providers[row] = provider
        # A root or parent that is not known yet comes with a later picture, which will
        # name this provider again; until then it stands alone.
        root = self._by_id.get(provider.root_id, row)
        parent = _NO_ROW
        if provider.parent_id is not None and root != row:
            parent = self._by_id.get(provider.parent_id, root)
        changed = self.trees.place(row, parent=parent, root=root, key=provider.id)
        changed |= self.traits.put(row, picture.traits)
        changed |= self.aggregates.put(row, picture.aggregates)
        changed |= self._put_inventories(row, picture)
        self.layout += changed
        return row

    def remove(self, rp_id: RpId) -> RpRow | None:
        """Forget a provider; give the row that it had, or None if it was unknown."""
        row = self._by_id.pop(rp_id, None)
        if row is None:
            return None
        del self._by_uuid[self.provider(row).uuid]
        for name in tuple(self.classes):
            self._drop_inventory(row, name)
        self.traits.put(row, ())
        self.aggregates.put(row, ())
        self.trees.remove(row)
        self._providers[row] = None
        self.live[row] = False
        self._free_rows.append(row)
        self.layout += 1
        return row

    def set_usage(
        self, row: RpRow, used: tuple[tuple[str, int], ...], *, generation: int, at: datetime
    ) -> None:
        """Set what is used of some of a provider's inventories, and its generation."""
        self._providers[row] = msgspec.structs.replace(
            self.provider(row), generation=generation, updated_at=at
        )
        for name, amount in used:
            column = self.classes.get(name)
            if column is not None:
                column.set_used(row, amount)

    def hold(self, rp_id: RpId, name: str, amount: int) -> RpRow | None:
        """Hold an amount (negative: give it back) of a provider; give its row if it is known.

        What is held of a provider or class that is not there is kept until it comes.
        """
        held = self._held.pop((rp_id, name), 0) + amount
        if held:
            self._held[rp_id, name] = held
        row = self._by_id.get(rp_id)
        column = self.classes.get(name)
        if row is not None and column is not None:
            column.set_held(row, held)
        return row

    def _put_inventories(self, row: RpRow, picture: ProviderPicture) -> bool:
        changed = False
        wanted = set()
        for each in picture.inventories:
            name = each.inventory.resource_class
            wanted.add(name)
            column = self.classes.get(name)
            if column is None:
                column = self.classes[name] = ResourceColumn(name, len(self.live))
            held = self._held.get((picture.provider.id, name), 0)
            changed |= column.put(row, each.inventory, used=each.used, held=held)
        for name in self.classes.keys() - wanted:
            changed |= self._drop_inventory(row, name)
        return changed

    def _drop_inventory(self, row: RpRow, name: str) -> bool:
        """Forget an inventory, and the column if it was the last; tell whether there was one."""
        column = self.classes[name]
        if not column.drop(row):
            return False
        if not column.count:
            del self.classes[name]
        return True

    def _grow_rows(self, size: int) -> None:
        self.live = grown(self.live, size, False)
        self.uuids = grown(self.uuids, size, b"")
        self.trees.grow_rows(size)
        self.traits.grow_rows(size)
        for column in self.classes.values():
            column.grow_rows(size)
