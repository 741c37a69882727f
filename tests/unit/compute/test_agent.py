"""The agent, asked anything, twice, late and in any order."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from innkeeper.bus.cell import CellBus, conductor_subject, host_subject
from innkeeper.bus.memory import MemoryBus
from innkeeper.bus.messages import (
    Build,
    Destroy,
    FromAgent,
    GuestBuilt,
    GuestDestroyed,
    GuestRefused,
    HostReports,
    Noted,
    ReportsRefused,
    ToAgent,
    decode_from_agent,
    decode_to_conductor,
    encode,
)
from innkeeper.compute.agent import REPORT_PAUSE_S, REPORT_TRIES, REPORTS_PER_MESSAGE, Agent
from innkeeper.compute.drivers.port import Guest
from innkeeper.compute.drivers.simulated import Behaviour, SimulatedDriver
from innkeeper.compute.refusals import Refusals
from innkeeper.core.errors import RequestTimeout, SetupError
from innkeeper.core.ids import CellName, HostName, InstanceUuid, RpUuid
from innkeeper.core.report import HostReport, ProviderReport
from tests.sim.virtual import VirtualLoop, run

CELL = CellName("a")
HOST = HostName("h")
ONE = InstanceUuid("i")
SLOW = Behaviour(build_s=10.0)
FAILING = Behaviour(build_s=10.0, failure_rate=1.0)


class Overlap(SimulatedDriver):
    """Notes the builds that it really does, and refuses to do two things to one guest at once."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour, seed=1)
        self.builds = 0
        self.busy: Counter[InstanceUuid] = Counter()

    async def build(self, guest: Guest) -> None:
        self.builds += 1
        await self._alone(guest.instance, super().build(guest))

    async def destroy(self, host: HostName, instance: InstanceUuid) -> None:
        await self._alone(instance, super().destroy(host, instance))

    async def _alone(self, instance: InstanceUuid, act: Awaitable[None]) -> None:
        self.busy[instance] += 1
        try:
            assert self.busy[instance] == 1
            await act
        finally:
            self.busy[instance] -= 1


class Desk:
    """An agent of one host, and who asks it."""

    def __init__(self, behaviour: Behaviour, journal: Path | None = None) -> None:
        self.bus = MemoryBus()
        self.driver = Overlap(behaviour)
        self.journal = journal
        self.agent = self.new_agent()

    def new_agent(self) -> Agent:
        report = HostReport(HOST, (ProviderReport(RpUuid("u"), "h"),))
        self.refusals = Refusals(self.journal)
        return Agent(CellBus(self.bus, CELL), self.driver, refusals=self.refusals, reports=[report])

    async def ask(self, message: ToAgent, timeout_s: float = 1000.0) -> FromAgent:
        subject = host_subject(CELL, HOST)
        answer = await self.bus.request(subject, encode(message), timeout_s=timeout_s)
        return decode_from_agent(answer)

    def build(self, attempt: int = 1) -> Awaitable[FromAgent]:
        return self.ask(Build(HOST, ONE, attempt))

    def destroy(self, attempt: int = 1) -> Awaitable[FromAgent]:
        return self.ask(Destroy(HOST, ONE, attempt))

    @property
    def attempts(self) -> list[int]:
        return [guest.attempt for guest in self.driver.guests(HOST)]


def at_desk(
    test: Callable[[Desk, VirtualLoop], Awaitable[None]],
    behaviour: Behaviour = SLOW,
    journal: Path | None = None,
) -> None:
    async def main(loop: VirtualLoop) -> None:
        desk = Desk(behaviour, journal)
        await desk.agent.start()
        await test(desk, loop)
        await desk.agent.stop()
        await desk.bus.close()

    run(main)


def test_a_build_takes_its_time_and_makes_a_guest() -> None:
    async def test(desk: Desk, loop: VirtualLoop) -> None:
        assert await desk.build() == GuestBuilt()
        assert loop.time() == 10.0
        assert desk.attempts == [1]

    at_desk(test)


def test_asked_twice_it_builds_once() -> None:
    async def test(desk: Desk, loop: VirtualLoop) -> None:
        assert await asyncio.gather(desk.build(), desk.build()) == [GuestBuilt()] * 2
        assert await desk.build() == GuestBuilt()
        assert desk.driver.builds == 1
        assert loop.time() == 10.0

    at_desk(test)


def test_a_build_goes_on_when_its_conductor_gives_up() -> None:
    async def test(desk: Desk, _loop: VirtualLoop) -> None:
        with pytest.raises(RequestTimeout):
            await desk.ask(Build(HOST, ONE, 1), timeout_s=3.0)
        assert desk.attempts == []
        assert await desk.build() == GuestBuilt()
        assert desk.driver.builds == 1

    at_desk(test)


def test_a_failure_leaves_no_guest_and_is_final_for_its_attempt(tmp_path: Path) -> None:
    async def test(desk: Desk, _loop: VirtualLoop) -> None:
        assert await desk.build() == GuestRefused("simulated failure")
        assert await desk.build() == GuestRefused("simulated failure")
        await desk.agent.stop()
        desk.refusals.close()
        desk.agent = desk.new_agent()
        await desk.agent.start()
        assert await desk.build() == GuestRefused("simulated failure")
        assert desk.driver.builds == 1
        assert await desk.build(2) == GuestRefused("simulated failure")
        assert desk.driver.builds == 2
        assert desk.attempts == []

    at_desk(test, FAILING, tmp_path / "refusals")


