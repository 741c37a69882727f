"""The event loop that long commands run on."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Final, TypeVar

import uvloop

from innkeeper.wiring.memory import keep_freed

SWITCH_INTERVAL_S: Final = 0.0005
"""How long a thread may keep the interpreter from another. A commit's thread asks for it when the
disk is done; Python's 5 ms would keep those who wait for their answer as long again."""

Result = TypeVar("Result")


YOUNG_OBJECTS: Final = 20_000
"""New objects after which Python looks for garbage among them. A batch of requests under way has
some 5,000, none of it garbage; at Python's 700 they would be looked through again and again."""


def settle() -> None:
    """Say that what the process has loaded by now stays as long as the process does.

    Python looks through all of it for garbage otherwise, again and again: 45 ms for the code alone,
    and longer with every provider, for which every request waits, and loading a store too.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def run(work: Coroutine[object, object, Result]) -> Result:
    """Run ``work`` to its end on the fast loop; give its result."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    keep_freed()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
