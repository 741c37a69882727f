"""PostgreSQL, by psycopg 3: READ COMMITTED for what writes, a snapshot for what reads."""

import secrets
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from sqlalchemy import (
    JSON,
    URL,
    Connection,
    Engine,
    FromClause,
    bindparam,
    create_engine,
    event,
    func,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from innkeeper.config import StoreSettings
from innkeeper.core.errors import SetupError
from innkeeper.store import pipeline
from innkeeper.store.dialects.over_socket import (
    KEEPALIVE_COUNT,
    KEEPALIVE_IDLE_S,
    KEEPALIVE_INTERVAL_S,
    TURN_LIMIT_S,
    SocketBackend,
)
from innkeeper.store.dialects.rows import PARAMETER, Kind, columns_of
from innkeeper.store.dialects.trouble import Trouble
from innkeeper.store.line import Line

if TYPE_CHECKING:
    from psycopg import Connection as PsycopgConnection

OLDEST: Final = 13
"""The oldest PostgreSQL that its makers still mended when this was written."""
LOCK_KEY: Final = 0x1224_EE9E_4B1D_0001
"""The advisory lock of whoever writes a database; such locks are per database."""
PREPARE_AFTER: Final = 2
"""Runs of one statement after which the server keeps its plan."""

BY_KEYS: Final = "; ".join(
    (
        *(
            f"SET {name} = off"
            for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
        ),
        "SET jit = off",
        "SET plan_cache_mode = force_generic_plan",
    )
)
"""For what finds rows by their keys, however few there were when that was planned, so that it need
not be planned again for the keys at hand. To scan where that is off looks dear enough to be
compiled first, which costs far more than it."""

_LOST: Final = ("08", "25P03", "57P01", "57P02", "57P03", "25006")
"""Beginnings of the codes that mean: this connection, or the server as it was, is gone. 25P03:
we kept others waiting for too long; 25006: what was a primary is read only now."""
_TRANSIENT: Final = ("40001", "40P01", "55P03")
_UNAVAILABLE: Final = ("53", "55", "57", "58", "XX")

_log = structlog.get_logger(__name__)


class PostgreSQLBackend(SocketBackend):
    """A database of PostgreSQL."""

    name = "PostgreSQL"
    waits_on_loop = True

    def __init__(self, url: URL, settings: StoreSettings) -> None:
        super().__init__(url.set(drivername="postgresql+psycopg"), settings)
        # By this the writer's own earlier connections are told from all others.
        self._me = f"innkeeper {socket.gethostname()[:32]} {secrets.token_hex(4)}"

    def open_follower(self) -> Engine:
        """Give an engine of one connection that only reads, which has a pipeline."""
        engine = super().open_follower()
        _add_pipelines(engine)
        return engine

    def line(self, conn: Connection) -> Line | None:
        """Make a line of ``conn``, which is in autocommit, to be asked on the loop."""
        # Where PostgreSQL is not used, its driver need not be there.
        from innkeeper.store.dialects.libpq import LibpqLine  # noqa: PLC0415

        driver = cast("PsycopgConnection", conn.connection.driver_connection)
        # The server ends a statement then; a server that says nothing has ended itself.
        return LibpqLine(driver, limit_s=self._settings.statement_timeout_s)

    def _engine(self, *, reads: bool, size: int) -> Engine:
        timeout_ms = round(self._settings.statement_timeout_s * 1000)
        options = {
            "statement_timeout": f"{timeout_ms}",
            "lock_timeout": f"{timeout_ms}",
            "default_transaction_isolation": r"repeatable\ read" if reads else r"read\ committed",
            "default_transaction_read_only": "on" if reads else "off",
            "tcp_keepalives_idle": f"{KEEPALIVE_IDLE_S}",
            "tcp_keepalives_interval": f"{KEEPALIVE_INTERVAL_S}",
            "tcp_keepalives_count": f"{KEEPALIVE_COUNT}",
        }
        if reads:
            # What is asked for often is in memory; else a join of a few consumers with what they
            # hold would walk through all allocations.
            options["random_page_cost"] = "1.1"
        if self._is_shared and not reads:
            options["idle_in_transaction_session_timeout"] = f"{round(TURN_LIMIT_S * 1000)}"
        arguments: dict[str, object] = {
            "application_name": self._me + (" reads" if reads else ""),
            "connect_timeout": max(2, round(self._settings.connect_timeout_s)),
            "prepare_threshold": PREPARE_AFTER,
            "keepalives_idle": KEEPALIVE_IDLE_S,
            "keepalives_interval": KEEPALIVE_INTERVAL_S,
            "keepalives_count": KEEPALIVE_COUNT,
            # Of several hosts in the URL, the one that takes writes.
            "target_session_attrs": "primary",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        }
        # What the URL says goes before; but the name must be ours.
        own = {
            name: value
            for name, value in arguments.items()
            if name == "application_name" or name not in self._url.query
        }
        engine = create_engine(
            self._url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=self._settings.statement_timeout_s,
            # What writes ends its transactions itself.
            pool_reset_on_return="rollback" if reads else None,
            connect_args=own,
        )
        if not reads:
            _add_pipelines(engine)
        return engine

    def _check(self, conn: Connection) -> None:
        version = int((conn.dialect.server_version_info or (0,))[0])
        if version < OLDEST:
            raise SetupError(
                f"{self.shown} is PostgreSQL {version}; Innkeeper needs {OLDEST} or newer."
            )
        encoding = conn.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise SetupError(
                f"The database {self.shown} has the encoding {encoding}. Make one with UTF8:"
                " CREATE DATABASE innkeeper ENCODING 'UTF8' TEMPLATE template0."
            )

    def _check_writer(self, conn: Connection) -> None:
        self._check(conn)
        for name in ("fsync", "synchronous_commit"):
            if conn.scalar(text(f"SHOW {name}")) == "off":
                _log.warning("an answered write may be lost in a crash", setting=f"{name}=off")

    def _lock(self, cursor: Any) -> bool:  # noqa: ANN401
        if self._is_shared:
            # An earlier session of ours keeps nobody from it, but may have a write to carry out.
            if self._end_mine(cursor):
                return False
            cursor.execute("SELECT pg_try_advisory_lock_shared(%s)", (LOCK_KEY,))
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,))
        return bool(cursor.fetchone()[0])

    def _end_mine(self, cursor: Any) -> bool:  # noqa: ANN401
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = %s AND pid <> pg_backend_pid()",
            (self._me,),
        )
        found = cursor.fetchone() is not None
        # What it sees of the others' activity is kept until the transaction ends.
        cursor.connection.rollback()
        return found

    def _owner(self, cursor: Any) -> str:  # noqa: ANN401
        cursor.execute(
            "SELECT a.application_name, a.client_addr, a.pid FROM pg_locks l"
            " JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.locktype = 'advisory' AND l.granted"
            " AND l.classid = %s AND l.objid = %s AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (LOCK_KEY >> 32, LOCK_KEY & 0xFFFF_FFFF),
        )
        row = cursor.fetchone()
        if row is None:
            return "which has just ended"
        name, address, pid = row
        return f"{name or 'unnamed'}, at {address or 'the same machine'}, server process {pid}"


