"""OpenStore: what all others know of the store, whether it may be written or only looked at.

Reading is the same for both, so it is here. Nothing here may write, lock or upgrade.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from innkeeper.core.errors import ConnectionLost
from innkeeper.core.picture import Picture
from innkeeper.store import pictures
from innkeeper.store.line import Connect, Rows
from innkeeper.store.lines import Lines
from innkeeper.store.patience import Patience
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Prepared, Scalar
from innkeeper.store.retry import translate
from innkeeper.store.txn import Txn

DRIVERS_THAT_SEND_BEGIN: Final = frozenset({"psycopg"})
"""With these a transaction costs two round trips more than a statement by itself does; with others
it would cost more to leave it out."""

_Result = TypeVar("_Result")


class OpenStore(ABC):
    """An open store. It reads on threads of its own, each read on a snapshot of its own."""

    def __init__(
        self,
        readers: Engine,
        *,
        threads: int,
        reconnect_s: float = 0.0,
        connect: Connect | None = None,
    ) -> None:
        """Read through ``readers``, at most ``threads`` reads at a time.

        With ``connect``, lines are made of ``lines.MOST`` connections more. A connection that broke
        is made anew for up to ``reconnect_s`` seconds.
        """
        self._reader_engine = readers
        self._lone_engine = readers
        if readers.dialect.driver in DRIVERS_THAT_SEND_BEGIN:
            self._lone_engine = readers.execution_options(isolation_level="AUTOCOMMIT")
        self._reconnect_s = reconnect_s
        # Set when nobody waits for the database any more.
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store-reader")
        self._lines = None
        if connect is not None:
            self._lines = Lines(self._lone_engine, connect, threads=self._pool)

    @abstractmethod
    def start(self, on_picture: Callable[[Picture], None]) -> None:
        """Begin to take writes; ``on_picture`` is called on the loop after each commit."""

    @abstractmethod
    async def write(
        self, op: Callable[[Txn], _Result], *, settle: Callable[[], None] | None = None
    ) -> _Result:
        """Run ``op`` in the next transaction; give its result once that is durable.

        An error out of ``op`` undoes what it did and is raised here. ``settle`` is called on the
        loop's thread, whatever the outcome, before the index learns of it. ``op`` may be run more
        than once (after a deadlock), so all that it does must be through its ``txn``. A write
        goes on though the awaiting task is cancelled.
        """

    async def fresh(self, *, within_s: float = 0.0) -> None:  # noqa: B027 - nothing by default
        """Return once the index shows what any process was answered before the call.

        With ``within_s``, so long before the call. Free where no other process writes. Raises
        what keeps it from that: Unavailable, StoreError.
        """

    @property
    def waiting(self) -> int:
        """How many writes wait for the next transaction."""
        return 0

    @abstractmethod
    async def close(self) -> None:
        """Write what waits, then let go of the database."""

    async def ask_of_project(
        self, project_id: str, statement: Prepared, values: Mapping[str, Scalar]
    ) -> Rows:
        """Do what ``ask`` does, where only writes of consumers of a project change the rows."""
        del project_id
        return await self.ask(statement, values)

    async def ask(self, statement: Prepared, values: Mapping[str, Scalar]) -> Rows:
        """Give the rows of one statement, on a snapshot that has every write answered before."""
        rows = None if self._lines is None else await self._lines.ask(statement, values)
        if rows is not None:
            return rows
        # One statement is a snapshot by itself.
        work = partial(self._read, partial(_rows, statement, values), self._lone_engine)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def read(self, op: Callable[[Connection], _Result]) -> _Result:
        """Run ``op`` on a snapshot that has every write answered before; give its result."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, op)

    def read_now(self, op: Callable[[Connection], _Result]) -> _Result:
        """Do what ``read`` does, in the calling thread."""
        return self._read(op, self._reader_engine)

    def _read(self, op: Callable[[Connection], _Result], engine: Engine) -> _Result:
        patience = Patience(self._reconnect_s, self._over)
        while True:
            try:
                return _on_a_connection(op, engine)
            except (DBAPIError, PoolTimeout, engine.dialect.loaded_dbapi.Error) as error:
                failure = translate(error)
                # A read may be repeated at will.
                if not isinstance(failure, ConnectionLost) or not patience.wait():
                    raise failure from error

    def load(self) -> Picture:
        """Give the picture of everything, to fill an index before ``start``."""
        return self.read_now(pictures.whole)

    def close_readers(self) -> None:
        """Let go of what reads."""
        self._over.set()
        self._pool.shutdown()
        if self._lines is not None:
            self._lines.close()
        self._reader_engine.dispose()


def _on_a_connection(op: Callable[[Connection], _Result], engine: Engine) -> _Result:
    with engine.connect() as conn:
        try:
            return op(conn)
        except engine.dialect.loaded_dbapi.Error:
            # An error of a bare cursor: nobody but us has seen it.
            conn.invalidate()
            raise


def _rows(statement: Prepared, values: Mapping[str, Scalar], conn: Connection) -> Rows:
    """Run one statement by the bare cursor: a transaction by itself, which needs no other."""
    with closing(cursor_of(conn)) as cursor:
        statement.run(cursor, conn.dialect, values)
        return cursor.fetchall()
