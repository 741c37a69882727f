"""The event loop that long commands run on."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import uvloop

Result = TypeVar("Result")


def run(work: Coroutine[object, object, Result]) -> Result:
    """Run ``work`` to its end on the fast loop; give its result."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
