"""CellFilter: only hosts of the cell that was asked for, and of cells that take instances."""

from collections.abc import Mapping

import numpy as np

from innkeeper.core.cell import Cell
from innkeeper.core.ids import CellName
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask


class CellFilter:
    """Passes hosts of the spec's cell, or else of every cell that is enabled and up.

    ``cells`` is what the process knows of cells, kept up to date by whoever gives it; a cell
    that it does not name is taken to be enabled and up.
    """

    standing = False
    reason = "the host's cell is another one, disabled or down"

    def __init__(self, cells: Mapping[CellName, Cell]) -> None:
        self._cells = cells

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a cell was asked for, or any cell takes no instances."""
        return spec.cell is not None or any(not _takes(cell) for cell in self._cells.values())

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give the hosts of cells that will do."""
        if spec.cell is not None:
            mask: Mask = hosts.cell == hosts.cell_number(spec.cell)
        else:
            mask = np.ones(len(hosts), dtype=np.bool_)
        for name, cell in self._cells.items():
            if not _takes(cell):
                mask &= hosts.cell != hosts.cell_number(name)
        return mask


def _takes(cell: Cell) -> bool:
    return cell.enabled and cell.up
