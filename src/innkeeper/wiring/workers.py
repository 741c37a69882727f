"""Several processes that serve the same ports, and the one that starts them and watches.

The ports are taken here and inherited, so a connection that waits outlives the process that would
have taken it. A worker learns from its standard input what to do, and by the end of that input
that it is alone: then it ends too. This process serves nothing itself.
"""

import asyncio
import contextlib
import sys
from typing import Final

import msgspec
import structlog

from innkeeper.config import Config
from innkeeper.core.errors import SetupError
from innkeeper.wiring.shares import Shares

READY: Final = b"ready\n"
"""What a worker says when it serves."""
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
"""A worker that ends by itself is started again after a pause, which grows while they are short-
lived: the others serve meanwhile, and nothing is won by starting what cannot run."""
LONG_LIFE_S: Final = 30.0
"""A worker that served this long was well; the next pause is short again."""
START_S: Final = 600.0
"""How long a worker may take until it serves, before it is killed: many times what it takes to
read a large store."""
STOP_S: Final = 20.0
"""How long a worker may take to end once told, before it is killed."""

COMMAND: Final = (sys.executable, "-m", "innkeeper.cli.worker")

_log = structlog.get_logger(__name__)


class Order(msgspec.Struct, frozen=True):
    """What a worker is told."""

    config: Config
    filenos: tuple[int, ...]
    """Of the sockets that it inherits, as `Ports.filenos` gave them."""
    server: str
    """Id of this run of the server, the same for all workers."""
    shares: int = -1
    """Of the memory that has the numbers of their connections, the same for all workers."""
    place: int = -1
    """Which of them this one is."""


class Workers:
    """Runs a number of workers; each that ends is replaced."""

    def __init__(self, count: int, order: Order) -> None:
        """Give each the ``order``, with its place."""
        self._shares = Shares(count)
        self._order = msgspec.structs.replace(order, shares=self._shares.fileno)
        self._count = count
        self._watches: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self.processes: dict[int, asyncio.subprocess.Process] = {}
        """Those that run, by their place."""

    async def start(self) -> None:
        """Start all; return once each of them serves. Raises SetupError."""
        loop = asyncio.get_running_loop()
        served: list[asyncio.Future[None]] = [loop.create_future() for _ in range(self._count)]
        self._watches = [
            asyncio.create_task(self._watch(place, future)) for place, future in enumerate(served)
        ]
        await asyncio.gather(*served)

    async def stop(self) -> None:
        """Tell all to end, and wait until they have."""
        self._stopping.set()
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if self._watches:
            await asyncio.gather(*self._watches, return_exceptions=True)
        self._shares.close()

    async def _watch(self, place: int, served: "asyncio.Future[None]") -> None:
        """Keep one worker running."""
        pause_s = FIRST_PAUSE_S
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            end = await self._run(place, served)
            if self._stopping.is_set():
                break
            if not served.done():
                served.set_exception(SetupError(f"A worker ended before it served ({end})."))
                return
            if clock() - began > LONG_LIFE_S:
                pause_s = FIRST_PAUSE_S
            _log.warning("a worker ended and is replaced", end=end, pause_s=pause_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        if not served.done():
            served.cancel()

    async def _run(self, place: int, served: "asyncio.Future[None]") -> str:
        """Run one worker to its end; say what that was."""
        try:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=(*self._order.filenos, self._order.shares),
            )
        except OSError as error:
            # The machine has no process or memory left for it now, perhaps.
            return f"it cannot be started: {error}"
        self.processes[place] = process
        beginning = asyncio.create_task(self._begin(process, place, served))
        try:
            if self._stopping.is_set():
                process.terminate()
            return f"exit code {await self._end_of(process)}"
        finally:
            beginning.cancel()
            self._shares.leave(place)
            del self.processes[place]

    async def _begin(
        self, process: asyncio.subprocess.Process, place: int, served: "asyncio.Future[None]"
    ) -> None:
        """Have a worker serve; end it if it never does."""
        try:
            async with asyncio.timeout(START_S):
                serves = await self._tell(process, place)
        except TimeoutError:
            _log.warning("a worker does not come to serve and is killed", pid=process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            return
        if serves and not served.done():
            served.set_result(None)

    async def _tell(self, process: asyncio.subprocess.Process, place: int) -> bool:
        """Give the worker its order; tell whether it came to serve."""
        if process.stdin is None or process.stdout is None:
            return False
        order = msgspec.structs.replace(self._order, place=place)
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        return await process.stdout.readline() == READY

    async def _end_of(self, process: asyncio.subprocess.Process) -> int:
        ended = asyncio.create_task(process.wait())
        told = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([ended, told], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        try:
            return await asyncio.wait_for(ended, STOP_S)
        except TimeoutError:
            _log.warning("a worker does not end and is killed", pid=process.pid)
            process.kill()
            return await process.wait()
