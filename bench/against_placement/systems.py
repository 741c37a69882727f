"""The systems that are compared, each started as its operators would start it.

openstack-placement runs under uWSGI with two processes, behind uWSGI's own HTTP router, with
requests not logged. Innkeeper is `innkeeper api`, one process that has its database alone unless
said otherwise. Both believe whoever asks.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from bench.against_placement.processes import memory_mb, tree_of
from bench.against_placement.requests import HEADERS
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import HOST, DatabaseUrl, free_port

PEERS: Final = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin"
PEER_PROCESSES: Final = 2
START_S: Final = 600.0
STOP_S: Final = 20.0
POLL_S: Final = 0.02

BIG_CACHE: Final = {"shared_buffers": "256MB", "max_wal_size": "2GB"}


class BenchPostgreSQL(PostgreSQL):
    """A PostgreSQL with room to work, which syncs to disk."""

    def command(self) -> list[str]:
        """Give what starts it."""
        more = (word for name, value in BIG_CACHE.items() for word in ("-c", f"{name}={value}"))
        return [*super().command(), *more]

    def analyze(self, url: DatabaseUrl) -> None:
        """Let the planner know what was filled in."""
        with self._at(url) as conn:
            conn.execute("VACUUM ANALYZE")

    def backends(self, url: DatabaseUrl) -> list[int]:
        """Give the processes that serve connections to a database."""
        with self.connect() as conn:
            rows = conn.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", (url.name,))
            return [int(pid) for (pid,) in rows]

    def _at(self, url: DatabaseUrl) -> psycopg.Connection:
        plain = url.replace("+psycopg", "")
        return psycopg.connect(plain, autocommit=True)


class System(ABC):
    """One server with its database, which has been filled."""

    name: str

    def __init__(self, folder: Path, database: DatabaseUrl | None = None) -> None:
        """Keep files in ``folder``; None: a database of its own, in a file there."""
        self.folder = folder
        self.database = database
        self.port = 0
        self.start_s = 0.0
        """From the start of the process to its first answer."""
        self._process: subprocess.Popen[str] | None = None

    @abstractmethod
    def launch(self) -> "subprocess.Popen[str]":
        """Start the process, and know its port."""

    def server_pids(self) -> list[int]:
        """Give its processes, without those of the database server."""
        return [] if self._process is None else tree_of(self._process.pid)

    def database_pids(self) -> list[int]:
        """Give the database server's processes that work for it."""
        if self.database is None:
            return []
        server = self.database.server
        if not isinstance(server, BenchPostgreSQL):
            raise TypeError("the database must be one of BenchPostgreSQL")
        return server.backends(self.database)

    def memory_mb(self) -> float:
        """Give the memory of its processes, without the database server's."""
        return memory_mb(self.server_pids())

    @contextmanager
    def running(self, first: str) -> Iterator[None]:
        """Run it; it has started when it has answered a GET of the path ``first``."""
        began = time.monotonic()
        self._process = self.launch()
        try:
            self._wait(first)
            self.start_s = time.monotonic() - began
            yield
        finally:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                # A search without end does not listen; the master alone would leave it behind.
                for pid in self.server_pids():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self._process.wait()
            self._process = None

    def get(self, path: str, *, timeout_s: float) -> bytes:
        """Give the body of the answer to a GET. Raises OSError."""
        request = urllib.request.Request(f"http://{HOST}:{self.port}{path}", headers=HEADERS)
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            found: bytes = answer.read()
        return found

    def _wait(self, first: str) -> None:
        end = time.monotonic() + START_S
        pause = threading.Event()
        while True:
            with contextlib.suppress(OSError):
                self.get(first, timeout_s=START_S)
                return
            if self._process is None or self._process.poll() is not None or time.monotonic() > end:
                log = (self.folder / f"{self.name}.log").read_text(errors="replace")
                raise RuntimeError(f"{self.name} does not answer:\n{log[-3000:]}")
            pause.wait(POLL_S)

    def _popen(self, command: list[str], **environment: str) -> "subprocess.Popen[str]":
        kept = {k: v for k, v in os.environ.items() if k[:10] != "INNKEEPER_" and k[:3] != "OS_"}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


class Innkeeper(System):
    """`innkeeper api`."""

    def __init__(
        self, folder: Path, database: DatabaseUrl | None = None, *, workers: int = 0
    ) -> None:
        """Run it by so many workers; 0: by one process, which has the database alone."""
        super().__init__(folder, database)
        self._workers = workers
        engine = "sqlite" if database is None else "postgresql"
        self.name = f"innkeeper-{engine}" + (f"-{workers}" if workers else "")

    def launch(self) -> "subprocess.Popen[str]":
        """Start it on ports that it chooses."""
        url = [] if self.database is None else ["--database-url", str(self.database)]
        workers = ["--workers", str(self._workers)] if self._workers else []
        process = self._popen(
            [
                *(sys.executable, "-m", "innkeeper", "api", "--json", "--port", "0"),
                *(
                    "--placement-listen",
                    f"{HOST}:0",
                    "--data-dir",
                    str(self.folder),
                    *url,
                    *workers,
                ),
            ]
        )
        said = ""
        for line in process.stdout or ():
            said += line
            if line.rstrip() == "}":
                break
        if said:
            self.port = int(json.loads(said)["placement_url"].rpartition(":")[2].strip("/"))
        return process


class Placement(System):
    """openstack-placement under uWSGI."""

    name = "placement"

    def __init__(
        self, folder: Path, database: DatabaseUrl, *, max_candidates: int | None = None
    ) -> None:
        super().__init__(folder, database)
        self.max_candidates = max_candidates

    def configure(self) -> None:
        """Write placement.conf."""
        lines = [
            "[DEFAULT]",
            # A line for each request is what its operators have, and we have not.
            "default_log_levels = placement=WARNING",
            f"log_file = {self.folder}/placement-api.log",
            "[api]",
            "auth_strategy = noauth2",
            "[placement_database]",
            f"connection = {str(self.database).replace('+psycopg:', '+psycopg2:')}",
        ]
        if self.max_candidates is not None:
            lines += ["[placement]", f"max_allocation_candidates = {self.max_candidates}"]
        (self.folder / "placement.conf").write_text("\n".join(lines) + "\n")

    def launch(self) -> "subprocess.Popen[str]":
        """Start it."""
        self.configure()
        self.port = free_port()
        return self._popen(
            [
                *(str(PEERS / "uwsgi"), "--http", f"{HOST}:{self.port}", "--http-keepalive=1"),
                *("--http-timeout", "600", "--master", "--processes", str(PEER_PROCESSES)),
                *("--lazy-apps", "--need-app", "--die-on-term", "--disable-logging"),
                *("--enable-threads", "--thunder-lock", "--buffer-size", "65535"),
                *("--module", "placement.wsgi.api:application"),
            ],
            OS_PLACEMENT_CONFIG_DIR=str(self.folder),
        )


def peer_is_there() -> bool:
    """Tell whether openstack-placement can be started here."""
    return (PEERS / "uwsgi").exists()
