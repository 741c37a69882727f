"""The part of the store that a cell may reach: its own instances, hosts, tasks and claims.

This is all that a cell's conductor has of the store, and each method stays inside the cell.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from innkeeper.conductor.recording import note_host, record
from innkeeper.core.build import Building, Record
from innkeeper.core.errors import OutsideCell
from innkeeper.core.ids import CellName
from innkeeper.core.instance import Instance
from innkeeper.core.report import HostReport
from innkeeper.core.task import Task
from innkeeper.store import cells, instances, tasks
from innkeeper.store.open_store import OpenStore
from innkeeper.store.report import put_reports
from innkeeper.store.txn import Txn

REPORTS_PER_WRITE: Final = 200
"""Hosts registered in one transaction: some 1,200 providers, so that others need not wait long."""


class Work(msgspec.Struct, frozen=True):
    """A task that was taken, and the record of the instance that it is about, if there is one.

    The record is as it was found: one that cannot be read must not keep other tasks from being
    taken.
    """

    task: Task
    body: bytes | None


class CellStore:
    """One cell's view of the store."""

    def __init__(self, store: OpenStore, cell: CellName) -> None:
        self._store = store
        self.cell = cell

    async def take(self, *, owner: str, limit: int, lease: timedelta) -> list[Work]:
        """Lease up to ``limit`` due tasks of the cell, and read what they are about."""

        def op(txn: Txn) -> list[Work]:
            taken = tasks.take(txn, self.cell, owner=owner, limit=limit, lease=lease)
            keys = [task.key for task in taken if task.kind != "destroy"]
            found = instances.bodies(txn.conn, keys) if keys else {}
            return [Work(task, found.get(task.key)) for task in taken]

        return await self._store.write(op)

    async def renew(self, ids: Collection[int], *, owner: str, lease: timedelta) -> None:
        """Lengthen the leases of those of the tasks ``ids`` that ``owner`` still has."""
        await self._store.write(lambda txn: tasks.renew(txn, ids, owner=owner, lease=lease))

    async def forsake(self, *, owner: str) -> int:
        """End all leases of ``owner``; give how many there were."""
        return await self._store.write(lambda txn: tasks.forsake(txn, self.cell, owner=owner))

    async def postpone(self, task: Task, *, pause: timedelta) -> None:
        """Give a task back, to be taken again after ``pause``."""
        await self._store.write(lambda txn: tasks.postpone(txn, task, run_at=txn.now + pause))

    async def drop(self, task: Task) -> None:
        """End a task that leaves no record; a host that it was down for is up again."""

        def op(txn: Txn) -> None:
            if tasks.drop(txn, task.kind, task.key) and task.kind == "destroy":
                leftover = tasks.leftover_of(task).leftover
                if leftover.gone:
                    note_host(txn, leftover.host, cell=self.cell, up=True)

        await self._store.write(op)

    async def record(self, instance: Instance, effect: Record) -> Instance:
        """Write a state, the claim and the tasks together; give the record as it is then.

        Raises StaleState if ``instance`` was overtaken, a Conflict if the claim cannot move,
        OutsideCell if the instance or its place is not of this cell.
        """
        self._check(instance.cell)
        if isinstance(effect.state, Building):
            self._check(effect.state.selection.cell)
        return await self._store.write(lambda txn: record(txn, instance, effect))

    async def report(self, reports: Sequence[HostReport]) -> None:
        """Register hosts of the cell, or bring them up to date."""
        for at in range(0, len(reports), REPORTS_PER_WRITE):
            await self._report(reports[at : at + REPORTS_PER_WRITE])

    async def beat(self) -> None:
        """Note that the cell is up."""
        await self._store.write(lambda txn: cells.beat(txn, self.cell))

    async def leave(self) -> None:
        """Note that the cell is down."""
        await self._store.write(lambda txn: cells.mark_down(txn, self.cell))

    async def _report(self, reports: Sequence[HostReport]) -> None:
        await self._store.write(lambda txn: put_reports(txn, self.cell, reports))

    def _check(self, cell: CellName | None) -> None:
        if cell != self.cell:
            raise OutsideCell(f"The conductor of cell {self.cell} may not touch cell {cell}.")
