"""The whole system in one process: store, index, scheduler, cells, agents and HTTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

from innkeeper.config import Config
from innkeeper.core.ids import CellName
from innkeeper.core.report import HostReport
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.store.dialects.backend import shown
from innkeeper.store.store import Store
from innkeeper.wiring.directory import own
from innkeeper.wiring.endpoint import Endpoint, remove_endpoint, write_endpoint
from innkeeper.wiring.local_cell import LocalCell
from innkeeper.wiring.parts import Parts, limits_of, make_parts, open_store
from innkeeper.wiring.ports import Ports
from innkeeper.wiring.serve import HttpServer
from innkeeper.wiring.trimming import Trimming


@dataclass(frozen=True, slots=True)
class System:
    """A system that runs."""

    parts: Parts
    cells: tuple[LocalCell, ...]
    http: HttpServer
    url: str
    """Where its APIs are."""
    placement_url: str
    """Where the Placement API is alone, at the root; "" if nowhere."""


@asynccontextmanager
async def running(
    config: Config,
    hosts: Mapping[CellName, Sequence[HostReport]],
    *,
    scheduling: SchedulerSettings,
    random: Random,
) -> AsyncIterator[System]:
    """Run the whole system while the block lasts; what runs stops in the reverse order.

    Without ``hosts`` there are no cells, and it is an API process. Raises SetupError if a
    port or the data directory cannot be had.
    """
    async with AsyncExitStack() as stack:
        # The ports first: they are the quickest to find out, and nothing is to be undone.
        ports = Ports.bind(config)
        stack.callback(ports.release)
        stack.enter_context(own(config.data_path, config.database_url))
        store = open_store(config)
        system = await stack.enter_async_context(
            serving(config, hosts, store=store, ports=ports, scheduling=scheduling, random=random)
        )
        endpoint = Endpoint(system.url, system.parts.server, shown(config.database_url))
        write_endpoint(config.data_path, endpoint)
        stack.callback(remove_endpoint, config.data_path)
        yield system


@asynccontextmanager
async def serving(
    config: Config,
    hosts: Mapping[CellName, Sequence[HostReport]],
    *,
    store: Store,
    ports: Ports,
    scheduling: SchedulerSettings,
    random: Random,
    server: str | None = None,
) -> AsyncIterator[System]:
    """Run the system on a store that is open, which is closed in the end, and on ports.

    ``server`` is the id of this run; None: a new one.
    """
    ready = _Ready()
    http, placement = ports.http, ports.placement
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        parts = make_parts(
            config, store, scheduling=scheduling, random=random, is_ready=ready, server=server
        )
        store.measure(parts.tallies.committed)
        store.start(parts.index.apply)
        trimming = Trimming(store)
        stack.push_async_callback(trimming.stop)
        trimming.start()
        stack.push_async_callback(parts.bus.close)
        stack.push_async_callback(parts.access.authenticator.close)
        cells = []
        for name, reports in hosts.items():
            cell = LocalCell(
                name, reports, config=config, store=store, bus=parts.bus, tallies=parts.tallies
            )
            cells.append(cell)
            # Before its start, which may fail or be cut short half-way.
            stack.push_async_callback(cell.stop)
            await cell.start()
        stack.push_async_callback(parts.watch.stop)
        await parts.watch.start()
        stack.push_async_callback(parts.audits.stop)
        stack.push_async_callback(parts.repairs.stop)
        stack.push_async_callback(http.stop)
        await http.start(parts.app, limits=limits_of(config))
        if placement is not None:
            stack.push_async_callback(placement.stop)
            await placement.start(parts.placement, limits=limits_of(config))
        ready.now = True
        yield System(
            parts=parts,
            cells=tuple(cells),
            http=http,
            url=ports.url,
            placement_url=ports.placement_url,
        )


class _Ready:
    """Whether requests can be served; false until everything has started."""

    def __init__(self) -> None:
        self.now = False

    def __call__(self) -> bool:
        return self.now
