"""Cells in the store: which there are, and when a conductor of each was last heard of."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select, update

from innkeeper.core.cell import Cell
from innkeeper.core.errors import NotFound
from innkeeper.core.ids import CellName
from innkeeper.store.tables import cells
from innkeeper.store.txn import Txn

_c = cells.c


class SeenCell(msgspec.Struct, frozen=True):
    """A cell, and when its conductors last beat."""

    cell: Cell
    seen_at: datetime


def all_cells(conn: Connection) -> tuple[SeenCell, ...]:
    """Give every cell, by name."""
    rows = conn.execute(select(_c.name, _c.enabled, _c.up, _c.seen_at).order_by(_c.name))
    return tuple(
        SeenCell(Cell(row.name, enabled=row.enabled, up=row.up), row.seen_at) for row in rows
    )


def beat(txn: Txn, name: CellName) -> None:
    """Note that a conductor of the cell is at work. A cell that is not known is added."""
    values = {"up": True, "seen_at": txn.now}
    if not txn.conn.execute(update(cells).where(_c.name == name).values(**values)).rowcount:
        txn.conn.execute(insert(cells).values(name=name, enabled=True, **values))


def ensure(txn: Txn, name: CellName) -> None:
    """Add a cell, enabled and up, unless it is known."""
    if txn.conn.scalar(select(_c.name).where(_c.name == name)) is None:
        beat(txn, name)


def mark_down(txn: Txn, name: CellName, *, seen_at: datetime | None = None) -> bool:
    """Note that a cell is down; tell whether it was up.

    With ``seen_at``, only if no conductor of it has beaten since.
    """
    query = update(cells).where(_c.name == name, _c.up.is_(True)).values(up=False)
    if seen_at is not None:
        query = query.where(_c.seen_at == seen_at)
    return txn.conn.execute(query).rowcount > 0


def set_enabled(txn: Txn, name: CellName, *, enabled: bool) -> None:
    """Let a cell take new instances, or not; NotFound if there is no such cell."""
    query = update(cells).where(_c.name == name).values(enabled=enabled)
    if not txn.conn.execute(query).rowcount:
        raise NotFound(f"There is no cell {name}.")
