"""Many runs at once, each in a process of its own: seeds and policies are independent."""

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from innkeeper.core.errors import InnkeeperError, SetupError
from innkeeper.replay.run import Progress, RunAsked, RunResult, run
from innkeeper.replay.trace import load_trace
from innkeeper.wiring import loop

SPAWN: Final = multiprocessing.get_context("spawn")
"""Fresh processes: a fork would copy threads' locks in whatever state they are."""

Message = Progress | RunResult | InnkeeperError
Tell = Callable[[RunAsked, Progress], None]


def run_all(
    asked: Sequence[RunAsked],
    trace: Path,
    *,
    jobs: int,
    tell: Tell,
    done: Callable[[RunResult], None],
) -> list[RunResult]:
    """Make all runs, ``jobs`` at a time; give their results in the order asked for.

    ``tell`` gets the progress of each, ``done`` each result as it comes. Raises what a run
    raised; the others are ended then.
    """
    waiting = deque(asked)
    workers: dict[Connection, _Worker] = {}
    results: dict[RunAsked, RunResult] = {}
    try:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                worker = _Worker(waiting.popleft(), trace)
                workers[worker.pipe] = worker
            for pipe in wait(list(workers)):
                worker = workers[pipe]  # type: ignore[index] # these are the pipes we gave it
                message = worker.receive()
                if isinstance(message, Progress):
                    tell(worker.asked, message)
                    continue
                del workers[worker.pipe]
                worker.end()
                if isinstance(message, InnkeeperError):
                    raise message
                results[worker.asked] = message
                done(message)
    finally:
        for worker in workers.values():
            worker.end()
    return [results[each] for each in asked]


class _Worker:
    """A process that makes one run, and the pipe by which it tells of it."""

    def __init__(self, asked: RunAsked, trace: Path) -> None:
        self.asked = asked
        self.pipe, theirs = SPAWN.Pipe(duplex=False)
        self._process: BaseProcess = SPAWN.Process(
            target=_work, args=(asked, trace, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    def receive(self) -> Message:
        """Give the next message. Raises SetupError if the process ended without a result."""
        try:
            message: Message = self.pipe.recv()
        except EOFError as error:
            self._process.join()
            raise SetupError(
                f"The run of {self.asked.policy} with seed {self.asked.seed} ended with exit code"
                f" {self._process.exitcode} and without a result."
            ) from error
        return message

    def end(self) -> None:
        """Let go of the pipe and of the process, whatever it does."""
        self.pipe.close()
        self._process.terminate()
        self._process.join()


def _work(asked: RunAsked, trace: Path, pipe: Connection) -> None:
    """Make one run: the whole life of a worker."""
    # Ctrl-C reaches the whole group of processes; the parent decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    message: Message
    try:
        message = loop.run(run(asked, load_trace(trace), tell=pipe.send))
    except InnkeeperError as error:
        message = error
    with contextlib.suppress(BrokenPipeError):
        pipe.send(message)
