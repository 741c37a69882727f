"""Eager: a coroutine is begun at once, and becomes a task only if it has to wait.

Most requests are answered out of memory and never wait; for these a task, and the two turns of the
loop that it takes, would cost more than many an answer. (Python 3.12 can do it by itself.) What
runs before the first wait is in no task, so it must not open an ``asyncio.timeout``.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

Work = Coroutine[Any, Any, None]


def begin(work: Work, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None] | None:
    """Run ``work`` to where it has to wait; give the task that is left of it, or None.

    Raises what ``work`` raises up to there.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return loop.create_task(_Rest(work, waits_for))


class _Rest(Coroutine[Any, Any, None]):
    """A coroutine that has begun, as one that has not: its first step is the wait."""

    __slots__ = ("_is_told", "_waits_for", "_work")

    def __init__(self, work: Work, waits_for: object) -> None:
        self._work = work
        self._waits_for = waits_for
        self._is_told = False

    def send(self, value: object) -> Any:  # noqa: ANN401 - as of any coroutine
        """Say what it waits for; after that, go on."""
        if self._is_told:
            return self._work.send(value)
        self._is_told = True
        return self._waits_for

    def throw(self, *error: Any) -> Any:  # noqa: ANN401
        """Raise an error where it waits."""
        self._is_told = True
        return self._work.throw(*error)

    def close(self) -> None:
        """End it where it waits."""
        self._work.close()

    def __await__(self) -> Generator[Any, Any, None]:
        """Refuse: it is the work of a task."""
        raise NotImplementedError
