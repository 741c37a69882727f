"""The audits that this process ran lately, so that a GET can tell how one went.

They live in memory only: what they prove is about the moment in which they ran.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

import msgspec
import structlog

from innkeeper.core.audit import AuditReport
from innkeeper.core.errors import InnkeeperError
from innkeeper.store.audit import audit
from innkeeper.store.open_store import OpenStore

MAX_KEPT: Final = 16
"""Reports kept: the latest. A broken database makes one some hundred kilobytes long."""

_log = structlog.get_logger("innkeeper.audits")


class AuditRun(msgspec.Struct, frozen=True):
    """One audit."""

    id: str
    state: Literal["running", "done", "failed"]
    started_at: datetime
    finished_at: datetime | None = None
    report: AuditReport | None = None


class AuditLog:
    """Runs audits, one at a time, and keeps the latest."""

    def __init__(
        self, store: OpenStore, *, clock: Callable[[], datetime], new_uuid: Callable[[], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_uuid = new_uuid
        self._runs: OrderedDict[str, AuditRun] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> AuditRun:
        """Begin an audit; give it as it is now. One that is under way already is given instead."""
        for run in self._runs.values():
            if run.state == "running":
                return run
        run = AuditRun(self._new_uuid(), "running", self._clock())
        self._runs[run.id] = run
        while len(self._runs) > MAX_KEPT:
            self._runs.popitem(last=False)
        task = asyncio.create_task(self._run(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    def get(self, run_id: str) -> AuditRun | None:
        """Give an audit, or None if there is none of that id any more."""
        return self._runs.get(run_id)

    def latest(self) -> tuple[AuditRun, ...]:
        """Give those that are kept, the newest first."""
        return tuple(reversed(self._runs.values()))

    async def stop(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks)

    async def _run(self, run: AuditRun) -> None:
        replace = msgspec.structs.replace
        try:
            report = await self._store.read(audit)
        except InnkeeperError as error:
            _log.warning("an audit failed", id=run.id, error=error.detail)
            self._runs[run.id] = replace(run, state="failed", finished_at=self._clock())
            return
        self._runs[run.id] = replace(run, state="done", finished_at=self._clock(), report=report)
