"""Runs: what this process has done lately in the background, so that a GET can tell how it went.

They live in memory only. One that is under way must never be lost sight of.
"""

import asyncio
from collections.abc import Awaitable
from typing import Generic, Protocol, TypeVar

from innkeeper.obs.fence import fenced


class Run(Protocol):
    """What is kept of a run; each change of it is another value of the same id."""

    @property
    def id(self) -> str:
        """Its id, which no other run has."""

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on in the background."""


_Run = TypeVar("_Run", bound=Run)


class Runs(Generic[_Run]):
    """The latest runs of one kind, and their tasks."""

    def __init__(self, most: int) -> None:
        """Keep ``most`` of them; no more than one may be under way at once."""
        self._most = most
        self._kept: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, run: _Run) -> None:
        """Keep a run, in place of what was kept of it; forget the oldest that has ended."""
        self._kept[run.id] = run
        if len(self._kept) > self._most:
            ended = (each.id for each in self._kept.values() if not each.is_under_way)
            del self._kept[next(ended)]

    def get(self, run_id: str) -> _Run | None:
        """Give a run, or None if there is none of that id any more."""
        return self._kept.get(run_id)

    def latest(self) -> tuple[_Run, ...]:
        """Give those that are kept, the newest first."""
        return tuple(reversed(self._kept.values()))

    def under_way(self) -> _Run | None:
        """Give the one that is under way, if there is one."""
        return next((run for run in self._kept.values() if run.is_under_way), None)

    def start(self, work: Awaitable[None], *, failed: str, run_id: str) -> None:
        """Do ``work`` in the background; log ``failed`` if it raises anything."""
        task = asyncio.create_task(fenced(work, failed=failed, id=run_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks)
