"""The conductor of a cell: takes its tasks, drives them, and keeps its leases.

It is built from a CellStore and a CellBus alone: it has no way to the api or another cell. The
store says what there is to do. Hints over the bus only save the wait for the next poll.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from innkeeper.bus.cell import CellBus, conductor_subject
from innkeeper.bus.messages import (
    FromConductor,
    HostReports,
    Noted,
    ReportsRefused,
    TasksWaiting,
    decode_to_conductor,
    encode,
)
from innkeeper.bus.port import Subscription
from innkeeper.conductor.agents import Agents, BuildTally, unheard
from innkeeper.conductor.cell_store import CellStore, Work
from innkeeper.conductor.drive import Drive
from innkeeper.conductor.settings import ConductorSettings
from innkeeper.core.errors import Conflict, InnkeeperError, InvalidInput, OutsideCell
from innkeeper.core.report import HostReport
from innkeeper.obs.fence import fenced

QUEUE: Final = "conductors"
"""Each message to a cell's conductors goes to one of them."""
REFILL: Final = 4
"""Tasks are taken once this part (one in four) of the places is free: few writes, no idling."""

_log = structlog.get_logger(__name__)


class CellConductor:
    """One conductor of one cell; there may be several, which share its tasks by leases."""

    def __init__(
        self,
        store: CellStore,
        bus: CellBus,
        *,
        owner: str,
        settings: ConductorSettings,
        tally: BuildTally = unheard,
    ) -> None:
        """Make it ready. ``owner`` names it in leases.

        A conductor that starts gives up all leases of its ``owner``: nobody else may use it. A
        process that comes back under the same one goes on with its work at once.
        """
        if store.cell != bus.cell:
            raise OutsideCell(f"The store of cell {store.cell}, but the bus of {bus.cell}.")
        self._store = store
        self._bus = bus
        self._owner = owner
        self._settings = settings
        self._agents = Agents(bus, settings.build_timeout_s, settings.destroy_timeout_s, tally)
        self._wake = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._subscription: Subscription | None = None
        self._more = False

    async def start(self) -> None:
        """Note the cell as up, listen, and begin with what the store has to do."""
        await self._store.beat()
        await self._store.forsake(owner=self._owner)
        self._subscription = await self._bus.subscribe(
            conductor_subject(self._bus.cell), self._hear, queue=QUEUE
        )
        self._wake.set()
        third = self._settings.lease_s / 3
        self._loops = [
            asyncio.create_task(self._take_always()),
            asyncio.create_task(self._every(third, self._renew)),
            asyncio.create_task(self._every(self._settings.beat_s, self._store.beat)),
        ]

    async def stop(self, *, last: bool = False) -> None:
        """Stop between two effects and give the leases back.

        ``last``: no other conductor serves the cell, so that it is down from now on.
        """
        await self.abandon()
        await self._store.forsake(owner=self._owner)
        if last:
            await self._store.leave()

    async def abandon(self) -> None:
        """Stop at once and leave everything as it is, as a crash does."""
        if self._subscription is not None:
            await self._subscription.cancel()
        tasks = [*self._loops, *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def busy(self) -> int:
        """How many tasks are being driven."""
        return len(self._running)

    async def _hear(self, payload: bytes) -> bytes | None:
        match decode_to_conductor(payload):
            case TasksWaiting():
                self._wake.set()
                return None
            case HostReports(reports):
                return encode(await self._note(reports))

    async def _note(self, reports: Sequence[HostReport]) -> FromConductor:
        try:
            await self._store.report(reports)
        except (InvalidInput, Conflict) as error:
            # The agent must know: whatever else goes wrong is worth trying again.
            return ReportsRefused(error.detail)
        return Noted()

    async def _take_always(self) -> None:
        while True:
            await fenced(self._take(), failed="tasks not taken", cell=self._store.cell)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for a hint or for the next poll; a hint that came meanwhile counts."""
        try:
            async with asyncio.timeout(self._settings.poll_s):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def _take(self) -> None:
        """Fill the free places with due tasks, if enough are free."""
        self._more = True
        free = self._settings.concurrency - len(self._running)
        while free * REFILL >= self._settings.concurrency:
            works = await self._store.take(
                owner=self._owner, limit=free, lease=self._settings.lease
            )
            for work in works:
                self._begin(work)
            if len(works) < free:
                self._more = False
                return
            free = self._settings.concurrency - len(self._running)

    def _begin(self, work: Work) -> None:
        # The same task again means that its lease was lost: what was begun will be overtaken.
        begun = self._running.get(work.task.id)
        if begun is not None:
            begun.cancel()
        task = asyncio.create_task(self._run(work))
        self._running[work.task.id] = task
        task.add_done_callback(lambda done: self._end(work.task.id, done))

    def _end(self, task_id: int, done: asyncio.Task[None]) -> None:
        if self._running.get(task_id) is done:
            del self._running[task_id]
        free = self._settings.concurrency - len(self._running)
        if self._more and free * REFILL >= self._settings.concurrency:
            self._wake.set()

    async def _run(self, work: Work) -> None:
        """Drive one task. Whatever goes wrong with it is tried again later."""
        drive = Drive(work, store=self._store, agents=self._agents, settings=self._settings)
        try:
            await drive.run()
        except Exception:  # fence: task
            _log.exception("task failed", kind=work.task.kind, key=work.task.key)
            await self._put_off(work)

    async def _put_off(self, work: Work) -> None:
        try:
            pause = self._settings.pause(work.task.attempt)
            await self._store.postpone(work.task, pause=pause)
        except InnkeeperError as error:
            # The lease will run out, which puts it off as well.
            _log.warning("task not put off", key=work.task.key, error=error.detail)

    async def _renew(self) -> None:
        if self._running:
            await self._store.renew(
                list(self._running), owner=self._owner, lease=self._settings.lease
            )

    async def _every(self, period_s: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(period_s)
            await fenced(act(), failed="not renewed", cell=self._store.cell)
