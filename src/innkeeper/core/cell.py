"""Cell: a set of hosts with conductors of its own, which never call up."""

import msgspec

from innkeeper.core.ids import CellName


class Cell(msgspec.Struct, frozen=True):
    """A cell. A disabled cell gets no new instances; a cell that is down serves none."""

    name: CellName
    enabled: bool = True
    up: bool = True
