"""A throw-away database server: a directory, a process, and databases by the dozen.

One server serves all tests of one process, since starting it costs as much as a hundred
databases. It ends with the process that started it, however that ends.
"""

import contextlib
import fcntl
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

HOST: Final = "127.0.0.1"
USER: Final = "innkeeper"
PASSWORD: Final = "innkeeper"
START_S: Final = 60.0
STOP_S: Final = 30.0
POLL_S: Final = 0.02
PORT_TRIES: Final = 5
"""Somebody else may take a port between its choice and its use."""
UNPRIVILEGED: Final = ("postgres", "nobody")
"""Who runs the servers when we are root: neither will start as root."""
DIRECTORY_PREFIX: Final = "innkeeper-servers-"
_LOCK_NAME: Final = "in-use"

_numbers = itertools.count(1)
# A server ends with the thread that started it, so that thread lives as long as we do.
_starter: Final = ThreadPoolExecutor(1, thread_name_prefix="servers")


class DatabaseUrl(str):
    """The URL of a database as SQLAlchemy takes it, and its parts for other clients."""

    __slots__ = ("name", "port", "server")

    name: str
    port: int
    server: "Server"
    host = HOST
    user = USER
    password = PASSWORD

    @classmethod
    def of(cls, server: "Server", name: str) -> Self:
        """Give the URL of the database ``name`` of ``server``."""
        url = cls(f"{server.scheme}://{USER}:{PASSWORD}@{HOST}:{server.port}/{name}{server.query}")
        url.name, url.port, url.server = name, server.port, server
        return url


class Server(ABC):
    """One database server. ``start`` it, then ask for databases."""

    scheme: str
    query = ""
    """What follows the name of the database in a URL."""
    end_signal: signal.Signals
    """What ends the server at once, with nothing of it left behind."""

    def __init__(self, directory: Path, *, safe: bool = False) -> None:
        """Live in ``directory``. ``safe``: sync to disk, as only a benchmark needs.

        Without it, what was committed survives the death of the server, but no power cut.
        """
        self.directory = directory
        self.safe = safe
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def initialize(self) -> None:
        """Make the files of an empty server."""

    @abstractmethod
    def command(self) -> list[str]:
        """Give what starts the server, in the foreground."""

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Run one statement as the server's administrator."""

    @abstractmethod
    def cut(self, name: str) -> int:
        """Break every connection to a database; give how many there were."""

    @abstractmethod
    def idle_transactions(self, name: str) -> int:
        """Count the transactions that write a database and whose client is silent for 0.25 s."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The server's process."""
        if self._process is None:
            raise AssertionError("the server was not started")
        return self._process.pid

    def start(self) -> None:
        """Start it, if it is not running, and wait until it answers. It keeps its port."""
        if self.running:
            return
        for tries_left in reversed(range(PORT_TRIES)):
            self.port = self.port or free_port()
            try:
                self._start()
            except OSError:
                if not tries_left:
                    raise
            else:
                return

    def stop(self) -> None:
        """End it in good order: every connection is broken, nothing is lost."""
        self._end(signal.SIGINT if self.scheme.startswith("postgresql") else signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does, with all its processes."""
        if not self.running:
            return
        for child in children_of(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def end(self) -> None:
        """End it for good: its directory goes next."""
        if self.running:
            self._end(self.end_signal)

    def pause(self) -> None:
        """Let it hang, so that nobody is answered, until ``resume``."""
        for pid in (self.pid, *children_of(self.pid)):
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End a pause."""
        for pid in (self.pid, *children_of(self.pid)):
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def database(self) -> Iterator[DatabaseUrl]:
        """Give a new, empty database, which is gone afterwards; the server is running then."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        self.start()
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield DatabaseUrl.of(self, name)
        finally:
            self.start()
            self.drop(name)

    def log(self) -> str:
        """Give what the server has said."""
        return (self.directory / "log").read_text(errors="replace")

    def run(self, command: list[str], *, stdin: bytes = b"") -> None:
        """Run one of the server's tools as its user."""
        done = subprocess.run(
            [*as_user(signal.SIGKILL), *command],
            input=stdin,
            cwd=self.directory,
            capture_output=True,
            timeout=START_S,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise AssertionError(f"{command[0]} failed:\n{said}")

    def _start(self) -> None:
        """Raise ConnectionError if it ends at once, as it does where its port is taken."""
        with (self.directory / "log").open("ab") as log:
            self._process = _starter.submit(
                subprocess.Popen,
                [*as_user(self.end_signal), *self.command()],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ).result()
        poll(self._answers, deadline_s=START_S)
        if not self.running:
            self.port = 0
            raise ConnectionError(f"the server ended:\n{self.log()[-2000:]}")

    def _answers(self) -> bool:
        if not self.running:
            return True
        try:
            self.execute("SELECT 1")
        except ConnectionError:
            return False
        return True

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        self._process.wait(STOP_S)
        self._process = None


def as_user(at_our_end: signal.Signals) -> list[str]:
    """Give what a command is preceded by, to run unprivileged and to end when we do."""
    prefix = ["setpriv", "--pdeathsig", at_our_end.name.removeprefix("SIG")]
    user = unprivileged()
    if user is None:
        return [*prefix, "--"]
    ids = ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    return [*prefix, *ids, "--"]


def unprivileged() -> pwd.struct_passwd | None:
    """Give who shall run the servers; None: we ourselves."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


@contextmanager
def server_directory() -> Iterator[Path]:
    """Give a directory that whoever runs the server may write, gone afterwards.

    Not below pytest's own, which root keeps to himself. What processes that were killed left
    behind is removed too: nobody holds its lock any more.
    """
    base = Path(tempfile.gettempdir())
    for old in base.glob(f"{DIRECTORY_PREFIX}*"):
        with contextlib.suppress(OSError), (old / _LOCK_NAME).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX))
    try:
        with (directory / _LOCK_NAME).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            user = unprivileged()
            if user is not None:
                os.chown(directory, user.pw_uid, user.pw_gid)
            yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running(kind: type[Server], *, safe: bool = False) -> Iterator[Server]:
    """Give a new server of a kind, running, gone afterwards."""
    with server_directory() as directory:
        server = kind(directory, safe=safe)
        server.initialize()
        try:
            server.start()
            yield server
        finally:
            server.end()


def free_port() -> int:
    """Give a TCP port of the loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
    return port


def children_of(pid: int) -> list[int]:
    """Give the processes that ``pid`` has started and that are alive."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def poll(look: Callable[[], bool], *, deadline_s: float) -> None:
    """Look until it is so; AssertionError at the deadline."""
    end = time.monotonic() + deadline_s
    pause = threading.Event()
    while not look():
        if time.monotonic() > end:
            raise AssertionError("the server does not answer")
        pause.wait(POLL_S)
