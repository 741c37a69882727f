"""Cell watch: what an api process knows of cells, and how a cell that falls silent gets known.

The store keeps when each cell last beat; whoever looks first notes a silent one as down.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from innkeeper.conductor.settings import CELL_SILENT_S
from innkeeper.core.cell import Cell
from innkeeper.core.errors import CellDown, NotFound
from innkeeper.core.ids import CellName
from innkeeper.obs.fence import fenced
from innkeeper.store.cells import SeenCell, all_cells, mark_down, set_enabled
from innkeeper.store.open_store import OpenStore
from innkeeper.store.txn import Txn

WATCH_S: Final = 1.0
"""How often the watch looks; so a cell's coming back is known within a second."""


class CellWatch:
    """The cells, as they were at the last look."""

    def __init__(
        self, store: OpenStore, *, clock: Callable[[], datetime], silent_s: float = CELL_SILENT_S
    ) -> None:
        self._store = store
        self._clock = clock
        self._silent = timedelta(seconds=silent_s)
        self._cells: dict[CellName, Cell] = {}
        self._loop: asyncio.Task[None] | None = None

    @property
    def cells(self) -> Mapping[CellName, Cell]:
        """The cells by name: a view that stays up to date, for the scheduler's CellFilter."""
        return MappingProxyType(self._cells)

    @property
    def down(self) -> frozenset[CellName]:
        """The cells that are down."""
        return frozenset(name for name, cell in self._cells.items() if not cell.up)

    def need(self, name: CellName) -> None:
        """Raise CellDown if a cell is down, NotFound if it isn't known."""
        cell = self._cells.get(name)
        if cell is None:
            raise NotFound(f"There is no cell {name}.")
        if not cell.up:
            raise CellDown(f"Cell {name} is down. Try again when its conductor is back.")

    async def start(self) -> None:
        """Look once, then again and again."""
        await self.look()
        self._loop = asyncio.create_task(self._look_always())

    async def stop(self) -> None:
        """Look no more."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def look(self) -> None:
        """Bring the picture up to date, noting as down what has fallen silent."""
        seen = await self._store.read(all_cells)
        limit = self._clock() - self._silent
        silent = [each for each in seen if each.cell.up and each.seen_at < limit]
        for each in silent:
            await self._store.write(partial(_mark_down, seen=each))
        if silent:
            seen = await self._store.read(all_cells)
        # Other threads and views look at this dict: it is never without a cell that there is.
        self._cells.update((each.cell.name, each.cell) for each in seen)
        for gone in self._cells.keys() - {each.cell.name for each in seen}:
            del self._cells[gone]

    async def set_enabled(self, name: CellName, *, enabled: bool) -> None:
        """Let a cell take new instances, or not; NotFound if there is no such cell."""
        await self._store.write(lambda txn: set_enabled(txn, name, enabled=enabled))
        await self.look()

    async def _look_always(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            await fenced(self.look(), failed="cells not seen")


def _mark_down(txn: Txn, seen: SeenCell) -> bool:
    return mark_down(txn, seen.cell.name, seen_at=seen.seen_at)
