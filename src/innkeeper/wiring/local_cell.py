"""A cell inside this process: its conductor, and one agent for all of its hosts."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from innkeeper.bus.cell import CellBus
from innkeeper.bus.port import Bus
from innkeeper.compute.agent import Agent
from innkeeper.compute.drivers.simulated import Behaviour, SimulatedDriver
from innkeeper.compute.refusals import Refusals
from innkeeper.conductor.cell import CellConductor
from innkeeper.conductor.cell_store import CellStore
from innkeeper.conductor.settings import ConductorSettings
from innkeeper.config import Config
from innkeeper.core.ids import CellName
from innkeeper.core.report import HostReport
from innkeeper.obs.tallies import Tallies
from innkeeper.store.open_store import OpenStore


class LocalCell:
    """A conductor and an agent, which know the store and the bus of their own cell only."""

    def __init__(
        self,
        name: CellName,
        reports: Sequence[HostReport],
        *,
        config: Config,
        store: OpenStore,
        bus: Bus,
        tallies: Tallies,
    ) -> None:
        """Make them ready to serve the hosts that ``reports`` describe."""
        self.name = name
        # Opening a journal compacts it, so the directory must be ours already: it is locked.
        directory = config.data_path
        cell_bus = CellBus(bus, name)
        self.driver = SimulatedDriver(
            Behaviour(
                build_s=config.simulation.build_s,
                build_sigma=config.simulation.build_sigma,
                failure_rate=config.simulation.failure_rate,
            ),
            seed=config.simulation.seed,
            journal=guests_journal(directory, name),
        )
        self._refusals = Refusals(directory / f"refusals-{name}.journal")
        self._agent = Agent(cell_bus, self.driver, refusals=self._refusals, reports=reports)
        self._conductor = CellConductor(
            CellStore(store, name),
            cell_bus,
            owner=f"{name}-1",
            settings=ConductorSettings(poll_s=config.cells.poll_s, lease_s=config.cells.lease_s),
            tally=tallies.builds.add,
        )

    @property
    def busy(self) -> int:
        """How many builds and the like are being driven now."""
        return self._conductor.busy

    async def start(self) -> None:
        """Begin to serve; the hosts are known to the store when this returns."""
        await self._agent.start()
        await self._conductor.start()
        await self._agent.report()

    async def stop(self) -> None:
        """Stop; what is under way goes on when the cell is started again."""
        async with AsyncExitStack() as stack:
            stack.callback(self._refusals.close)
            stack.callback(self.driver.close)
            stack.push_async_callback(self._agent.stop)
            await self._conductor.stop(last=True)


def guests_journal(directory: Path, cell: CellName) -> Path:
    """Give the file that holds the guests of a cell's simulated hosts."""
    return directory / f"guests-{cell}.journal"
