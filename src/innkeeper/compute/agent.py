"""The agent: builds and destroys guests on its hosts as its cell's conductors ask.

Every request may come any number of times, late, or from a conductor that was overtaken. For
one guest, one thing happens at a time.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from innkeeper.bus.cell import CellBus, conductor_subject, host_subject
from innkeeper.bus.messages import (
    Build,
    Destroy,
    FromAgent,
    GuestBuilt,
    GuestDestroyed,
    GuestRefused,
    HostReports,
    ReportsRefused,
    decode_from_conductor,
    decode_to_agent,
    encode,
)
from innkeeper.bus.port import Subscription
from innkeeper.compute.drivers.port import Driver, Guest
from innkeeper.compute.refusals import Refusal, Refusals
from innkeeper.compute.turns import Turns
from innkeeper.core.errors import BuildFailed, BusError, SetupError
from innkeeper.core.ids import HostName, InstanceUuid
from innkeeper.core.report import HostReport

REPORTS_PER_MESSAGE: Final = 200
"""Hosts in one message: some 300 KB, below the 1 MB that a NATS message may have."""
REPORT_TIMEOUT_S: Final = 30.0
"""How long a conductor may take to write the reports of one message."""
REPORT_PAUSE_S: Final = 1.0
"""Pause before reports are sent again that no conductor took."""
REPORT_TRIES: Final = 60
"""How often reports are sent: a minute is enough for conductors that start beside us."""

_log = structlog.get_logger(__name__)


class _Underway(msgspec.Struct, frozen=True):
    """A build that goes on in the driver."""

    attempt: int
    task: asyncio.Task[FromAgent]


class Agent:
    """Serves any number of hosts of one cell."""

    def __init__(
        self,
        bus: CellBus,
        driver: Driver,
        *,
        refusals: Refusals,
        reports: Sequence[HostReport],
    ) -> None:
        """Make it ready to serve the hosts that ``reports`` describe."""
        self._bus = bus
        self._driver = driver
        self._refusals = refusals
        self._reports = tuple(reports)
        self._subscriptions: list[Subscription] = []
        self._turns = Turns()
        self._underway: dict[tuple[HostName, InstanceUuid], _Underway] = {}

    async def start(self) -> None:
        """Listen. Do it before the cell's conductors start, so that none thinks a host silent."""
        for report in self._reports:
            subject = host_subject(self._bus.cell, report.host)
            self._subscriptions.append(await self._bus.subscribe(subject, self._hear))

    async def report(self) -> None:
        """Tell the cell's conductors what the hosts have, until they have taken note of it.

        Raises SetupError if they refuse it, or never answer.
        """
        for at in range(0, len(self._reports), REPORTS_PER_MESSAGE):
            message = encode(HostReports(self._reports[at : at + REPORTS_PER_MESSAGE]))
            await self._report(message)

    async def stop(self) -> None:
        """Listen no more, and leave builds that are under way undone, as a crash does."""
        for subscription in self._subscriptions:
            await subscription.cancel()
        tasks = [build.task for build in self._underway.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _report(self, message: bytes) -> None:
        cell, why = self._bus.cell, ""
        for _ in range(REPORT_TRIES):
            try:
                answer = decode_from_conductor(
                    await self._bus.request(
                        conductor_subject(cell), message, timeout_s=REPORT_TIMEOUT_S
                    )
                )
            except BusError as error:
                why = error.detail
                _log.info("report not taken", cell=cell, error=why)
                await asyncio.sleep(REPORT_PAUSE_S)
                continue
            if isinstance(answer, ReportsRefused):
                raise SetupError(f"The hosts of cell {cell} cannot be noted. {answer.reason}")
            return
        raise SetupError(f"No conductor takes note of the hosts of cell {cell}. {why}")

    async def _hear(self, payload: bytes) -> bytes | None:
        match decode_to_agent(payload):
            case Build() as asked:
                answer = await self._build(asked)
                return None if answer is None else encode(answer)
            case Destroy() as asked:
                return encode(await self._destroy(asked))

    async def _build(self, asked: Build) -> FromAgent | None:
        """Build, or join the build that is under way, or say what became of it.

        What is answered here must stay true: None where that can't be said.
        """
        key = (asked.host, asked.instance)
        before = self._underway.get(key)
        if before is not None and before.attempt < asked.attempt:
            await self._stop_building(key)
            before = self._underway.get(key)
        settled = self._settled(asked, before)
        if settled is not None:
            return settled
        if before is None:
            task = asyncio.create_task(self._run(asked))
            before = self._underway[key] = _Underway(asked.attempt, task)
            task.add_done_callback(lambda done: self._end(key, done))
        # Waited for from outside, so that a conductor that hangs up does not stop the build.
        await asyncio.wait([before.task])
        if not before.task.cancelled():
            return before.task.result()
        # Stopped by a destroy, which is a refusal; or by the end of this agent, which answers
        # nothing: it may be asked again after its restart, and then it would build.
        refusal = self._refusals.reason(asked.host, asked.instance, attempt=asked.attempt)
        return None if refusal is None else GuestRefused(refusal)

    def _settled(self, asked: Build, underway: _Underway | None) -> FromAgent | None:
        """Answer what needs no build: it is refused, overtaken, or its guest is there."""
        refusal = self._refusals.reason(asked.host, asked.instance, attempt=asked.attempt)
        if refusal is not None:
            return GuestRefused(refusal)
        if underway is not None:
            overtaken = underway.attempt > asked.attempt
            return GuestRefused("a later build is under way") if overtaken else None
        guest = self._driver.guest(asked.host, asked.instance)
        return GuestBuilt() if guest is not None and guest.attempt >= asked.attempt else None

    async def _run(self, asked: Build) -> FromAgent:
        guest = Guest(asked.host, instance=asked.instance, attempt=asked.attempt)
        try:
            async with self._turns.turn(asked.host, asked.instance):
                await self._driver.build(guest)
        except BuildFailed as error:
            self._refusals.refuse(
                Refusal(asked.host, asked.instance, attempt=asked.attempt, reason=error.detail)
            )
            return GuestRefused(error.detail)
        return GuestBuilt()

    async def _destroy(self, asked: Destroy) -> FromAgent:
        """Refuse these builds from now on, stop one that is under way, remove its guest."""
        key = (asked.host, asked.instance)
        self._refusals.refuse(
            Refusal(asked.host, asked.instance, attempt=asked.attempt, reason="destroyed")
        )
        underway = self._underway.get(key)
        if underway is not None and underway.attempt <= asked.attempt:
            await self._stop_building(key)
        async with self._turns.turn(asked.host, asked.instance):
            guest = self._driver.guest(asked.host, asked.instance)
            if guest is not None and guest.attempt <= asked.attempt:
                await self._driver.destroy(asked.host, asked.instance)
        return GuestDestroyed()

    async def _stop_building(self, key: tuple[HostName, InstanceUuid]) -> None:
        underway = self._underway.get(key)
        if underway is not None:
            underway.task.cancel()
            await asyncio.wait([underway.task])
            self._end(key, underway.task)

    def _end(self, key: tuple[HostName, InstanceUuid], done: asyncio.Task[FromAgent]) -> None:
        underway = self._underway.get(key)
        if underway is not None and underway.task is done:
            del self._underway[key]
