"""The desk: requests that come in one turn of the loop are served in the next, like with like.

Callers whose claims were written in one commit come back together, and often for more of the same.
"""

import asyncio
from collections.abc import Sequence

from innkeeper.core.request_spec import RequestSpec
from innkeeper.scheduler.flight import Flight
from innkeeper.scheduler.picking import Job, Picker
from innkeeper.scheduler.slot import Slot


class _Order:
    """What one request waits for."""

    __slots__ = ("flight", "job", "served", "slots")

    def __init__(
        self, job: Job, slots: Sequence[Slot], flight: Flight, served: asyncio.Future[bool]
    ) -> None:
        self.job, self.slots, self.flight, self.served = job, slots, flight, served


class Desk:
    """Gives requests their picks. Belongs to the loop thread."""

    def __init__(self, picker: Picker) -> None:
        self._picker = picker
        self._waiting: list[_Order] = []

    async def serve(self, job: Job, slots: Sequence[Slot], flight: Flight) -> bool:
        """Give each slot a pick that is held and that the flight carries.

        False if there is none for one of them; then the flight has settled.
        """
        loop = asyncio.get_running_loop()
        order = _Order(job, slots, flight, loop.create_future())
        if not self._waiting:
            loop.call_soon(self._serve_all)
        self._waiting.append(order)
        return await order.served

    def _serve_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        alike: dict[RequestSpec, list[_Order]] = {}
        for order in waiting:
            if not order.served.done():  # Its caller may have gone meanwhile.
                alike.setdefault(order.job.spec, []).append(order)
        for orders in alike.values():
            try:
                self._serve(orders)
            except Exception as error:  # Theirs alone, as it would be if they had no desk.
                for order in orders:
                    if not order.served.done():
                        order.served.set_exception(error)

    def _serve(self, orders: Sequence[_Order]) -> None:
        """Serve orders of one job, the first first; none of them gets a part of what it asks."""
        left = [(order, slot) for order in orders for slot in order.slots]
        while left:
            slots = [slot for _, slot in left]
            try:
                found = self._picker.pick_all(orders[0].job, slots)
            finally:
                for order, slot in left:
                    if slot.pick is not None:
                        order.flight.carry(slot.pick)
            left = left[found:]
            if left:
                refused = left[0][0]
                refused.flight.settle()
                refused.served.set_result(False)
                left = [each for each in left if each[0] is not refused]
        for order in orders:
            if not order.served.done():
                order.served.set_result(True)
