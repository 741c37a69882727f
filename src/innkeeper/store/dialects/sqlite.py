"""SQLite, embedded: one writer connection, and readers that see a snapshot each (WAL).

The driver is pysqlite3, which brings a SQLite newer than 3.51.3 (older ones can corrupt a WAL).
"""

from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from innkeeper.core.errors import SetupError

BUSY_TIMEOUT_MS: Final = 10_000
"""Readers of other processes (backups, ``audit``) may hold a checkpoint up for this long."""
CACHED_STATEMENTS: Final = 512
"""More than the distinct statements of the store, so that none is prepared twice."""
CACHE_KIB: Final = 65_536
"""Page cache of a connection: the working set of 10,000 hosts stays in memory."""

_COMMON: Final = (
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    f"PRAGMA cache_size=-{CACHE_KIB}",
    "PRAGMA temp_store=MEMORY",
)
_WRITER: Final = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *_COMMON)
_READER: Final = (*_COMMON, "PRAGMA query_only=ON")


def writer_engine(path: Path) -> Engine:
    """Give an engine whose one connection writes; each transaction is BEGIN IMMEDIATE."""
    return _engine(path, pragmas=_WRITER, begin="BEGIN IMMEDIATE", size=1)


def reader_engine(path: Path, *, size: int) -> Engine:
    """Give an engine of ``size`` connections that only read; a transaction is one snapshot."""
    return _engine(path, pragmas=_READER, begin="BEGIN", size=size)


def check_writable(engine: Engine, path: Path) -> None:
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
