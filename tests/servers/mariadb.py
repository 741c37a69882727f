"""A throw-away MariaDB."""

import os
import shutil
import signal
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pymysql

from tests.servers.server import HOST, PASSWORD, USER, Server

SYSTEM_TABLES: Final = Path("/usr/share/mysql")
SCRIPTS: Final = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
)
CONNECT_S: Final = 5

SETTINGS: Final = (
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=48M",
    "--max-connections=200",
    "--skip-log-bin",
)
# A commit is with the operating system before it is answered, so it survives a killed server.
UNSAFE: Final = ("--innodb-flush-method=nosync",)


class MariaDB(Server):
    """MariaDB as it is installed."""

    scheme = "mysql+pymysql"
    query = "?charset=utf8mb4"
    end_signal = signal.SIGKILL

    def initialize(self) -> None:
        """Make the system's tables and one user, who may do everything.

        What Debian's script does too, but it also loads the help texts, which takes longer
        than all the rest, and wants programs of another package.
        """
        (self.directory / "files").mkdir()
        _give_away(self.directory / "files", like=self.directory)
        scripts = [(SYSTEM_TABLES / name).read_text() for name in SCRIPTS]
        account = f"{USER}@'%'"
        statements = [
            "CREATE DATABASE mysql;",
            "USE mysql;",
            *scripts,
            "FLUSH PRIVILEGES;",
            f"CREATE USER {account} IDENTIFIED BY '{PASSWORD}';",
            f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION;",
            "",
        ]
        self.run([*self._server(), "--bootstrap"], stdin="\n".join(statements).encode())

    def command(self) -> list[str]:
        """Give what starts it."""
        socket = self.directory / "socket"
        return [
            *self._server(),
            *(f"--bind-address={HOST}", f"--port={self.port}", f"--socket={socket}"),
            f"--pid-file={self.directory / 'pid'}",
            *SETTINGS,
        ]

    def execute(self, statement: str) -> None:
        """Run one statement without a database; ConnectionError if the server is not there."""
        with closing(self._connect()) as conn, conn.cursor() as cursor:
            cursor.execute(statement)

    def cut(self, name: str) -> int:
        """Break every connection to a database; give how many there were."""
        with closing(self._connect()) as conn, conn.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            found = [row[0] for row in cursor.fetchall()]
            for each in found:
                try:
                    cursor.execute(f"KILL {each}")
                except pymysql.err.OperationalError as error:
                    if error.args[0] != pymysql.constants.ER.NO_SUCH_THREAD:
                        raise
        return len(found)

    def idle_transactions(self, name: str) -> int:
        """Count the transactions that write a database and whose client is silent for 0.25 s."""
        idle = (
            "SELECT count(*) FROM information_schema.innodb_trx t"
            " JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id"
            " WHERE p.db = %s AND p.command = 'Sleep' AND p.time_ms > 250"
        )
        with closing(self._connect()) as conn, conn.cursor() as cursor:
            cursor.execute(idle, (name,))
            return int(cursor.fetchone()[0])

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.cut(name)
        self.execute(f"DROP DATABASE {name}")

    def _server(self) -> list[str]:
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        program = shutil.which("mariadbd", path=path)
        if program is None:
            raise AssertionError("There is no MariaDB here: run tests/servers/install.")
        options = () if self.safe else UNSAFE
        # Each start clears its directory for temporary tables of what others keep there.
        folders = (f"--datadir={self.directory / 'files'}", f"--tmpdir={self.directory}")
        return [program, "--no-defaults", *folders, *options]

    def _connect(self) -> "pymysql.Connection[Any]":
        try:
            return pymysql.connect(
                host=HOST,
                port=self.port,
                user=USER,
                password=PASSWORD,
                autocommit=True,
                connect_timeout=CONNECT_S,
            )
        except pymysql.err.OperationalError as error:
            raise ConnectionError(str(error)) from error


def _give_away(path: Path, *, like: Path) -> None:
    owner = like.stat()
    if owner.st_uid != os.geteuid():
        os.chown(path, owner.st_uid, owner.st_gid)