def _add_pipelines(engine: Engine) -> None:
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _add_pipeline)
    event.listen(engine, "before_cursor_execute", _drain)
    event.listen(engine, "commit", pipeline.drain)
    event.listen(engine, "rollback", pipeline.drop)


def _connect(
    _dialect: Dialect, _record: ConnectionPoolEntry, given: list[Any], named: dict[str, Any]
) -> "PsycopgConnection[Any]":
    # Where PostgreSQL is not used, its driver need not be there.
    from innkeeper.store.dialects.libpq_connection import LibpqConnection  # noqa: PLC0415

    return LibpqConnection.connect(*given, **named)


def _add_pipeline(driver: "PsycopgConnection[Any]", record: ConnectionPoolEntry) -> None:
    # Where PostgreSQL is not used, its driver need not be there.
    from innkeeper.store.dialects.libpq_pipeline import LibpqPipeline  # noqa: PLC0415

    driver.execute(BY_KEYS)
    driver.commit()
    record.info[pipeline.KEY] = LibpqPipeline(driver)
    # After a rollback psycopg has the server forget what it has prepared: that of the pipeline too.
    driver.prepare_threshold = None


def _drain(conn: Connection, *_statement: object) -> None:
    """Have all that was sent answered before psycopg uses the connection."""
    pipeline.drain(conn)


def table_of(columns: Mapping[str, Kind]) -> FromClause:
    """Give a table of the rows that one parameter holds."""
    rows = func.json_to_recordset(bindparam(PARAMETER, type_=JSON))
    return rows.table_valued(*columns_of(columns), name="given").render_derived(with_types=True)


def trouble(error: Exception) -> Trouble:
    """Say what an error of the driver means."""
    code = getattr(error, "sqlstate", None) or ""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if code == "23505":
        found = Trouble.DUPLICATE
    elif "IntegrityError" in kinds:
        found = Trouble.CONFLICT
    elif code.startswith(_LOST) or (not code and "OperationalError" in kinds):
        found = Trouble.LOST
    elif code.startswith(_TRANSIENT):
        found = Trouble.TRANSIENT
    elif code.startswith(_UNAVAILABLE):
        found = Trouble.UNAVAILABLE
    else:
        found = Trouble.REFUSED
    return found
