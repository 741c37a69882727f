"""The whole system in one process: store, index, scheduler, cells, agents and HTTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

from innkeeper.config import Config
from innkeeper.core.ids import CellName
from innkeeper.core.report import HostReport
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.wiring.directory import Endpoint, own, remove_endpoint, write_endpoint
from innkeeper.wiring.local_cell import LocalCell
from innkeeper.wiring.parts import Parts, limits_of, make_parts, open_store
from innkeeper.wiring.serve import HttpServer


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
    ready = _Ready()
    async with AsyncExitStack() as stack:
        # The ports first: they are the quickest to find out, and nothing is to be undone.
        http = HttpServer.bind(config.api.host, config.api.port)
        stack.callback(http.release)
        placement = _placement_server(config)
        if placement is not None:
            stack.callback(placement.release)
        stack.enter_context(own(config.data_path, config.database_url))
        store = open_store(config)
        stack.push_async_callback(store.close)
        parts = make_parts(config, store, scheduling=scheduling, random=random, is_ready=ready)
        store.measure(parts.tallies.committed)
        store.start(parts.index.apply)
        stack.push_async_callback(parts.bus.close)
        stack.push_async_callback(parts.access.authenticator.close)
        cells = []
        for name, reports in hosts.items():
            cell = LocalCell(
                name, reports, config=config, store=store, bus=parts.bus, tallies=parts.tallies
            )
            cells.append(cell)
            await cell.start()
            stack.push_async_callback(cell.stop)
        await parts.watch.start()
        stack.push_async_callback(parts.watch.stop)
        stack.push_async_callback(parts.audits.stop)
        stack.push_async_callback(parts.repairs.stop)
        await http.start(parts.app, limits=limits_of(config))
        stack.push_async_callback(http.stop)
        if placement is not None:
            await placement.start(parts.placement, limits=limits_of(config))
            stack.push_async_callback(placement.stop)
        write_endpoint(config.data_path, Endpoint(http.url, parts.server))
        stack.callback(remove_endpoint, config.data_path)
        ready.now = True
        yield System(
            parts=parts,
            cells=tuple(cells),
            http=http,
            url=http.url,
            placement_url="" if placement is None else placement.url,
        )


def _placement_server(config: Config) -> HttpServer | None:
    """Take the Placement API's own port, if it shall have one."""
    address = config.placement.address
    if address is None:
        return None
    return HttpServer.bind(*address, option="--placement-listen")


class _Ready:
    """Whether requests can be served; false until everything has started."""

    def __init__(self) -> None:
        self.now = False

    def __call__(self) -> bool:
        return self.now
