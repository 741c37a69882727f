"""Opening a database of openstack-placement: from its URL to one connection with one snapshot.

A database that is read is opened so that the engine itself refuses to change it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from innkeeper.core.errors import SetupError
from innkeeper.store.database_url import told
from innkeeper.store.placement_db import tables

BUSY_TIMEOUT_MS: Final = 10_000
"""How long a SQLite database may be locked by who else uses it."""
CONNECT_TIMEOUT_S: Final = 15
"""Longest wait for a database server: one that is there answers in milliseconds."""

_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
"""The driver that we have, whichever one placement.conf names."""

_FOREIGN_QUERY: Final = frozenset({"plugin"})
"""Parts of a URL's query that mean something to the other program's libraries only."""


def placement_url(text: str) -> URL:
    """Give the URL with our driver; ``text`` is as in placement.conf, or a SQLite file.

    Raises SetupError.
    """
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise SetupError(f"{told(text)!r} is no database URL. {_EXAMPLES}") from error
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None or not url.database:
        raise SetupError(f"{shown(url)} names no database that Placement can have. {_EXAMPLES}")
    return url.set(drivername=driver).difference_update_query(_FOREIGN_QUERY)


_EXAMPLES: Final = (
    "Examples: mysql+pymysql://placement:PASSWORD@db/placement,"
    " postgresql://placement:PASSWORD@db/placement, sqlite:////var/lib/placement/placement.db"
)


def shown(url: URL) -> str:
    """Give the URL for people: without its password."""
    return url.render_as_string(hide_password=True)


@contextmanager
def reading(url: URL) -> Iterator[Connection]:
    """Open a database to be read: one transaction, one snapshot, and no write is possible.

    Raises SetupError if it is not there, or is no Placement database that we can read.
    """
    with _connected(_reading_engine(url), url) as conn:
        _check_revision(revision(conn), url)
        yield conn


@contextmanager
def writing(url: URL) -> Iterator[Connection]:
    """Open a database to be written, in transactions. Raises SetupError."""
    with _connected(_writing_engine(url), url) as conn:
        yield conn


def revision(conn: Connection) -> str | None:
    """Give the revision of Placement's schema; None if there is none."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    return conn.scalar(select(tables.alembic_version.c.version_num))


@contextmanager
def _connected(engine: Engine, url: URL) -> Iterator[Connection]:
    try:
        with engine.connect() as conn:
            yield conn
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise SetupError(f"The database {shown(url)} cannot be used: {reason}") from error
    except SQLAlchemyError as error:
        raise SetupError(f"The database {shown(url)} cannot be used: {error}") from error
    finally:
        engine.dispose()


def _reading_engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        path = _path(url)
        if not path.is_file():
            raise SetupError(f"There is no database {path}.")
        return _sqlite(path, query="?mode=ro", begin="BEGIN")
    engine = _server(url).execution_options(isolation_level="REPEATABLE READ")
    if backend == "postgresql":
        return engine.execution_options(postgresql_readonly=True)
    event.listen(engine, "connect", _running("SET SESSION TRANSACTION READ ONLY"))
    return engine


def _writing_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(_path(url), query="", begin="BEGIN IMMEDIATE")
    engine = _server(url)
    if url.get_backend_name() == "mysql":
        # The id of the resource class VCPU is 0 there; MySQL would take it for "the next one".
        mode = "SET SESSION SQL_MODE='TRADITIONAL,NO_AUTO_VALUE_ON_ZERO'"
        event.listen(engine, "connect", _running(mode))
    return engine


def _path(url: URL) -> Path:
    return Path(str(url.database)).absolute()


def _sqlite(path: Path, *, query: str, begin: str) -> Engine:
    def connect() -> Any:  # noqa: ANN401 - a driver's connection
        conn = dbapi2.connect(path.as_uri() + query, uri=True, isolation_level=None)
        conn.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").fetchall()
        return conn

    def start(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    engine = create_engine("sqlite://", module=dbapi2, creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", start)
    return engine


def _server(url: URL) -> Engine:
    return create_engine(
        url, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}
    )


def _running(sql: str) -> Callable[[Any, object], None]:
    def run(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return run


def _check_revision(found: str | None, url: URL) -> None:
    if found is None:
        raise SetupError(
            f"{shown(url)} is no database of openstack-placement: it has no table"
            " alembic_version. If it is an old one, or Nova's API database, bring it to the"
            " newest schema with `placement-manage db sync` first."
        )
    if found not in tables.REVISIONS:
        raise SetupError(
            f"{shown(url)} has the schema {found}, which this Innkeeper does not know: it reads"
            f" those of openstack-placement 1.0 to 16.0 (up to {tables.REVISION})."
        )
