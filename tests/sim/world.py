"""A small cloud in virtual time: two cells, conductors that compete, agents, and clients."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

from innkeeper.bus.cell import CellBus
from innkeeper.bus.memory import MemoryBus
from innkeeper.compute.agent import Agent
from innkeeper.compute.drivers.port import Guest
from innkeeper.compute.drivers.simulated import Behaviour, SimulatedDriver
from innkeeper.compute.refusals import Refusals
from innkeeper.conductor.api import ApiConductor
from innkeeper.conductor.cell import CellConductor
from innkeeper.conductor.cell_store import CellStore
from innkeeper.conductor.cell_watch import CellWatch
from innkeeper.conductor.hosts import register_hosts
from innkeeper.conductor.settings import ConductorSettings
from innkeeper.core.errors import BuildFailed
from innkeeper.core.ids import CellName, HostName, InstanceUuid, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.report import HostReport, ProviderReport
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.index import Index
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from tests.sim.faults import NO_FAULTS, Faults, FaultyBus
from tests.sim.virtual import VirtualLoop, VirtualStore

CELLS: Final = (CellName("a"), CellName("b"))
HOSTS_PER_CELL: Final = 4
GPUS_PER_HOST: Final = 2
CONDUCTORS_PER_CELL: Final = 2
FAILURE_RATE: Final = 0.2

SETTINGS: Final = ConductorSettings(
    concurrency=8, poll_s=4.0, lease_s=15.0, build_timeout_s=10.0, destroy_timeout_s=5.0
)

SPEC: Final = RequestSpec(
    CandidateRequest(
        (
            RequestGroup("", (("MEMORY_MB", 512), ("VCPU", 1))),
            RequestGroup("_GPU", (("CUSTOM_GPU_MILLI", 500),)),
        )
    ),
    project_id="p",
    user_id="u",
)


def uuid_of(name: str) -> RpUuid:
    return RpUuid(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))


def report_of(host: HostName) -> HostReport:
    root = ProviderReport(
        uuid_of(host), host, (Inventory("VCPU", total=6), Inventory("MEMORY_MB", total=8192))
    )
    gpus = (
        ProviderReport(
            uuid_of(f"{host}/{number}"),
            f"{host}_gpu{number}",
            (Inventory("CUSTOM_GPU_MILLI", total=1000),),
            traits=("CUSTOM_GPU",),
            parent=root.uuid,
        )
        for number in range(GPUS_PER_HOST)
    )
    return HostReport(host, (root, *gpus))


def reports_of(cell: CellName) -> list[HostReport]:
    return [report_of(HostName(f"{cell}{number}")) for number in range(HOSTS_PER_CELL)]


class CountingDriver(SimulatedDriver):
    """Counts the guests that were really made, by instance and attempt, over all restarts.

    A build that failed may succeed if it is repeated: whoever repeats it will be found out.
    """

    made: Counter[tuple[InstanceUuid, int]]
    random: Random

    async def build(self, guest: Guest) -> None:
        there = self.guest(guest.host, guest.instance) is not None
        if not there and self.random.random() < FAILURE_RATE:
            await asyncio.sleep(self.random.uniform(0.0, 8.0))
            raise BuildFailed("bad luck")
        await super().build(guest)
        if not there:
            self.made[guest.instance, guest.attempt] += 1


class World:
    """Everything there is. Restart parts of it as you like."""

    def __init__(self, loop: VirtualLoop, folder: Path, seed: int) -> None:
        self.loop = loop
        self.folder = folder
        self.random = Random(seed)
        self.seed = seed
        store = VirtualStore.open(f"sqlite:///{folder / 'db'}", clock=loop.clock, writer_id="w")
        assert isinstance(store, VirtualStore)
        self.store = store
        self.index = Index()
        self.bus = FaultyBus(MemoryBus(), self.random)
        self.watch = CellWatch(store, clock=loop.clock)
        scheduler = Scheduler(
            self.index,
            settings=SchedulerSettings(),
            random=Random(seed),
            cells=self.watch.cells,
        )
        self.api = ApiConductor(
            store,
            scheduler,
            bus=self.bus,
            watch=self.watch,
            new_uuid=lambda: InstanceUuid(str(uuid.UUID(int=self.random.getrandbits(128)))),
        )
        self.behaviour = Behaviour(build_s=4.0, build_sigma=0.8)
        self.made: Counter[tuple[InstanceUuid, int]] = Counter()
        self.drivers: dict[CellName, CountingDriver] = {}
        self.refusals: dict[CellName, Refusals] = {}
        self.agents: dict[CellName, Agent] = {}
        self.conductors: dict[tuple[CellName, int], CellConductor] = {}
        self.started = 0

    def set_faults(self, faults: Faults) -> None:
        self.bus.faults = faults
        self.store.random = self.random
        self.store.latency = faults.latency

    async def start(self) -> None:
        self.index.apply(self.store.load())
        self.store.start(self.index.apply)
        for cell in CELLS:
            await register_hosts(self.store, cell, reports_of(cell))
            await self.start_agent(cell)
            for number in range(CONDUCTORS_PER_CELL):
                await self.start_conductor(cell, number)
        await self.watch.start()

    async def stop(self) -> None:
        self.set_faults(NO_FAULTS)
        for cell, number in list(self.conductors):
            await self.crash_conductor(cell, number)
        for cell in CELLS:
            await self.crash_agent(cell)
        await self.watch.stop()
        await self.bus.close()
        await self.store.close()

    async def start_agent(self, cell: CellName) -> None:
        self.drivers[cell] = driver = CountingDriver(
            self.behaviour, seed=self.seed, journal=self.folder / f"{cell}.guests"
        )
        driver.made = self.made
        driver.random = self.random
        self.refusals[cell] = Refusals(self.folder / f"{cell}.refusals")
        self.agents[cell] = agent = Agent(
            CellBus(self.bus, cell),
            driver,
            refusals=self.refusals[cell],
            reports=reports_of(cell),
        )
        await agent.start()

    async def crash_agent(self, cell: CellName) -> None:
        """Stop an agent; what it has on disk is all that the next one will know."""
        await self.agents[cell].stop()
        self.drivers[cell].close()
        self.refusals[cell].close()

    async def start_conductor(self, cell: CellName, number: int) -> None:
        self.started += 1
        conductor = CellConductor(
            CellStore(self.store, cell),
            CellBus(self.bus, cell),
            owner=f"{cell}-{number}-{self.started}",
            settings=SETTINGS,
        )
        self.conductors[cell, number] = conductor
        await conductor.start()

    async def crash_conductor(self, cell: CellName, number: int) -> None:
        await self.conductors.pop((cell, number)).abandon()

    def guests(self) -> Collection[Guest]:
        return [
            guest
            for cell in CELLS
            for report in reports_of(cell)
            for guest in self.drivers[cell].guests(report.host)
        ]

    async def sleep_upto(self, longest_s: float) -> None:
        await asyncio.sleep(self.random.uniform(0.0, longest_s))


@asynccontextmanager
async def running(loop: VirtualLoop, folder: Path, seed: int) -> AsyncIterator[World]:
    world = World(loop, folder, seed)
    await world.start()
    try:
        yield world
    finally:
        await world.stop()
