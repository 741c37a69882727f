"""The same parts on a real loop with the store's own threads: many builds at once, some fail."""

import asyncio
import uuid
from collections import Counter
from pathlib import Path
from random import Random

from innkeeper.bus.cell import CellBus
from innkeeper.bus.memory import MemoryBus
from innkeeper.compute.agent import Agent
from innkeeper.compute.drivers.simulated import Behaviour, SimulatedDriver
from innkeeper.compute.refusals import Refusals
from innkeeper.conductor.api import ApiConductor
from innkeeper.conductor.cell import CellConductor
from innkeeper.conductor.cell_store import CellStore
from innkeeper.conductor.cell_watch import CellWatch
from innkeeper.conductor.settings import ConductorSettings
from innkeeper.core.ids import InstanceUuid
from innkeeper.core.picture import Picture
from innkeeper.index.index import Index
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.store import tasks
from innkeeper.store.audit import audit
from innkeeper.store.store import Store
from tests.sim.virtual import EPOCH
from tests.sim.world import CELLS, SPEC, reports_of

INSTANCES = 28
"""Of 32 places."""


async def test_many_builds_at_once_come_to_rest(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/db", clock=lambda: EPOCH, writer_id="w")
    index = Index()
    index.apply(store.load())
    committed = asyncio.Event()

    def follow(picture: Picture) -> None:
        index.apply(picture)
        committed.set()

    store.start(follow)
    bus = MemoryBus()
    watch = CellWatch(store, clock=lambda: EPOCH)
    scheduler = Scheduler(index, settings=SchedulerSettings(), random=Random(1), cells=watch.cells)
    api = ApiConductor(
        store, scheduler, bus=bus, watch=watch, new_uuid=lambda: InstanceUuid(str(uuid.uuid4()))
    )
    drivers = []
    stops = []
    for cell in CELLS:
        cell_bus = CellBus(bus, cell)
        driver = SimulatedDriver(Behaviour(failure_rate=0.2), seed=1)
        agent = Agent(cell_bus, driver, refusals=Refusals(), reports=reports_of(cell))
        conductor = CellConductor(
            CellStore(store, cell), cell_bus, owner=cell, settings=ConductorSettings(concurrency=8)
        )
        await agent.start()
        await conductor.start()
        await agent.report()
        drivers.append(driver)
        stops += [conductor.stop, agent.stop]
    await watch.start()

    await asyncio.gather(*(api.create_instances(SPEC, [f"vm-{n}"]) for n in range(INSTANCES)))
    while await store.read(tasks.waiting):
        committed.clear()
        if await store.read(tasks.waiting):
            await committed.wait()

    page = await api.list_instances()
    assert len(page.instances) == INSTANCES
    assert {i.status for i in page.instances} <= {"ACTIVE", "ERROR"}
    assert Counter(i.uuid for i in page.instances if i.status == "ACTIVE") == Counter(
        guest.instance
        for driver, cell in zip(drivers, CELLS, strict=True)
        for report in reports_of(cell)
        for guest in driver.guests(report.host)
    )
    assert any(i.attempts for i in page.instances)
    assert (await store.read(audit)).findings == ()
    for stop in stops:
        await stop()
    await watch.stop()
    await bus.close()
    await store.close()
