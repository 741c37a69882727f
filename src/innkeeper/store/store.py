"""Store: the door to the database for everybody else.

Writes go through the one writer thread (group commit); reads go to a small pool of threads,
each read on a snapshot of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from innkeeper.core.errors import SetupError, Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import pictures, schema
from innkeeper.store.dialects import sqlite
from innkeeper.store.lock import StoreLock
from innkeeper.store.names import sync_standard_names
from innkeeper.store.retry import translate
from innkeeper.store.txn import Txn
from innkeeper.store.writer import Job, Writer

READERS: Final = 4
"""Threads that read: SQLite's reads hold the interpreter's lock little enough to overlap."""

_Result = TypeVar("_Result")


class Store:
    """An open store. Make one with ``open``; ``start`` it inside the loop that uses it."""

    def __init__(
        self,
        *,
        writer: Engine,
        readers: Engine,
        lock: StoreLock,
        clock: Callable[[], datetime],
        writer_id: str,
    ) -> None:
        self._writer_engine = writer
        self._reader_engine = readers
        self._lock = lock
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._writer = Writer(writer, clock=clock, writer_id=writer_id, deliver=self._hand_over)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_picture: Callable[[Picture], None] = _ignore
        self._started = False
        self._outbox: list[Job] = []

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
        """Start writing for the running loop; ``on_picture`` is called there after each commit."""
        self._loop = asyncio.get_running_loop()
        self._on_picture = on_picture
        self._writer.start()
        self._started = True

    async def write(
        self, op: Callable[[Txn], _Result], *, settle: Callable[[], None] | None = None
    ) -> _Result:
        """Run ``op`` in the next transaction; give its result once that is durable.

        An error out of ``op`` undoes what it did and is raised here. ``settle`` is called on the
        loop's thread, whatever the outcome, before the index learns of it. ``op`` may be run more
        than once (after a deadlock), so all that it does must be through its ``txn``. A write
        goes on though the awaiting task is cancelled.
        """
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()

        def deliver(job: Job) -> None:
            if future.cancelled():
                return
            if job.error is None:
                future.set_result(cast("_Result", job.value))
            else:
                future.set_exception(job.error)

        # Whoever else writes in this turn of the loop comes along: the writer wakes up once.
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._send)
        self._outbox.append(Job(op, deliver, settle))
        return await future

    async def read(self, op: Callable[[Connection], _Result]) -> _Result:
        """Run ``op`` on a snapshot that has every write answered before; give its result."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, op)

    def read_now(self, op: Callable[[Connection], _Result]) -> _Result:
        """Do what ``read`` does, in the calling thread."""
        try:
            with self._reader_engine.connect() as conn:
                return op(conn)
        except DBAPIError as error:
            raise translate(error) from error

    def load(self) -> Picture:
        """Give the picture of everything, to fill an index before ``start``."""
        return self.read_now(pictures.whole)

    async def close(self) -> None:
        """Write what waits, then let go of the database."""
        if self._started:
            self._send()
            await asyncio.get_running_loop().run_in_executor(None, self._writer.close)
            # What the last batches scheduled on this loop comes before whoever awaits this.
            await asyncio.sleep(0)
        self._pool.shutdown()
        self._reader_engine.dispose()
        self._writer_engine.dispose()
        self._lock.release()

    def _send(self) -> None:
        jobs, self._outbox = self._outbox, []
        try:
            self._writer.submit(jobs)
        except Unavailable as error:
            for job in jobs:
                job.error = error
            self._finish(jobs, Picture())

    def _hand_over(self, jobs: Sequence[Job], picture: Picture) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._finish, jobs, picture)

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
