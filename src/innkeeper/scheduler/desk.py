"""The desk: requests that come in one turn of the loop are served in the next, like with like.

Callers whose claims were written in one commit come back together, and often for more of the same.
Of several kinds, the one that was asked for first is served first; who came first of all is then
not always who is served first, but nobody waits for those of a later turn.
"""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from innkeeper.core.request_spec import RequestSpec
from innkeeper.scheduler.flight import Flight
from innkeeper.scheduler.picking import Job, Picker
from innkeeper.scheduler.slot import Slot

_Outcome: TypeAlias = bool | Exception
"""Whether all is found that was asked for, or what went wrong."""


class _Order:
    """What one request waits for."""

    __slots__ = ("flight", "job", "served", "slots")

    def __init__(
        self, job: Job, slots: Sequence[Slot], flight: Flight, served: asyncio.Future[_Outcome]
    ) -> None:
        self.job, self.slots, self.flight, self.served = job, slots, flight, served


class Desk:
    """Gives requests their picks. Belongs to the loop thread."""

    def __init__(self, picker: Picker) -> None:
        self._picker = picker
        self._waiting: dict[RequestSpec, list[_Order]] = {}

    async def serve(self, job: Job, slots: Sequence[Slot], flight: Flight) -> bool:
        """Give each slot a pick that is held and that the flight carries.

        False if there is none for one of them; then the flight has settled. Raises what filters and
        weighers of the operator's own raise.
        """
        loop = asyncio.get_running_loop()
        order = _Order(job, slots, flight, loop.create_future())
        is_first = not self._waiting
        self._waiting.setdefault(job.spec, []).append(order)
        if is_first:
            loop.call_soon(self._serve_all)
        outcome = await order.served
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _serve_all(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for orders in waiting.values():
            # Who asked may have gone meanwhile.
            self._serve([order for order in orders if not order.served.done()])

    def _serve(self, orders: Sequence[_Order]) -> None:
        """Serve orders of one spec, the first first; none of them gets a part of what it asks."""
        left = [(order, slot) for order in orders for slot in order.slots]
        while left:
            outcome: _Outcome = False
            try:
                self._picker.pick_all(left[0][0].job, [slot for _, slot in left])
            except Exception as error:  # fence: desk
                # It is told to whose slot it was; the others are still tried.
                outcome = error
            refused = None
            for order, slot in left:
                if slot.pick is None:
                    refused = order
                    break
                order.flight.carry(slot.pick)
            if refused is not None:
                refused.flight.settle()
                refused.served.set_result(outcome)
            left = [each for each in left if each[1].pick is None and each[0] is not refused]
        for order in orders:
            if not order.served.done():
                order.served.set_result(True)
