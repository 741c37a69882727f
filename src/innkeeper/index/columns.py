"""Every provider of the store, in columns.

A provider has a row number, which is kept as long as it exists and may be another's later.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from innkeeper.core.allocation import Allocation
from innkeeper.core.ids import RpId, RpRow, RpUuid
from innkeeper.core.moment import from_us
from innkeeper.core.picture import (
    InventoryPicture,
    NameTable,
    ProviderTable,
    StockPicture,
    StockTable,
    UsagePicture,
)
from innkeeper.core.provider import Provider
from innkeeper.index.aggregates import Aggregates
from innkeeper.index.growing import FIRST_SIZE, NOTHING, Int32s, Int64s, Positions, grown, larger
from innkeeper.index.resource_column import GIVEN, ResourceColumn
from innkeeper.index.traits import Traits
from innkeeper.index.trees import Trees

_AMOUNTS: Final = (*GIVEN, "used")
"""What a resource column takes over as the store has it."""

UUID_SIZE: Final = 36
"""Characters of a uuid as it is sent."""

Uuids = npt.NDArray[np.bytes_]
"""Uuids as they are sent: S36[rows]."""


class Columns:
    """Providers, their trees, inventories, traits and aggregates.

    ``layout`` is raised by every change but one of amounts (total, reserved, ratio, used,
    held, generation): what is computed from the rest may be kept until it rises.
    ``count`` is one more than the highest row ever used; some rows below it may be empty.
    ``names`` is a list by row; ``uuids``, ``generation`` and ``updated_us`` are arrays.
    """

    __slots__ = (
        "_by_id",
        "_by_uuid",
        "_free_rows",
        "_held",
        "aggregates",
        "classes",
        "generation",
        "layout",
        "live",
        "names",
        "traits",
        "trees",
        "updated_us",
        "uuids",
    )

    def __init__(self) -> None:
        self.layout = 0
        self.live = np.zeros(FIRST_SIZE, dtype=np.bool_)
        self.uuids: Uuids = np.zeros(FIRST_SIZE, dtype=f"S{UUID_SIZE}")
        self.trees = Trees()
        self.traits = Traits(FIRST_SIZE)
        self.aggregates = Aggregates(FIRST_SIZE)
        self.classes: dict[str, ResourceColumn] = {}
        self.names: list[str] = []
        self.generation = np.zeros(FIRST_SIZE, dtype=np.int64)
        self.updated_us = np.zeros(FIRST_SIZE, dtype=np.int64)
        self._by_id: dict[RpId, RpRow] = {}
        self._by_uuid: dict[RpUuid, RpRow] = {}
        self._free_rows: list[RpRow] = []
        self._held: dict[tuple[RpId, str], int] = {}

    @property
    def count(self) -> int:
        """One more than the highest row ever used."""
        return len(self.names)

    def row(self, rp_uuid: str) -> RpRow | None:
        """Give the row of a provider by uuid, or None if it is unknown."""
        return self._by_uuid.get(RpUuid(rp_uuid))

    def row_of_id(self, rp_id: int) -> RpRow | None:
        """Give the row of a provider by its id in the store, or None if it is unknown."""
        return self._by_id.get(RpId(rp_id))

    def ids(self) -> list[RpId]:
        """Give the ids of all providers."""
        return list(self._by_id)

    def roots_of_ids(self, ids: Iterable[int]) -> set[int]:
        """Give the rows of the roots of some providers, as far as these are known."""
        found = (self._by_id.get(RpId(rp_id)) for rp_id in ids)
        return {self.trees.root.item(row) for row in found if row is not None}

    def row_named(self, name: str) -> RpRow | None:
        """Give the row of a provider by its name, which is looked for among all."""
        try:
            return RpRow(self.names.index(name)) if name else None
        except ValueError:
            return None

    def uuid(self, row: int) -> RpUuid:
        """Give the uuid of the provider in a row."""
        return RpUuid(str(self.uuids[row], "ascii"))

    def provider(self, row: RpRow) -> Provider:
        """Give the provider in a row; IndexError if the row is empty."""
        if not self.live.item(row):
            raise IndexError(row)
        trees = self.trees
        parent = trees.parent.item(row)
        return Provider(
            id=RpId(trees.keys.item(row)),
            uuid=self.uuid(row),
            name=self.names[row],
            generation=self.generation.item(row),
            root_id=RpId(trees.keys.item(trees.root.item(row))),
            parent_id=None if parent == NOTHING else RpId(trees.keys.item(parent)),
            updated_at=self.updated_at(row),
        )

    def updated_at(self, row: RpRow) -> datetime:
        """Give when anything of the provider in a row last changed."""
        return from_us(self.updated_us.item(row))

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

    def put(self, table: ProviderTable) -> Int32s:
        """Set all there is of some providers; give their rows: int32[providers]."""
        ids = np.asarray(table.ids, dtype=np.int64)
        rows = self._rows_of(table)
        for row, name in zip(rows.tolist(), table.names, strict=True):
            self.names[row] = name
        self.generation[rows] = table.generations
        self.updated_us[rows] = table.updated_us
        changed = self._place(table, rows, ids)
        for each, names in _grouped(table.traits, ids, rows):
            changed |= self.traits.put(each, names)
        for each, names in _grouped(table.aggregates, ids, rows):
            changed |= self.aggregates.put(each, names)
        changed |= self._put_stock(table.stock, ids, rows)
        self.layout += changed
        return rows

    def remove(self, rp_id: RpId) -> RpRow | None:
        """Forget a provider; give the row that it had, or None if it was unknown."""
        row = self._by_id.pop(rp_id, None)
        if row is None:
            return None
        del self._by_uuid[self.uuid(row)]
        for name in tuple(self.classes):
            self._drop_inventory(row, name)
        self.traits.put((row,), ())
        self.aggregates.put((row,), ())
        self.trees.remove(row)
        self.names[row] = ""
        self.live[row] = False
        self._free_rows.append(row)
        self.layout += 1
        return row

    def set_stock(self, row: RpRow, picture: StockPicture) -> None:
        """Set amounts of a provider's inventories, and its generation."""
        self.generation[row] = picture.generation
        self.updated_us[row] = picture.updated_us
        for each in picture.inventories:
            column = self.classes.get(each.resource_class)
            if column is not None:
                self.layout += column.set(row, each)

    def set_usage(self, row: RpRow, picture: UsagePicture) -> None:
        """Set what is used of some of a provider's inventories, and its generation."""
        self.generation[row] = picture.generation
        self.updated_us[row] = picture.updated_us
        for name, amount in picture.used:
            column = self.classes.get(name)
            if column is not None:
                column.set_used(row, amount)

    def hold(self, allocations: Iterable[Allocation], sign: int) -> set[RpRow]:
        """Hold allocations (sign -1: give them back); give the rows of providers that are known.

        What is held of a provider or class that is not there is kept until it comes.
        """
        held, by_id, classes = self._held, self._by_id, self.classes
        rows = set()
        for each in allocations:
            key = (each.rp_id, each.resource_class)
            amount = held.pop(key, 0) + sign * each.amount
            if amount:
                held[key] = amount
            row = by_id.get(each.rp_id)
            if row is not None:
                rows.add(row)
                column = classes.get(each.resource_class)
                if column is not None:
                    column.set_held(row, amount)
        return rows

    def _rows_of(self, table: ProviderTable) -> Int32s:
        """Give the rows of some providers; new ones, without tree or inventory, where they lack."""
        by_id = self._by_id
        for rp_id, uuid in zip(table.ids, table.uuids, strict=True):
            if rp_id in by_id:
                continue
            if self._free_rows:
                row = self._free_rows.pop()
            else:
                row = RpRow(self.count)
                self.names.append("")
            by_id[RpId(rp_id)] = self._by_uuid[RpUuid(uuid)] = row
        if self.count > len(self.live):
            self._grow_rows(larger(len(self.live), self.count))
        rows = np.array([by_id[RpId(rp_id)] for rp_id in table.ids], dtype=np.int32)
        self.layout += not self.live[rows].all()
        self.live[rows] = True
        self.uuids[rows] = table.uuids
        return rows

    def _place(self, table: ProviderTable, rows: Int32s, ids: Int64s) -> bool:
        """Put providers into their trees.

        A root or parent that is not known yet comes with a later picture, which will name its
        tree again; until then a provider stands alone.
        """
        own, by_id = rows.tolist(), self._by_id
        roots = [by_id.get(RpId(one), row) for one, row in zip(table.root_ids, own, strict=True)]
        parents = [
            by_id.get(RpId(parent), root) if parent and root != row else NOTHING
            for parent, root, row in zip(table.parent_ids, roots, own, strict=True)
        ]
        return self.trees.place(
            rows,
            parents=np.array(parents, dtype=np.int32),
            roots=np.array(roots, dtype=np.int32),
            keys=ids,
        )

    def _put_stock(self, stock: StockTable, ids: Int64s, rows: Int32s) -> bool:
        """Set all inventories of some providers, class by class."""
        changed = False
        wanted: dict[str, Int32s] = {}
        owners = rows[np.searchsorted(ids, np.asarray(stock.rp_ids, dtype=np.int64))]
        held = self._held_of(stock)
        columns = {name: np.asarray(getattr(stock, name)) for name in _AMOUNTS}
        for name, at in _by_class(stock):
            column = self.classes.get(name)
            if column is None:
                column = self.classes[name] = ResourceColumn(name, len(self.live))
            wanted[name] = owners[at]
            amounts = {of: array[at] for of, array in columns.items()}
            changed |= column.put(owners[at], {**amounts, "held": held[at]})
        for name in tuple(self.classes):
            for row in self.classes[name].lost(rows, wanted.get(name, rows[:0])):
                changed |= self._drop_inventory(RpRow(row), name)
        return changed

    def _held_of(self, stock: StockTable) -> Int64s:
        """Give what claims in flight hold of each inventory: int64[inventories]."""
        found = np.zeros(len(stock.rp_ids), dtype=np.int64)
        if self._held:
            for at, (rp_id, number) in enumerate(zip(stock.rp_ids, stock.classes, strict=True)):
                found[at] = self._held.get((RpId(rp_id), stock.names[number]), 0)
        return found

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
        self.generation = grown(self.generation, size, 0)
        self.updated_us = grown(self.updated_us, size, 0)
        self.trees.grow_rows(size)
        self.traits.grow_rows(size)
        self.aggregates.grow_rows(size)
        for column in self.classes.values():
            column.grow_rows(size)


def _grouped(
    table: NameTable, ids: Int64s, rows: Int32s
) -> Iterator[tuple[list[int], tuple[str, ...]]]:
    """Give the rows of the providers that have the same names, and these."""
    owners = np.asarray(table.rp_ids, dtype=np.int64)
    first = np.searchsorted(owners, ids, side="left").tolist()
    end = np.searchsorted(owners, ids, side="right").tolist()
    by_names: dict[tuple[str, ...], list[int]] = {}
    for row, start, stop in zip(rows.tolist(), first, end, strict=True):
        by_names.setdefault(tuple(table.names[start:stop]), []).append(row)
    for names, those in by_names.items():
        yield those, names


def _by_class(stock: StockTable) -> Iterator[tuple[str, Positions]]:
    """Give each resource class, and where in the table its inventories are."""
    numbers = np.asarray(stock.classes, dtype=np.int64)
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    ends = np.append(starts, len(order))[1:]
    for number, start, end in zip(found.tolist(), starts, ends, strict=True):
        yield stock.names[number], order[start:end]
