"""One server process of the target: started, waited for, stopped."""

import contextlib
import http.client
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT_S = 60.0
"""A server that shares a busy machine with many others may take long."""
STOP_TIMEOUT_S = 5.0
POLL_S = 0.03
LOG_CHARS = 2_000


class ServerFailed(Exception):
    """The server did not start; the message ends with its log."""


def free_port() -> int:
    """Give a loopback port that is free just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(
    command: str, *, port: int, data_dir: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``command``, with {port} and {data_dir} replaced, until the block ends.

    Raises ServerFailed.
    """
    arguments = [
        part.replace("{port}", str(port)).replace("{data_dir}", str(data_dir))
        for part in shlex.split(command)
    ]
    log_path = data_dir / "server.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        _wait(process, port, log_path)
        yield process
    finally:
        _stop(process)


def _wait(process: "subprocess.Popen[bytes]", port: int, log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if _answers(port):
            return
        time.sleep(POLL_S)
    log = log_path.read_text("utf-8", "replace")[-LOG_CHARS:]
    raise ServerFailed(f"no answer on port {port}, status {process.poll()}; the log ends: {log}")


def _answers(port: int) -> bool:
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        conn.request("GET", "/")
        conn.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        conn.close()
    return True


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the process, and whatever is left of its own group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
