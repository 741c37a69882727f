"""What stands above the workers of one machine: ports, data directory, the store's readiness."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from innkeeper.config import Config
from innkeeper.store.dialects.backend import shown
from innkeeper.wiring.directory import own
from innkeeper.wiring.endpoint import Endpoint, remove_endpoint, write_endpoint
from innkeeper.wiring.ports import Ports
from innkeeper.wiring.upkeep import prepare_to_share
from innkeeper.wiring.uuids import new_uuid
from innkeeper.wiring.workers import Order, Workers


@asynccontextmanager
async def supervising(config: Config, told: asyncio.Event) -> AsyncIterator[Ports]:
    """Run ``api.workers`` processes while the block lasts, which serve the ports that it gives.

    The block begins when all of them serve, or ``told`` is set. Raises SetupError.
    """
    async with AsyncExitStack() as stack:
        ports = Ports.bind(config)
        stack.callback(ports.release)
        stack.enter_context(own(config.data_path, config.database_url))
        await prepare_to_share(config)
        server = new_uuid()
        workers = Workers(config.api.workers, Order(config, ports.filenos, server))
        stack.push_async_callback(workers.stop)
        starting = asyncio.create_task(workers.start())
        stopping = asyncio.create_task(told.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
            endpoint = Endpoint(ports.url, server, shown(config.database_url))
            write_endpoint(config.data_path, endpoint)
            stack.callback(remove_endpoint, config.data_path)
        else:
            starting.cancel()
        yield ports
