"""The repairs that this process planned lately: shown first, then done by id, exactly as shown.

A plan lives in memory only. What it says is about the moment in which it was made, and each of
its writes checks that this still holds.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Literal

import msgspec
import structlog

from innkeeper.api.native.runs import Runs
from innkeeper.core.errors import Conflict, InnkeeperError, NotFound, StaleState
from innkeeper.core.repair import LiveConsumers, Plan
from innkeeper.store import repair
from innkeeper.store.open_store import OpenStore
from innkeeper.store.repair import Mend
from innkeeper.store.txn import Txn

MAX_KEPT: Final = 8
"""Plans kept: the latest. One of a store in ruins may name each of its consumers."""
MENDS_PER_WRITE: Final = 50
"""Mends of one op: about 20 ms, so that claims are not kept waiting."""

_log = structlog.get_logger("innkeeper.repairs")


class RepairRun(msgspec.Struct, frozen=True):
    """One repair."""

    id: str
    state: Literal["planned", "applying", "done", "failed"]
    planned_at: datetime
    plan: Plan
    mends: tuple[Mend, ...]
    live: LiveConsumers | None
    done: int = 0
    """Steps taken."""
    failure: str = ""
    """Why it ended before its end."""

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on in the background."""
        return self.state == "applying"


class RepairLog:
    """Plans repairs and does them, one at a time, and keeps the latest."""

    def __init__(
        self, store: OpenStore, *, clock: Callable[[], datetime], new_uuid: Callable[[], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_uuid = new_uuid
        self._runs: Runs[RepairRun] = Runs(MAX_KEPT)

    async def plan(self, live: LiveConsumers | None) -> RepairRun:
        """Plan a repair. Nothing is changed."""
        plan, mends = await self._planned(live)
        run = RepairRun(self._new_uuid(), "planned", self._clock(), plan, mends, live)
        self._runs.put(run)
        return run

    def get(self, run_id: str) -> RepairRun:
        """Give a repair; raise NotFound if there is none of that id any more."""
        run = self._runs.get(run_id)
        if run is None:
            raise NotFound(f"There is no repair '{run_id}' any more.")
        return run

    async def apply(self, run_id: str) -> RepairRun:
        """Begin to do what was planned; give it as it is now.

        Raises Conflict if it was held back or begun already, StaleState if anything of what it
        shows is no longer so; then nothing is done.
        """
        run = self.get(run_id)
        if run.state != "planned":
            raise Conflict(f"The repair is {run.state} already.")
        if self._runs.under_way() is not None:
            raise Conflict("Another repair is under way.")
        if run.plan.held_back:
            raise Conflict(run.plan.held_back)
        applying = self._change(run, state="applying")
        try:
            plan, _ = await self._planned(run.live)
            if plan.held_back:
                raise Conflict(plan.held_back)
            _check_unchanged(run.plan, plan)
        except BaseException:
            self._change(run, state="planned")
            raise
        self._runs.start(
            self._apply(applying), failed="a repair ended before its end", run_id=run.id
        )
        return applying

    async def stop(self) -> None:
        """Wait for what is under way."""
        await self._runs.stop()

    async def _planned(self, live: LiveConsumers | None) -> tuple[Plan, tuple[Mend, ...]]:
        now = self._clock()
        return await self._store.read(lambda conn: repair.plan(conn, live=live, now=now))

    async def _apply(self, run: RepairRun) -> None:
        failure = "An error of the server; its log says which."
        try:
            for start in range(0, len(run.mends), MENDS_PER_WRITE):
                batch = run.mends[start : start + MENDS_PER_WRITE]
                await self._store.write(partial(_mend, batch=batch))
                run = self._change(run, done=start + len(batch))
            failure = ""
            _log.info("a repair was done", id=run.id, steps=run.done)
        except InnkeeperError as error:
            failure = error.detail
            raise
        finally:
            self._change(run, state="failed" if failure else "done", failure=failure)

    def _change(self, run: RepairRun, **values: object) -> RepairRun:
        changed = msgspec.structs.replace(run, **values)
        self._runs.put(changed)
        return changed


def _mend(txn: Txn, batch: Sequence[Mend]) -> None:
    for each in batch:
        each.write(txn)


def _check_unchanged(shown: Plan, now: Plan) -> None:
    """Raise StaleState unless everything shown would still be done."""
    still = {(step.rule, step.subject, step.action) for step in now.todo}
    for step in shown.todo:
        if (step.rule, step.subject, step.action) not in still:
            raise StaleState(
                f"Since the repair was planned, {step.subject} was changed. Plan it anew."
            )
