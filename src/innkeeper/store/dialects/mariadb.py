"""MariaDB, by PyMySQL: READ COMMITTED for what writes, a snapshot for what reads."""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import structlog
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    FromClause,
    create_engine,
    event,
    text,
)

from innkeeper.config import StoreSettings
from innkeeper.core.errors import SetupError
from innkeeper.store.dialects.over_socket import TURN_LIMIT_S, SocketBackend
from innkeeper.store.dialects.rows import PARAMETER, Kind, columns_of
from innkeeper.store.dialects.trouble import Trouble

OLDEST: Final = (10, 6)
"""The oldest MariaDB with long-term support when this was written."""
GRACE_S: Final = 10.0
"""What a statement may take longer than its limit before the server is taken for dead."""
WAIT_TIMEOUT_S: Final = 31_536_000
"""The server's largest: a writer that has nothing to do keeps its lock."""
MAX_LOCK_NAME: Final = 64
"""Of GET_LOCK."""
SHARERS: Final = 128
"""Processes that may share one database; whoever has it alone looks at a lock of each."""
NO_SUCH_THREAD: Final = 1094

_TYPES: Final[dict[Kind, str]] = {
    int: "BIGINT",
    float: "DOUBLE",
    # As long, and compared, as the columns that it goes to.
    str: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
}
"""Of the columns of rows that are given in one parameter."""

_DUPLICATE: Final = frozenset({1062, 1586})
_TRANSIENT: Final = frozenset({1020, 1205, 1213, 1317})
_LOST: Final = frozenset({0, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1290, 1836, 1927})
_FIRST_OF_CLIENT: Final = 2000
"""From here on, codes are of the client: nobody there, gone away, lost."""
_LAST_OF_CLIENT: Final = 2999
_UNAVAILABLE: Final = frozenset({1021, 1037, 1038, 1040, 1041, 1047, 1114, 1203, 1969, 3024})

_log = structlog.get_logger(__name__)


class MariaDBBackend(SocketBackend):
    """A database of MariaDB."""

    name = "MariaDB"

    def __init__(self, url: URL, settings: StoreSettings) -> None:
        super().__init__(url.set(drivername="mariadb+pymysql"), settings)
        # Unlike PostgreSQL's, these locks are the whole server's.
        name = f"innkeeper.{url.database}"
        if len(f"{name}.{SHARERS}") > MAX_LOCK_NAME:
            name = f"innkeeper.{sha256(name.encode()).hexdigest()[:32]}"
        self._lock_name = name
        self._mine: int | None = None
        self._place = secrets.randbelow(SHARERS)

    def _engine(self, *, reads: bool, size: int) -> Engine:
        timeout_s = self._settings.statement_timeout_s
        isolation = "REPEATABLE READ, READ ONLY" if reads else "READ COMMITTED, READ WRITE"
        settings = {
            "sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
            "max_statement_time": f"{timeout_s:g}",
            "innodb_lock_wait_timeout": f"{max(1, round(timeout_s))}",
            "wait_timeout": f"{WAIT_TIMEOUT_S}",
        }
        if self._is_shared and not reads:
            settings["idle_transaction_timeout"] = f"{round(TURN_LIMIT_S)}"
        assigned = ", ".join(f"SESSION {name} = {value}" for name, value in settings.items())
        arguments: dict[str, object] = {
            "charset": "utf8mb4",
            "connect_timeout": max(1, round(self._settings.connect_timeout_s)),
            "read_timeout": timeout_s + GRACE_S,
            "write_timeout": timeout_s + GRACE_S,
        }
        own = {name: value for name, value in arguments.items() if name not in self._url.query}
        init = f"SET {assigned}; SET SESSION TRANSACTION ISOLATION LEVEL {isolation}"
        engine = create_engine(
            self._url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=timeout_s,
            # What writes ends its transactions itself.
            pool_reset_on_return="rollback" if reads else None,
            connect_args=own,
        )
        _on_connect(engine, init.split("; "))
        return engine

    def _check(self, conn: Connection) -> None:
        version = conn.dialect.server_version_info or (0,)
        if not getattr(conn.dialect, "is_mariadb", False):
            raise SetupError(f"{self.shown} is MySQL, which is not supported. Use MariaDB.")
        if version[:2] < OLDEST:
            found, oldest = (".".join(map(str, each)) for each in (version[:2], OLDEST))
            raise SetupError(f"{self.shown} is MariaDB {found}; Innkeeper needs {oldest} or newer.")

    def _check_writer(self, conn: Connection) -> None:
        self._check(conn)
        flush = conn.scalar(text("SELECT @@innodb_flush_log_at_trx_commit"))
        if flush != 1:
            _log.warning(
                "an answered write may be lost in a crash",
                setting=f"innodb_flush_log_at_trx_commit={flush}",
            )

    def _lock(self, cursor: Any) -> bool:  # noqa: ANN401
        mine = self._my_lock
        cursor.execute("SELECT GET_LOCK(%s, 0), CONNECTION_ID()", (mine,))
        taken, connection = cursor.fetchone()
        if taken != 1:
            self._look_elsewhere(cursor)
            return False
        # Each takes its own lock before it looks for the other's, so that one of them sees both.
        if self._others(cursor):
            cursor.execute("DO RELEASE_LOCK(%s)", (mine,))
            return False
        self._mine = connection
        return True

    @property
    def _my_lock(self) -> str:
        return self._places[self._place] if self._is_shared else self._lock_name

    @property
    def _places(self) -> list[str]:
        """Names of locks, one for each process that shares: there are no shared ones here."""
        return [f"{self._lock_name}.{place}" for place in range(SHARERS)]

    def _look_elsewhere(self, cursor: Any) -> None:  # noqa: ANN401
        """Take another place the next time, if a stranger has ours."""
        if self._is_shared:
            cursor.execute("SELECT IS_USED_LOCK(%s)", (self._my_lock,))
            (owner,) = cursor.fetchone()
            if owner is not None and owner != self._mine:
                self._place = secrets.randbelow(SHARERS)

    def _others(self, cursor: Any) -> list[int]:  # noqa: ANN401
        """Give the connections that must not be there: who shares, or who has it alone."""
        names = [self._lock_name] if self._is_shared else self._places
        cursor.execute("SELECT " + ", ".join(["IS_USED_LOCK(%s)"] * len(names)), names)
        return [owner for owner in cursor.fetchone() if owner is not None]

    def _end_mine(self, cursor: Any) -> bool:  # noqa: ANN401
        cursor.execute("SELECT IS_USED_LOCK(%s)", (self._my_lock,))
        (owner,) = cursor.fetchone()
        if owner is None or owner != self._mine:
            return False
        try:
            cursor.execute(f"KILL CONNECTION {owner:d}")
        except cursor.connection.Error as error:
            # It may have ended by itself meanwhile, which is what is wanted.
            if error.args[0] != NO_SUCH_THREAD:
                raise
        return True

    def _owner(self, cursor: Any) -> str:  # noqa: ANN401
        cursor.execute("SELECT IS_USED_LOCK(%s)", (self._lock_name,))
        (alone,) = cursor.fetchone()
        owners = self._others(cursor) if alone is None else [alone]
        cursor.execute(
            "SELECT p.user, p.host, p.id FROM information_schema.processlist p WHERE p.id = %s",
            (owners[0] if owners else 0,),
        )
        row = cursor.fetchone()
        return "which has just ended" if row is None else f"{row[0]}@{row[1]}, connection {row[2]}"


def _on_connect(engine: Engine, statements: list[str]) -> None:
    """Run ``statements`` on each new connection."""

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    event.listen(engine, "connect", prepare)


def table_of(columns: Mapping[str, Kind]) -> FromClause:
    """Give a table of the rows that one parameter holds."""
    fields = (
        f"`{name}` {_TYPES[kind]} PATH '$.{name}' ERROR ON ERROR" for name, kind in columns.items()
    )
    rows = f"JSON_TABLE(:{PARAMETER}, '$[*]' COLUMNS ({', '.join(fields)})) AS given"
    return text(f"SELECT * FROM {rows}").columns(*columns_of(columns)).subquery("given")  # noqa: S608


def trouble(error: Exception) -> Trouble:
    """Say what an error of the driver means."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else -1
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if code in _DUPLICATE:
        found = Trouble.DUPLICATE
    elif "IntegrityError" in kinds:
        found = Trouble.CONFLICT
    elif code in _LOST or _FIRST_OF_CLIENT <= code <= _LAST_OF_CLIENT:
        found = Trouble.LOST
    elif code in _TRANSIENT:
        found = Trouble.TRANSIENT
    elif code in _UNAVAILABLE:
        found = Trouble.UNAVAILABLE
    else:
        found = Trouble.REFUSED
    return found
