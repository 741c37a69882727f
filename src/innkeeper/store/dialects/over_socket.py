"""What the engines behind a socket have in common: one connection writes, and holds a lock.

The lock belongs to the writer's own connection. So it ends with it, and a process whose
connection broke finds out on the next one whether somebody else has taken over meanwhile.
"""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from innkeeper.config import StoreSettings
from innkeeper.core.errors import ConnectionLost, SetupError, StoreTaken
from innkeeper.store.line import Line

LOCK_PATIENCE_S: Final = 3.0
"""How long the lock of a process that has just ended may outlive it."""
LOCK_POLL_S: Final = 0.02

TURN_LIMIT_S: Final = 5.0
"""How long a process that is paused in the midst of a transaction keeps the others from writing;
then the server ends that transaction."""

KEEPALIVE_IDLE_S: Final = 10
KEEPALIVE_INTERVAL_S: Final = 5
KEEPALIVE_COUNT: Final = 3
"""With these, a peer whose machine has died is given up after half a minute."""


class SocketBackend(ABC):
    """A database behind a socket."""

    ops_on_loop = False
    waits_on_loop = False
    name: str
    """Of the engine, for people."""

    def __init__(self, url: URL, settings: StoreSettings) -> None:
        self._url = url
        self._settings = settings
        self.reconnect_s = settings.reconnect_s
        self.shown = url.render_as_string(hide_password=True)
        self._is_shared = False
        """Whether the lock is taken together with others."""
        # What waits for the lock must not be woken by anybody.
        self._pause = threading.Event()

    def open_writer(self) -> Engine:
        """Connect, check the server, take the lock; give the writer's engine. SetupError."""
        engine = self._engine_or_why_not(reads=False, size=1)
        event.listen(engine, "connect", self._take_lock)
        self._try_out(engine, self._check_writer)
        return engine

    def check_shareable(self) -> None:  # noqa: B027 - a port's method that has nothing to do here
        """Do nothing: it can be shared."""

    def open_shared_writer(self) -> Engine:
        """Do what ``open_writer`` does, with a lock that others may have as well."""
        self._is_shared = True
        return self.open_writer()

    def open_readers(self, size: int) -> Engine:
        """Give an engine of ``size`` connections that only read, each transaction one snapshot."""
        return self._engine_or_why_not(reads=True, size=size)

    def open_follower(self) -> Engine:
        """Give an engine of one connection that only reads."""
        return self.open_readers(1)

    def look(self) -> Engine:
        """Give an engine of one connection that only reads. Raises SetupError."""
        engine = self.open_readers(1)
        self._try_out(engine, self._check)
        return engine

    def line(self, conn: Connection) -> Line | None:
        """Give None: the driver can do nothing without a thread."""
        return None

    def release(self) -> None:  # noqa: B027 - a port's method that has nothing to do here
        """Do nothing: the lock went with the writer's connection."""

    @abstractmethod
    def _engine(self, *, reads: bool, size: int) -> Engine:
        """Make an engine; connect to nothing."""

    @abstractmethod
    def _check(self, conn: Connection) -> None:
        """Raise SetupError if the server is none that we can work with."""

    @abstractmethod
    def _check_writer(self, conn: Connection) -> None:
        """Do what ``_check`` does, and warn where a commit is less than durable."""

    @abstractmethod
    def _lock(self, cursor: Any) -> bool:  # noqa: ANN401 - a driver's cursor
        """Try once to take the lock, alone or with others, for this connection."""

    @abstractmethod
    def _end_mine(self, cursor: Any) -> bool:  # noqa: ANN401
        """End this very writer's earlier connections; tell whether there are any."""

    @abstractmethod
    def _owner(self, cursor: Any) -> str:  # noqa: ANN401
        """Say who has the lock."""

    def _engine_or_why_not(self, *, reads: bool, size: int) -> Engine:
        try:
            return self._engine(reads=reads, size=size)
        except (NoSuchModuleError, ImportError) as error:
            raise SetupError(f"There is no driver for {self.shown}: {error}.") from error

    def _try_out(self, engine: Engine, check: Callable[[Connection], None]) -> None:
        """Connect once. Raises SetupError, with nothing left open."""
        try:
            with engine.connect() as conn:
                check(conn)
        except StoreTaken as error:
            engine.dispose()
            raise SetupError(
                f"{error.detail} Stop that one, or choose another database with --database-url."
            ) from error
        except DBAPIError as error:
            engine.dispose()
            said = " ".join(str(error.orig).split()).rstrip(".?")
            raise SetupError(
                f"Cannot use the database {self.shown}: {said}. Check that the server runs, that"
                " the database exists and that the user may do everything in it."
            ) from error
        except BaseException:
            engine.dispose()
            raise

    def _take_lock(self, connection: Any, _record: object) -> None:  # noqa: ANN401
        """Make a new connection the writer's; if that fails the pool closes it.

        Raises StoreTaken; and ConnectionLost: an earlier one of his does not end.
        """
        with contextlib.closing(connection.cursor()) as cursor:
            self._wait_for_lock(cursor)
        connection.rollback()

    def _wait_for_lock(self, cursor: Any) -> None:  # noqa: ANN401
        deadline = time.monotonic() + LOCK_PATIENCE_S
        was_mine = False
        while not self._lock(cursor):
            was_mine |= self._end_mine(cursor)
            if time.monotonic() > deadline:
                if was_mine:
                    raise ConnectionLost(
                        f"A connection to {self.shown} that was lost has not ended there yet."
                    )
                raise StoreTaken(
                    f"The database {self.shown} is in use by another process"
                    f" ({self._owner(cursor)})."
                )
            self._pause.wait(LOCK_POLL_S)
