"""Driving a task: effects are carried out, what became of them comes back as events.

It decides nothing by itself (``core.build`` does) and remembers nothing (the store does): it
may be stopped between any two effects, and another conductor goes on.
"""

from collections import deque
from datetime import timedelta
from typing import Final

from innkeeper.conductor.agents import Agents
from innkeeper.conductor.cell_store import CellStore, Work
from innkeeper.conductor.settings import ConductorSettings
from innkeeper.core.build import (
    Building,
    ClaimRefused,
    ClaimWon,
    Cleaning,
    Deleting,
    Effect,
    Event,
    Forget,
    Record,
    Resumed,
    SendBuild,
    SendDestroy,
    State,
    Wait,
    step,
)
from innkeeper.core.errors import Conflict, InvalidInput, StaleState
from innkeeper.core.ids import InstanceUuid
from innkeeper.core.instance import Instance
from innkeeper.core.instance_record import state_of
from innkeeper.core.task import Task
from innkeeper.store.instances import read_body
from innkeeper.store.tasks import leftover_of

_AT_ONCE: Final = timedelta()


class Drive:
    """One task on its way."""

    def __init__(
        self, work: Work, *, store: CellStore, agents: Agents, settings: ConductorSettings
    ) -> None:
        self._task: Task = work.task
        self._body = work.body
        self._instance: Instance | None = None
        self._store = store
        self._agents = agents
        self._settings = settings
        self._uuid = InstanceUuid(work.task.key)

    async def run(self) -> None:
        """Drive the task until it is done, put off, or overtaken by another change."""
        state = self._state()
        if state is None:
            await self._store.drop(self._task)
            return
        events: deque[Event] = deque([Resumed()])
        try:
            while events:
                state, effects = step(state, events.popleft())
                for effect in effects:
                    event = await self._carry_out(effect)
                    if event is not None:
                        events.append(event)
        except StaleState:
            # Whoever overtook us has dropped the task or left it to be taken again.
            await self._store.postpone(self._task, pause=_AT_ONCE)

    def _state(self) -> State | None:
        """Give where the task stands; None if there is nothing left of what it was for.

        Raises StoreError if what the store has of it cannot be read.
        """
        if self._task.kind == "destroy":
            guest = leftover_of(self._task)
            self._uuid = guest.instance
            return Cleaning(guest.leftover)
        if self._body is None:
            return None
        self._instance = read_body(self._body)
        state = state_of(self._instance)
        wanted = Building if self._task.kind == "build" else Deleting
        return state if isinstance(state, wanted) else None

    async def _carry_out(self, effect: Effect) -> Event | None:
        match effect:
            case SendBuild(host, attempt):
                return await self._agents.build(host, self._uuid, attempt=attempt)
            case SendDestroy(host, attempt):
                return await self._agents.destroy(host, self._uuid, attempt=attempt)
            case Record():
                return await self._record(effect)
            case Forget():
                await self._store.drop(self._task)
            case Wait():
                pause = self._settings.pause(self._task.attempt)
                await self._store.postpone(self._task, pause=pause)
        return None

    async def _record(self, effect: Record) -> Event | None:
        if self._instance is None:
            raise StaleState(f"Task {self._task.id} is about no instance.")
        try:
            self._instance = await self._store.record(self._instance, effect)
        except StaleState:
            raise
        except (Conflict, InvalidInput) as error:
            # Full, or a provider or class of the alternate is gone: the next one, then.
            if effect.claim != "move":
                raise
            return ClaimRefused(error.detail)
        return ClaimWon() if effect.claim == "move" else None
