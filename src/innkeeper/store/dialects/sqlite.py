"""SQLite, embedded: one writer connection, and readers that see a snapshot each (WAL).

The driver is pysqlite3, which brings a SQLite newer than 3.51.3 (older ones can corrupt a WAL).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from pysqlite3 import dbapi2
from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Engine,
    FromClause,
    create_engine,
    delete,
    event,
    select,
    text,
    tuple_,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from innkeeper.config import DIRECTORY_MODE
from innkeeper.core.errors import SetupError
from innkeeper.store.dialects.rows import PARAMETER, Kind, columns_of
from innkeeper.store.dialects.trouble import Trouble
from innkeeper.store.line import Line
from innkeeper.store.lock import StoreLock

BUSY_TIMEOUT_MS: Final = 10_000
"""Readers of other processes (backups, ``audit``) may hold a checkpoint up for this long."""
CACHED_STATEMENTS: Final = 1024
"""More than the distinct statements of the store, so that none is prepared twice."""
CACHE_KIB: Final = 65_536
"""Page cache of a connection: the working set of 10,000 hosts stays in memory."""

ROWS: Final = "VALUES ?"
"""What stands in a statement for rows that are given to it."""

_BUSY_CODES: Final = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT"})

_COMMON: Final = (
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    f"PRAGMA cache_size=-{CACHE_KIB}",
    "PRAGMA temp_store=MEMORY",
)
_WRITER: Final = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *_COMMON)
_READER: Final = (*_COMMON, "PRAGMA query_only=ON")


class SqliteBackend:
    """A database file. Its lock file says which process writes it."""

    ops_on_loop = True
    """The file is at hand: an op waits for nothing, only a commit does."""
    waits_on_loop = False
    reconnect_s = 0.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: StoreLock | None = None
        self.shown = str(path)

    def open_writer(self) -> Engine:
        """Take the lock; give an engine whose one connection writes. Raises SetupError."""
        try:
            self._path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"Cannot make the data directory {self._path.parent}: {error.strerror}. Choose"
                " another with --data-dir."
            ) from error
        self._lock = StoreLock(self._path.with_name(self._path.name + ".lock"))
        # Each transaction is BEGIN IMMEDIATE.
        engine = _engine(self._path, pragmas=_WRITER, begin="BEGIN IMMEDIATE", size=1)
        try:
            _check_writable(engine, self._path)
        except SetupError:
            engine.dispose()
            self.release()
            raise
        return engine

    def open_shared_writer(self) -> Engine:
        """Refuse it: raises SetupError."""
        raise self._not_shareable()

    def check_shareable(self) -> None:
        """Refuse it: raises SetupError."""
        raise self._not_shareable()

    def _not_shareable(self) -> SetupError:
        return SetupError(
            f"{self._path} is SQLite, which one process has to itself. Leave --workers out, or"
            " keep the store in PostgreSQL or MariaDB (--database-url)."
        )

    def open_readers(self, size: int) -> Engine:
        """Give an engine of ``size`` connections that only read, each transaction one snapshot."""
        return _engine(self._path, pragmas=_READER, begin="BEGIN", size=size)

    def open_follower(self) -> Engine:
        """Refuse it: raises SetupError."""
        raise self._not_shareable()

    def look(self) -> Engine:
        """Give an engine of one connection that only reads a database that is there already.

        Raises SetupError.
        """
        try:
            there = self._path.is_file()
        except OSError as error:
            raise SetupError(
                f"Cannot look for the database {self._path}: {error.strerror}. Run this as the user"
                " that Innkeeper runs as, or name another directory with --data-dir."
            ) from error
        if not there:
            raise SetupError(
                f"There is no database {self._path}. Name another directory with --data-dir, or"
                " make one with `innkeeper db sync`, a server, a replay or an import."
            )
        return self.open_readers(1)

    def line(self, conn: Connection) -> Line | None:
        """Give None: who asks works it out himself, which may take long."""
        return None

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def table_of(columns: Mapping[str, Kind]) -> FromClause:
    """Give a table of rows; where ``ROWS`` stands in a statement over it they are to be bound."""
    fields = ", ".join(f'column{place} AS "{name}"' for place, name in enumerate(columns, 1))
    rows = f"SELECT {fields} FROM (VALUES :{PARAMETER})"  # noqa: S608
    return text(rows).columns(*columns_of(columns)).subquery("given")


def of_one_table(statement: Delete) -> Delete:
    """Give what deletes the same rows and names one table only, as SQLite wants it.

    ``statement`` says which rows, and gives nothing back.
    """
    table = statement.table
    key = tuple_(*table.primary_key)
    which = cast("ColumnElement[bool]", statement.whereclause)
    found = select(*table.primary_key).where(which).correlate(None)
    return delete(table).where(key.in_(found))


def trouble(error: Exception) -> Trouble:
    """Say what an error of the driver means."""
    code = getattr(error, "sqlite_errorname", "")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "IntegrityError" in kinds:
        return Trouble.DUPLICATE if str(error).startswith("UNIQUE") else Trouble.CONFLICT
    if code in _BUSY_CODES:
        return Trouble.TRANSIENT
    return Trouble.UNAVAILABLE if "OperationalError" in kinds else Trouble.REFUSED


def _check_writable(engine: Engine, path: Path) -> None:
    """Raise SetupError, saying what to do, if the database cannot be opened for writing."""
    try:
        with engine.begin():
            pass
    except DBAPIError as error:
        raise SetupError(
            f"Cannot open the database {path}: {error.orig}. Check that it is an Innkeeper"
            " database and that its directory is writable, or choose another with --data-dir."
        ) from error


def _engine(path: Path, *, pragmas: tuple[str, ...], begin: str, size: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        module=dbapi2,
        pool_size=size,
        max_overflow=0,
        # Transactions are begun and ended by what is below, not guessed by the driver.
        connect_args={
            "isolation_level": None,
            "check_same_thread": False,
            "cached_statements": CACHED_STATEMENTS,
        },
    )

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
        for pragma in pragmas:
            connection.execute(pragma).fetchall()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine
