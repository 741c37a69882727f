"""A throw-away PostgreSQL."""

import signal
from pathlib import Path
from typing import Final

import psycopg

from tests.servers.server import HOST, START_S, USER, Server, poll

_PACKAGES: Final = Path("/usr/lib/postgresql")
CONNECT_S: Final = 5
MAX_CONNECTIONS: Final = 200

SETTINGS: Final = {
    "listen_addresses": HOST,
    "max_connections": MAX_CONNECTIONS,
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "30s",
    # Nothing is left in the machine's shared memory by a server that was killed.
    "dynamic_shared_memory_type": "mmap",
    "logging_collector": "off",
}
# A commit is with the operating system before it is answered, so it survives a killed server.
# Whole pages stay in the log: a kill can tear one in two.
UNSAFE: Final = {"fsync": "off", "synchronous_commit": "on"}


class PostgreSQL(Server):
    """PostgreSQL of the newest version that is installed."""

    scheme = "postgresql+psycopg"
    end_signal = signal.SIGQUIT

    def initialize(self) -> None:
        """Make an empty cluster; whoever reaches the port is let in."""
        options = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
        self.run([_program("initdb"), "--no-sync", *options, str(self.directory / "files")])

    def command(self) -> list[str]:
        """Give what starts it."""
        settings = {**SETTINGS, **({} if self.safe else UNSAFE)}
        settings |= {"port": self.port, "unix_socket_directories": self.directory}
        files = str(self.directory / "files")
        return [
            _program("postgres"),
            *("-D", files),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def execute(self, statement: str) -> None:
        """Run one statement on the database ``postgres``; ConnectionError if it is not there."""
        with self.connect() as conn:
            conn.execute(statement.encode())

    def cut(self, name: str) -> int:
        """Break every connection to a database; give how many there were."""
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        with self.connect() as conn:
            return len(conn.execute(ours, (name,)).fetchall())

    def idle_transactions(self, name: str) -> int:
        """Count the transactions that write a database and whose client is silent for 0.25 s."""
        idle = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
            " AND state = 'idle in transaction' AND now() - state_change > interval '0.25 s'"
            # The server takes nothing from those who read.
            " AND application_name NOT LIKE '%% reads'"
        )
        with self.connect() as conn:
            (found,) = conn.execute(idle, (name,)).fetchone() or (0,)
            return int(found)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def connect(self) -> psycopg.Connection:
        """Connect to the database ``postgres``; ConnectionError if that is not there."""
        try:
            return psycopg.connect(
                host=HOST,
                port=self.port,
                user=USER,
                dbname="postgres",
                autocommit=True,
                connect_timeout=CONNECT_S,
            )
        except psycopg.OperationalError as error:
            raise ConnectionError(str(error)) from error


class Standby(PostgreSQL):
    """A standby of a PostgreSQL, which commits nothing that the standby has not got."""

    def __init__(self, directory: Path, *, primary: PostgreSQL) -> None:
        super().__init__(directory)
        self._primary = primary

    def initialize(self) -> None:
        """Copy the primary, which is running."""
        source = ["--host", HOST, "--port", str(self._primary.port), "--username", USER]
        how = ["--write-recovery-conf", "--checkpoint", "fast", "--no-sync"]
        self.run([_program("pg_basebackup"), *source, *how, "-D", str(self.directory / "files")])

    def follow(self) -> None:
        """Start, and let the primary wait for it from now on."""
        self.start()
        self._primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._primary.execute("SELECT pg_reload_conf()")
        poll(self._is_followed, deadline_s=START_S)

    def promote(self) -> None:
        """Make it a primary."""
        self.execute("SELECT pg_promote()")

    def _is_followed(self) -> bool:
        with self._primary.connect() as conn:
            found = conn.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
        return found == [("sync",)]


def _program(name: str) -> str:
    found = sorted(_PACKAGES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise AssertionError("There is no PostgreSQL here: run tests/servers/install.")
    return str(found[-1])
