"""Store: the door to the database for everybody else.

Writes are ops of one transaction at a time (group commit). They run on the loop's thread: on one of
their own they would wait for the interpreter's lock at each statement, which costs more than the
statements do. What waits lets the loop go on. On an embedded database that is only the commit,
for the disk, on a thread. Behind a socket it is whatever asks the server: on the loop, where the
driver can do that, else all of a transaction is on the thread. Reads go to a small pool of threads,
each read on a snapshot of its own.

A store that is shared with other processes is followed: nothing but the follower's rounds feeds
the index then, and a write is answered after a round that begins when it is committed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final, TypeVar, cast

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from innkeeper.config import StoreSettings
from innkeeper.core.errors import SetupError, StoreError, Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import changes, lines, on_loop, schema
from innkeeper.store.dialects.backend import Backend, backend_of
from innkeeper.store.feed import FeedReader
from innkeeper.store.follow import Follower, Waiter
from innkeeper.store.kept import KeptAnswers
from innkeeper.store.line import Rows
from innkeeper.store.names import Names, sync_standard_names
from innkeeper.store.open_store import OpenStore
from innkeeper.store.prepared import Prepared, Scalar
from innkeeper.store.remote_writer import RemoteWriter
from innkeeper.store.retry import translate
from innkeeper.store.shared_writer import SharedWriter
from innkeeper.store.trim import trim
from innkeeper.store.txn import Txn
from innkeeper.store.writer import MAX_BATCH, Job, Writer, fail

MAX_WAITING: Final = 65_536
"""Writes that wait for a transaction: ten seconds of work. While a database is away, or slow,
they must not fill the memory; and who comes later than that would have gone before his turn."""

MANY: Final = 16
"""Writes that are worth a batch of their own on a server. Fewer would bear too much of what a batch
costs by itself, and had better wait for more."""

_Result = TypeVar("_Result")

OnBatch = Callable[[str, int, float], None]
"""Takes a batch's outcome (committed, refused: each op failed, failed), its ops, its seconds."""


class _Batch(msgspec.Struct, frozen=True):
    """What is written in one transaction."""

    jobs: Sequence[Job]
    sent_at: float
    """By the clock of the loop."""


