"""The event loop that long commands run on."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Final, TypeVar

import uvloop

SWITCH_INTERVAL_S: Final = 0.0005
"""How long a thread may keep the interpreter from another. The store's writer asks for it after
each statement; Python's 5 ms would make it wait for the loop many times in one transaction."""

Result = TypeVar("Result")


def run(work: Coroutine[object, object, Result]) -> Result:
    """Run ``work`` to its end on the fast loop; give its result."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
