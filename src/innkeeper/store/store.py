"""Store: the door to the database for everybody else.

Writes are ops of one transaction at a time (group commit), run on the loop's thread; only
their commit, which waits for the disk, has a thread. (On a thread of their own they would wait
for the interpreter's lock at each statement, which costs more than the statements do.) Reads
go to a small pool of threads, each read on a snapshot of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from innkeeper.core.errors import SetupError, Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import schema
from innkeeper.store.dialects import sqlite
from innkeeper.store.lock import StoreLock
from innkeeper.store.names import sync_standard_names
from innkeeper.store.open_store import OpenStore
from innkeeper.store.txn import Txn
from innkeeper.store.writer import MAX_BATCH, Job, Writer, fail

READERS: Final = 4
"""Threads that read: SQLite's reads hold the interpreter's lock little enough to overlap."""

_Result = TypeVar("_Result")


class Store(OpenStore):
    """A store that is written. Make one with ``open``; ``start`` it in the loop that uses it."""

    def __init__(
        self,
        *,
        writer: Engine,
        readers: Engine,
        lock: StoreLock,
        clock: Callable[[], datetime],
        writer_id: str,
    ) -> None:
        super().__init__(readers, threads=READERS)
        self._writer_engine = writer
        self._lock = lock
        self._writer = Writer(writer, clock=clock, writer_id=writer_id)
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="store-commit")
        self._on_picture: Callable[[Picture], None] = _ignore
        self._outbox: list[Job] = []
        self._commit: asyncio.Future[None] | None = None
        self._closing = False

    @classmethod
    def open(cls, url: str, *, clock: Callable[[], datetime], writer_id: str) -> "Store":
        """Open the database at ``url`` for this process alone, at the newest schema.

        Raises SetupError, saying what to do: in use, unwritable, of a newer schema, no database.
        """
        path = sqlite_path(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"Cannot make the data directory {path.parent}: {error.strerror}. Choose another"
                " with --data-dir."
            ) from error
        lock = StoreLock(path.with_name(path.name + ".lock"))
        writer = sqlite.writer_engine(path)
        try:
            sqlite.check_writable(writer, path)
            schema.upgrade(writer)
            with writer.begin() as conn:
                sync_standard_names(conn, clock())
        except SetupError:
            writer.dispose()
            lock.release()
            raise
        readers = sqlite.reader_engine(path, size=READERS)
        return cls(writer=writer, readers=readers, lock=lock, clock=clock, writer_id=writer_id)

    def start(self, on_picture: Callable[[Picture], None]) -> None:
        """Begin to take writes; ``on_picture`` is called on the loop after each commit."""
        self._on_picture = on_picture
        self._writer.start()

    async def write(
        self, op: Callable[[Txn], _Result], *, settle: Callable[[], None] | None = None
    ) -> _Result:
        """Run ``op`` in the next transaction; give its result once that is durable."""
        if self._closing:
            raise Unavailable("The store is shutting down.")
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()

        def deliver(job: Job) -> None:
            if future.cancelled():
                return
            if job.error is None:
                future.set_result(cast("_Result", job.value))
            else:
                future.set_exception(job.error)

        # Whoever else writes in this turn of the loop comes along.
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._send)
        self._outbox.append(Job(op, deliver, settle))
        return await future

    async def close(self) -> None:
        """Write what waits, then let go of the database."""
        self._closing = True
        while self._outbox or self._commit is not None:
            if self._commit is not None:
                await asyncio.wait([self._commit])
            # What comes of a commit is handed out by a callback of its own.
            await asyncio.sleep(0)
        self._committer.shutdown()
        self.close_readers()
        self._writer_engine.dispose()
        self._lock.release()

    def _send(self) -> None:
        """Run the ops that wait; their commit waits for the disk on a thread of its own."""
        if self._commit is not None or not self._outbox:
            return
        jobs, self._outbox = self._outbox[:MAX_BATCH], self._outbox[MAX_BATCH:]
        picture = self._writer.run(jobs)
        if picture is None:
            self._finish(jobs, Picture())
            self._send_rest()
            return
        loop = asyncio.get_running_loop()
        self._commit = loop.run_in_executor(self._committer, self._writer.commit)
        self._commit.add_done_callback(partial(self._committed, jobs, picture))

    def _committed(
        self, jobs: Sequence[Job], picture: Picture, commit: asyncio.Future[None]
    ) -> None:
        self._commit = None
        error = commit.exception()
        if error is None:
            self._finish(jobs, picture)
        else:
            fail(jobs, error if isinstance(error, Exception) else Unavailable(str(error)))
            self._finish(jobs, Picture())
        self._send_rest()

    def _send_rest(self) -> None:
        """Send what came meanwhile, after those who were just answered had their turn."""
        if self._outbox:
            asyncio.get_running_loop().call_soon(self._send)

    def _finish(self, jobs: Sequence[Job], picture: Picture) -> None:
        for job in jobs:
            if job.settle is not None:
                job.settle()
        self._on_picture(picture)
        for job in jobs:
            job.deliver(job)


def _ignore(_picture: Picture) -> None:
    """Take a picture that nobody wants."""


def sqlite_path(url: str) -> Path:
    """Give the file of a SQLite database; raise SetupError if ``url`` names none."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SetupError(
            f"{url!r} is no database URL. Example: sqlite:///data/innkeeper.db"
        ) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise SetupError(
            f"The database {parsed.get_backend_name()!r} is not supported. Use a SQLite file, as in"
            " sqlite:///data/innkeeper.db"
        )
    return Path(parsed.database)
