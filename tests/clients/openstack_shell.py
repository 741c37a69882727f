"""The real `openstack` command, kept running: starting it takes seconds, a command a few ms."""

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.clients.live_innkeeper import TOKEN

MARK: Final = "@@ done"
PATIENCE_S: Final = 60.0


class OpenStackShell:
    """Commands typed into one `openstack` process. What it prints to stderr counts as output."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.lines: list[str] = []
        """All commands so far."""

    def text(self, *words: object) -> str:
        """Run one command; give what it prints."""
        line = " ".join(map(str, words))
        self.lines.append(line)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n!echo {shlex.quote(MARK)}\n")
        self._process.stdin.flush()
        said = []
        for part in self._process.stdout:
            if MARK in part:
                return "".join(said).strip()
            said.append(part)
        raise AssertionError(f"openstack ended in {line}: {''.join(said)}")

    def json(self, *words: object) -> Any:
        """Run one command that lists or shows; give what it prints as JSON."""
        said = self.text(*words, "-f json")
        try:
            return json.loads(said)
        except ValueError:
            raise AssertionError(f"{' '.join(map(str, words))}: {said}") from None

    def silent(self, *words: object) -> None:
        """Run one command that prints nothing when it succeeds."""
        assert self.text(*words) == ""


@contextmanager
def openstack_shell(
    program: Path, environment: Mapping[str, str], *, url: str, version: str
) -> Iterator[OpenStackShell]:
    """Run `openstack` against a Placement endpoint, at one microversion."""
    settings = {
        "OS_AUTH_TYPE": "admin_token",
        "OS_ENDPOINT": url,
        "OS_TOKEN": TOKEN,
        "OS_PLACEMENT_API_VERSION": version,
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [program],
        env={**environment, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield OpenStackShell(process)
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)