class Store(OpenStore):
    """A store that is written. Make one with ``open``; ``start`` it in the loop that uses it."""

    def __init__(
        self,
        backend: Backend,
        writer: Engine,
        *,
        readers: int,
        clock: Callable[[], datetime],
        writer_id: str,
        new_writer_id: Callable[[], str] | None = None,
    ) -> None:
        """Write through ``writer``, which is open, and read on ``readers`` threads.

        With ``new_writer_id``, beside other processes, and under such ids.
        """
        super().__init__(
            backend.open_readers(readers + lines.MOST),
            threads=readers,
            reconnect_s=backend.reconnect_s,
            connect=backend.line,
        )
        self._backend = backend
        self._writer_engine = writer
        self._remote: RemoteWriter | None = None
        self._follower: Follower | None = None
        self._writer: Writer
        if new_writer_id is not None:
            self._writer = self._remote = SharedWriter(
                writer, clock=clock, new_id=new_writer_id, reconnect_s=backend.reconnect_s
            )
            self._follower = Follower(
                FeedReader(
                    backend.open_follower(),
                    connect=backend.line,
                    reconnect_s=backend.reconnect_s,
                ),
                looks_on_loop=backend.waits_on_loop,
            )
        elif backend.ops_on_loop:
            self._writer = Writer(writer, clock=clock, writer_id=writer_id)
        else:
            self._writer = self._remote = RemoteWriter(
                writer, clock=clock, writer_id=writer_id, reconnect_s=backend.reconnect_s
            )
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._kept = KeptAnswers()
        self._on_picture: Callable[[Picture], None] = _ignore
        self._outbox: list[Job] = []
        self._commit: asyncio.Future[Picture | None] | None = None
        self._closing = False
        # Whether the index could not take something that is committed.
        self._behind = False
        self._on_batch: OnBatch = _unmeasured

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Callable[[], datetime],
        writer_id: str,
        settings: StoreSettings | None = None,
    ) -> "Store":
        """Open the database at ``url`` for this process alone, at the newest schema.

        Raises SetupError, saying what to do: in use, unwritable, of a newer schema, no database.
        """
        limits = settings or StoreSettings()
        backend = backend_of(url, limits)
        writer = backend.open_writer()
        try:
            _make_tables(writer, clock, shown=backend.shown)
            return cls(backend, writer, readers=limits.pool_size, clock=clock, writer_id=writer_id)
        except BaseException:
            writer.dispose()
            backend.release()
            raise

    @classmethod
    def share(
        cls,
        url: str,
        *,
        clock: Callable[[], datetime],
        new_writer_id: Callable[[], str],
        settings: StoreSettings | None = None,
    ) -> "Store":
        """Open the database at ``url`` beside other processes that share it.

        Its schema must be the newest (``open`` brings it there). Raises SetupError, saying what
        to do: a process has it alone, an old or newer schema, an engine that cannot be shared.
        """
        limits = settings or StoreSettings()
        backend = backend_of(url, limits)
        writer = backend.open_shared_writer()
        try:
            with writer.begin() as conn:
                schema.check(conn)
                if not changes.has_turn(conn):
                    raise SetupError(
                        f"The database {backend.shown} was made by an older version. Run"
                        " `innkeeper db sync` on it once."
                    )
            return cls(
                backend,
                writer,
                readers=limits.pool_size,
                clock=clock,
                writer_id="",
                new_writer_id=new_writer_id,
            )
        except BaseException:
            writer.dispose()
            backend.release()
            raise

    def start(self, on_picture: Callable[[Picture], None]) -> None:
        """Begin to take writes; ``on_picture`` is called on the loop after each commit.

        Where the store is shared, also after the commits of others.
        """

        def take(picture: Picture) -> None:
            self._kept.forget(picture)
            on_picture(picture)

        self._on_picture = take
        self._writer.start()
        if self._follower is not None:
            self._follower.start(take)

    def load(self) -> Picture:
        """Give the picture of everything, to fill an index before ``start``."""
        return super().load() if self._follower is None else self._follower.load()

    async def fresh(self, *, within_s: float = 0.0) -> None:
        """Return once the index shows what any process was answered before the call."""
        if self._follower is not None:
            await self._follower.fresh(within_s=within_s)
        elif self._behind:
            # On the loop's thread: nothing that is committed meanwhile can overtake it.
            self._on_picture(self.load())
            self._behind = False

    async def ask_of_project(
        self, project_id: str, statement: Prepared, values: Mapping[str, Scalar]
    ) -> Rows:
        """Do what ``ask`` does, or give what that gave before, if no such write came since."""
        question = (statement, *values.values())
        ask = partial(self.ask, statement, values)
        return await self._kept.get(project_id, question, ask)

    async def trim(self) -> bool:
        """Delete changes that nobody needs; tell whether there may be more of them."""
        return await self.write(trim(self._writer.id))

    def measure(self, on_batch: OnBatch) -> None:
        """Tell ``on_batch`` of every transaction: its outcome, its ops, its seconds."""
        self._on_batch = on_batch

    @property
    def waiting(self) -> int:
        """How many writes wait for the next transaction."""
        return len(self._outbox)

    async def write(
        self, op: Callable[[Txn], _Result], *, settle: Callable[[], None] | None = None
    ) -> _Result:
        """Run ``op`` in the next transaction; give its result once that is durable."""
        if self._closing or len(self._outbox) >= MAX_WAITING:
            if settle is not None:
                settle()
            raise Unavailable(
                "The store is shutting down."
                if self._closing
                else f"More than {MAX_WAITING} writes wait for the database. Try again later."
            )
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
        if self._remote is not None:
            self._remote.give_up()
        if self._follower is not None:
            self._follower.give_up()
        while self._outbox or self._commit is not None:
            if self._commit is not None:
                await asyncio.wait([self._commit])
            # What comes of a commit is handed out by a callback of its own.
            await asyncio.sleep(0)
        if self._follower is not None:
            await self._follower.close()
        self._let_go()

    def _let_go(self) -> None:
        self._committer.shutdown()
        self.close_readers()
        self._writer.close()
        self._writer_engine.dispose()
        self._backend.release()

    def _send(self, *, answered: int = 0) -> None:
        """Write what waits.

        As many as are being ``answered`` will soon be back. Half of all these are sent: were it all
        that wait, the server would work while the loop had nothing to do, and then the loop while
        the server had not.
        """
        if self._commit is not None or not self._outbox:
            return
        loop = asyncio.get_running_loop()
        under_way = len(self._outbox) + answered
        most = min(MAX_BATCH, -(-under_way // 2) if answered else under_way)
        batch = _Batch(self._outbox[:most], loop.time())
        self._outbox = self._outbox[most:]
        work: Callable[[], Picture | None]
        if self._remote is not None:
            work = partial(self._remote.write, batch.jobs)
        else:
            picture = self._writer.run(batch.jobs)
            if picture is None:
                self._finish(batch, None, outcome="refused")
                return
            work = partial(self._writer.commit_of, picture)
        if self._backend.waits_on_loop:
            self._commit = on_loop.begin(work)
        else:
            self._commit = loop.run_in_executor(self._committer, work)
        self._commit.add_done_callback(partial(self._committed, batch))

    def _committed(self, batch: _Batch, commit: asyncio.Future[Picture | None]) -> None:
        self._commit = None
        if self._remote is not None and len(self._outbox) >= MANY:
            # The server works at the next batch while those who wait for this one are answered.
            self._send(answered=len(batch.jobs))
        error = commit.exception()
        if error is None:
            picture = commit.result()
            self._finish(batch, picture, outcome="refused" if picture is None else "committed")
        else:
            fail(batch.jobs, error if isinstance(error, Exception) else Unavailable(str(error)))
            self._finish(batch, None, outcome="failed")

    def _finish(self, batch: _Batch, picture: Picture | None, *, outcome: str) -> None:
        """Answer those who sent a batch, and send the rest, whatever the index makes of it."""
        jobs = batch.jobs
        if any(isinstance(job.error, StoreError) for job in jobs):
            # It may have taken place all the same, and nobody will say what it changed.
            self._kept.forget(Picture(whole=True))
        try:
            if self._follower is None:
                self._show(jobs, picture or Picture())
            else:
                # Whether or not a look succeeds: what is committed is, and who reads looks himself.
                has_news = outcome == "committed"
                self._follower.soon(
                    Waiter(lambda _: _deliver(jobs), partial(_settle, jobs), has_news=has_news)
                )
            seconds = asyncio.get_running_loop().time() - batch.sent_at
            self._on_batch(outcome, len(jobs), seconds)
        finally:
            self._send_rest()

    def _send_rest(self) -> None:
        """Send what came meanwhile, after those who were just answered had their turn."""
        if self._outbox:
            asyncio.get_running_loop().call_soon(self._send)

    def _show(self, jobs: Sequence[Job], picture: Picture) -> None:
        try:
            _settle(jobs)
            self._on_picture(picture)
        except BaseException:
            # The index has missed something, and nobody must believe it until it is whole again.
            self._behind = True
            raise
        finally:
            _deliver(jobs)


def _make_tables(writer: Engine, clock: Callable[[], datetime], *, shown: str) -> None:
    try:
        schema.upgrade(writer)
        with writer.begin() as conn:
            sync_standard_names(conn, clock())
            changes.make_turn(Txn(conn, names=Names(), now=clock()))
    except DBAPIError as error:
        raise SetupError(f"Cannot make the tables of {shown}: {translate(error).detail}") from error


def _settle(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.settle is not None:
            job.settle()


def _deliver(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.deliver(job)


def _unmeasured(_outcome: str, _ops: int, _seconds: float) -> None:
    """Take no note."""


def _ignore(_picture: Picture) -> None:
    """Take a picture that nobody wants."""
