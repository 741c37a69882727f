"""The audits that this process ran lately, so that a GET can tell how one went.

They live in memory only: what they prove is about the moment in which they ran.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from innkeeper.api.native.runs import Runs
from innkeeper.core.audit import AuditReport
from innkeeper.store.audit import audit
from innkeeper.store.open_store import OpenStore

MAX_KEPT: Final = 16
"""Reports kept: the latest. A broken database makes one some hundred kilobytes long."""


class AuditRun(Struct, frozen=True):
    """One audit."""

    id: str
    state: Literal["running", "done", "failed"]
    started_at: datetime
    finished_at: datetime | None = None
    report: AuditReport | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on in the background."""
        return self.state == "running"


class AuditLog:
    """Runs audits, one at a time, and keeps the latest."""

    def __init__(
        self, store: OpenStore, *, clock: Callable[[], datetime], new_uuid: Callable[[], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_uuid = new_uuid
        self._runs: Runs[AuditRun] = Runs(MAX_KEPT)
        # Looked at by the thread that reads.
        self._over = threading.Event()

    def begin(self) -> AuditRun:
        """Begin an audit; give it as it is now. One that is under way already is given instead."""
        run = self._runs.under_way()
        if run is None:
            run = AuditRun(self._new_uuid(), "running", self._clock())
            self._runs.put(run)
            self._runs.start(self._run(run), failed="an audit failed", run_id=run.id)
        return run

    def get(self, run_id: str) -> AuditRun | None:
        """Give an audit, or None if there is none of that id any more."""
        return self._runs.get(run_id)

    def latest(self) -> tuple[AuditRun, ...]:
        """Give those that are kept, the newest first."""
        return self._runs.latest()

    async def stop(self) -> None:
        """End what is under way, as soon as its current rule is checked."""
        self._over.set()
        await self._runs.stop()

    async def _run(self, run: AuditRun) -> None:
        ended = replace(run, state="failed")
        checked = partial(audit, over=self._over.is_set)
        try:
            ended = replace(run, state="done", report=await self._store.read(checked))
        finally:
            self._runs.put(replace(ended, finished_at=self._clock()))
