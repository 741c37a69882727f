"""The program as its users have it: real processes, real files, real sockets."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2
import pytest

COMMAND: Final = (sys.executable, "-m", "innkeeper")
PATIENCE_S: Final = 120.0

Json = Any
Innkeeper = Callable[..., subprocess.CompletedProcess[str]]


def clean_environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("INNKEEPER_")}


@pytest.fixture
def innkeeper(tmp_path: Path) -> Innkeeper:
    """Give a function that runs one command to its end, in a directory of its own."""

    def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            env=clean_environment() | variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


class Server:
    """`innkeeper up`, or another that serves, which can be killed and started again."""

    def __init__(self, data_dir: Path, *options: object, command: str = "up") -> None:
        self.data_dir = data_dir
        self._command = command
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.said: dict[str, Json] = {}
        self.url = ""

    def start(self) -> None:
        """Start it and wait until it says where it is."""
        arguments = [self._command, "--json", "--port", 0, "--data-dir", self.data_dir]
        self._process = subprocess.Popen(
            [*COMMAND, *map(str, (*arguments, *self._options))],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said += line
            if line.rstrip() == "}":
                break
        if not said:
            raise AssertionError(self._process.communicate()[1])
        self.said = json.loads(said)
        self.url = self.said["url"]

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(lambda process: process.kill())

    def stop(self) -> int:
        """Ask it to end; give its exit code."""
        return self._end(lambda process: process.terminate())

    def _end(self, how: Callable[[subprocess.Popen[str]], None]) -> int:
        if self._process is None:
            return 0
        how(self._process)
        self._process.communicate(timeout=PATIENCE_S)
        code, self._process = self._process.returncode, None
        return code


@contextmanager
def serving(data_dir: Path, *options: object, command: str = "up") -> Iterator[Server]:
    server = Server(data_dir, *options, command=command)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=PATIENCE_S) as one:
        yield one


NODES: Final = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
TASKS: Final = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec")


@pytest.fixture
def tiny_trace(tmp_path: Path) -> Path:
    """Give a trace of 6 nodes with 16 GPUs, and 60 tasks that ask for nearly all of them."""
    random = Random(7)
    folder = tmp_path / "trace"
    folder.mkdir()
    nodes = [(f"node-{n}", 64_000, 262_144, 2 if n < 4 else 4, "T4") for n in range(6)]
    tasks = [
        (f"task-{n:02}", 1_000, 1_024, 1, random.choice((200, 250, 300, 250)), "")
        for n in range(60)
    ]
    write_csv(folder / "openb_node_list_gpu_node.csv", NODES, nodes)
    write_csv(folder / "openb_pod_list_default.csv", TASKS, tasks)
    return folder


def write_csv(path: Path, header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