def test_a_build_that_comes_after_its_destroy_is_refused(tmp_path: Path) -> None:
    async def test(desk: Desk, _loop: VirtualLoop) -> None:
        assert await desk.destroy(2) == GuestDestroyed()
        assert await desk.build(1) == GuestRefused("destroyed")
        assert await desk.build(2) == GuestRefused("destroyed")
        assert await desk.build(3) == GuestBuilt()

    at_desk(test, journal=tmp_path / "refusals")


def test_a_destroy_stops_the_build() -> None:
    async def test(desk: Desk, loop: VirtualLoop) -> None:
        build = asyncio.ensure_future(desk.build())
        await asyncio.sleep(3.0)
        assert await desk.destroy() == GuestDestroyed()
        assert await build == GuestRefused("destroyed")
        assert loop.time() == 3.0
        assert desk.attempts == []

    at_desk(test)


def test_a_late_destroy_spares_the_guest_of_a_later_build() -> None:
    async def test(desk: Desk, _loop: VirtualLoop) -> None:
        assert await desk.build(3) == GuestBuilt()
        assert await desk.destroy(1) == GuestDestroyed()
        assert desk.attempts == [3]
        assert await desk.destroy(3) == GuestDestroyed()
        assert desk.attempts == []

    at_desk(test)


def test_a_later_build_takes_the_guest_over() -> None:
    async def test(desk: Desk, loop: VirtualLoop) -> None:
        assert await desk.build(1) == GuestBuilt()
        assert await desk.build(2) == GuestBuilt()
        assert loop.time() == 10.0
        assert await desk.destroy(1) == GuestDestroyed()
        assert desk.attempts == [2]
        assert await desk.build(1) == GuestRefused("destroyed")

    at_desk(test)


def test_a_later_build_ends_the_one_under_way() -> None:
    async def test(desk: Desk, _loop: VirtualLoop) -> None:
        first = asyncio.ensure_future(desk.ask(Build(HOST, ONE, 1), timeout_s=100.0))
        await asyncio.sleep(1.0)
        second = asyncio.ensure_future(desk.build(2))
        await asyncio.sleep(1.0)
        assert isinstance(await desk.build(1), GuestRefused)
        assert await second == GuestBuilt()
        assert desk.attempts == [2]
        with pytest.raises(RequestTimeout):
            await first

    at_desk(test)


def test_an_agent_that_stops_promises_nothing() -> None:
    async def test(desk: Desk, _loop: VirtualLoop) -> None:
        build = asyncio.ensure_future(desk.build())
        await asyncio.sleep(1.0)
        await desk.agent.stop()
        with pytest.raises(RequestTimeout):
            await build

    at_desk(test)


requests = st.lists(
    st.tuples(st.sampled_from([Build, Destroy]), st.integers(1, 3), st.floats(0.0, 30.0, width=16)),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(requests, st.sampled_from([SLOW, FAILING, Behaviour(build_s=5.0, failure_rate=0.5)]))
def test_any_requests_leave_what_their_answers_say(
    asked: list[tuple[type[ToAgent], int, float]], behaviour: Behaviour
) -> None:
    async def test(desk: Desk, _loop: VirtualLoop) -> None:
        async def one(kind: type[ToAgent], attempt: int, at_s: float) -> None:
            await asyncio.sleep(at_s)
            answers.append((kind, attempt, await desk.ask(kind(HOST, ONE, attempt), 100.0)))

        answers: list[tuple[type[ToAgent], int, FromAgent]] = []
        await asyncio.gather(*(one(*each) for each in asked), return_exceptions=True)
        gone = max((a for kind, a, _ in answers if kind is Destroy), default=0)
        failed = [a for _, a, answer in answers if answer == GuestRefused("simulated failure")]
        built = [a for _, a, answer in answers if answer == GuestBuilt() and a > gone]
        assert all(attempt > gone for attempt in desk.attempts)
        assert not set(desk.attempts) & set(failed)
        assert bool(desk.attempts) == bool(built)

    at_desk(test, behaviour)


def test_reports_are_sent_until_they_are_taken() -> None:
    async def main(_loop: VirtualLoop) -> None:
        bus = MemoryBus()
        count = REPORTS_PER_MESSAGE + 1
        reports = [
            HostReport(HostName(f"h{n}"), (ProviderReport(RpUuid(f"u{n}"), f"h{n}"),))
            for n in range(count)
        ]
        driver = SimulatedDriver(SLOW, seed=1)
        agent = Agent(CellBus(bus, CELL), driver, refusals=Refusals(), reports=reports)
        reporting = asyncio.ensure_future(agent.report())
        await asyncio.sleep(5.0)
        heard: list[HostReport] = []

        async def hear(payload: bytes) -> bytes | None:
            message = decode_to_conductor(payload)
            assert isinstance(message, HostReports)
            heard.extend(message.reports)
            return encode(Noted())

        await bus.subscribe(conductor_subject(CELL), hear)
        await reporting
        assert heard == reports
        await bus.close()

    run(main)


def test_reports_that_are_refused_are_not_sent_again() -> None:
    async def refuse(_payload: bytes) -> bytes:
        return encode(ReportsRefused("The name h is taken."))

    async def test(desk: Desk, loop: VirtualLoop) -> None:
        await desk.bus.subscribe(conductor_subject(CELL), refuse)
        with pytest.raises(SetupError, match="The name h is taken"):
            await desk.agent.report()
        assert loop.time() == 0.0

    at_desk(test)


def test_reports_that_nobody_takes_are_given_up() -> None:
    async def test(desk: Desk, loop: VirtualLoop) -> None:
        with pytest.raises(SetupError, match="Nobody listens"):
            await desk.agent.report()
        assert loop.time() == REPORT_TRIES * REPORT_PAUSE_S

    at_desk(test)
