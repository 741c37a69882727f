"""Trimming goes on, whatever one turn of it meets."""

import asyncio
from typing import cast

from innkeeper.store.store import Store
from innkeeper.wiring.trimming import EVERY_S, Trimming
from tests.sim.virtual import VirtualLoop, run


class Broken:
    """A store that cannot be trimmed, for a reason that nobody has thought of."""

    def __init__(self) -> None:
        self.asked = 0

    async def trim(self) -> bool:
        self.asked += 1
        raise ZeroDivisionError


def test_a_turn_that_fails_is_not_the_last() -> None:
    async def main(_loop: VirtualLoop) -> None:
        store = Broken()
        trimming = Trimming(cast("Store", store))
        trimming.start()
        await asyncio.sleep(2.5 * EVERY_S)
        await trimming.stop()
        assert store.asked == 2

    run(main)
