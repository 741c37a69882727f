"""Backend: one database, whatever engine it is of, as the store opens it."""

from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from innkeeper.config import StoreSettings
from innkeeper.core.errors import SetupError
from innkeeper.store.database_url import told
from innkeeper.store.dialects.mariadb import MariaDBBackend
from innkeeper.store.dialects.postgresql import PostgreSQLBackend
from innkeeper.store.dialects.sqlite import SqliteBackend
from innkeeper.store.line import Line

EXAMPLES: Final = (
    "Use a SQLite file, PostgreSQL or MariaDB, as in sqlite:///data/innkeeper.db,"
    " postgresql://user:password@host/database or mariadb://user:password@host/database"
)


class Backend(Protocol):
    """One database. Nothing is opened until it is asked for."""

    shown: str
    """For people: which database it is, without its password."""
    ops_on_loop: bool
    """Whether ops run on the loop's thread, as they wait for nothing."""
    waits_on_loop: bool
    """Whether the writer's connection lets the loop go on while it waits."""
    reconnect_s: float
    """How long a database that has gone away is waited for."""

    def open_writer(self) -> Engine:
        """Give an engine of one connection that writes, alone among all processes.

        Raises SetupError, saying what to do.
        """

    def check_shareable(self) -> None:
        """Raise SetupError, saying what to do, if several processes cannot share it."""

    def open_shared_writer(self) -> Engine:
        """Give an engine of one connection that writes, beside other processes that share it.

        Raises SetupError, saying what to do.
        """

    def open_readers(self, size: int) -> Engine:
        """Give an engine of ``size`` connections that only read, each transaction one snapshot."""

    def open_follower(self) -> Engine:
        """Give an engine of one connection that only reads, again and again the same few things."""

    def look(self) -> Engine:
        """Give an engine of one connection that only reads. SetupError: there is no database."""

    def line(self, conn: Connection) -> Line | None:
        """Make a line of ``conn``, to be asked on the loop; None: that cannot be done here."""

    def release(self) -> None:
        """Let another process write."""


def backend_of(url: str, settings: StoreSettings) -> Backend:
    """Give the database at ``url``. Raises SetupError if that is none that we know."""
    parsed = _parsed(url)
    match parsed.get_backend_name():
        case "sqlite" if parsed.database:
            return SqliteBackend(Path(parsed.database))
        case "postgresql" if parsed.database:
            return PostgreSQLBackend(parsed, settings)
        case "mysql" | "mariadb" if parsed.database:
            return MariaDBBackend(parsed, settings)
        case "sqlite" | "postgresql" | "mysql" | "mariadb":
            raise SetupError(f"{shown(url)} names no database. {EXAMPLES}.")
        case other:
            raise SetupError(f"The database {other!r} is not supported. {EXAMPLES}.")


def shown(url: str) -> str:
    """Give ``url`` without its password, for people. Raises SetupError if it is none."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.database or url
    return parsed.render_as_string(hide_password=True)


def is_embedded(url: str) -> bool:
    """Tell whether ``url`` is of a file beside us, not of a server."""
    return _parsed(url).get_backend_name() == "sqlite"


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SetupError(f"{told(url)!r} is no database URL. {EXAMPLES}.") from error
