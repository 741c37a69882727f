"""The guide to replacing Placement, executed: its commands are read from the page itself."""

import getpass
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.conformance.gabbi_live.server import free_port, running
from tests.e2e.conftest import PATIENCE_S, clean_environment
from tests.e2e.replaced import CANDIDATES, Cloud, Json, change, everything, fill

pytestmark = pytest.mark.slow

PAGE: Final = "docs/how-to/replace-placement.md"
PLACEMENT_CONF: Final = "[api]\nauth_strategy = noauth2\n[placement_database]\nconnection = {}\n"
NOT_RUN: Final = {"nova-manage placement audit": "it needs the databases of a whole Nova"}
INNKEEPER: Final = f"{sys.executable} -m innkeeper"


class Site:
    """A machine that the page's commands are run on: its files, ports and services."""

    def __init__(self, page: str, folder: Path, peers: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.run_commands: list[str] = []
        self._page = page
        self._peers = peers
        self._stack = stack
        self._services = ExitStack()
        self._environment = clean_environment()
        self._ports = {"8778": str(free_port()), "8779": str(free_port())}
        (folder / "@db").mkdir()
        (folder / "placement.conf").write_text(PLACEMENT_CONF.format(self.real(DATABASE)))
        stack.callback(self.stop)

    def real(self, text: str) -> str:
        """Give what stands here for the files, hosts and ports of the page."""
        for there, here in (
            ("/etc/placement/", f"{self.folder}/"),
            ("/etc/innkeeper/", f"{self.folder}/"),
            ("/var/lib/innkeeper", f"{self.folder}/inn"),
            ("/tmp/rehearsal", f"{self.folder}/rehearsal"),  # noqa: S108 - the page's, not ours
            ("mysql+pymysql://placement:PASSWORD@db", f"sqlite:///{self.folder}/@db"),
            ("0.0.0.0:", "127.0.0.1:"),
            *self._ports.items(),
        ):
            text = text.replace(there, here)
        return text

    @property
    def client(self) -> httpx2.Client:
        """A client of whatever is the Placement API now."""
        return self._stack.enter_context(
            httpx2.Client(
                base_url=f"http://127.0.0.1:{self._ports['8778']}",
                headers={"x-auth-token": "admin"},
                timeout=PATIENCE_S,
            )
        )

    def do(self, command: str) -> None:
        """Do what one line of the page says."""
        self.run_commands.append(command)
        if command in NOT_RUN:
            return
        word, *arguments = shlex.split(self.real(command))
        if word == "export":
            self._environment |= dict(each.split("=", 1) for each in arguments)
        elif word == "systemctl":
            self._service(*arguments)
        elif word == "chown":
            # Here one user is everybody.
            self._run(
                word, [getpass.getuser() if each == "innkeeper:" else each for each in arguments]
            )
        else:
            self._run(word, arguments)

    def stop(self) -> None:
        """Stop the service that runs."""
        self._services.close()

    def _service(self, verb: str, name: str) -> None:
        start = {"placement-api": self.start_placement, "innkeeper": self._start_innkeeper}[name]
        self.stop()
        if verb == "start":
            start()

    def start_placement(self) -> None:
        """Start openstack-placement on what placement.conf says."""
        self._serve(
            f"{self._peers}/cheroot --bind 127.0.0.1:{{port}} placement.wsgi.api:application",
            {**os.environ, "OS_PLACEMENT_CONFIG_DIR": str(self.folder)},
        )

    def _start_innkeeper(self) -> None:
        """Start what the page's unit file says."""
        command = re.search(r"^ExecStart=\S*/innkeeper (.*)$", self._page, re.MULTILINE)
        given = re.search(r"^Environment=(.*)$", self._page, re.MULTILINE)
        assert command is not None
        assert given is not None
        said = dict(each.split("=", 1) for each in self.real(given[1]).split())
        assert said.items() <= self._environment.items()
        self._serve(f"{INNKEEPER} {self.real(command[1])}", self._environment)

    def _serve(self, command: str, environment: dict[str, str]) -> None:
        port = int(self._ports["8778"])
        self._services.enter_context(
            running(command, port=port, data_dir=self.folder, environment=environment)
        )

    def _run(self, word: str, arguments: list[str]) -> None:
        environment = self._environment
        if word == "openstack":
            environment = environment | {
                "OS_AUTH_TYPE": "admin_token",
                "OS_TOKEN": "admin",
                "OS_ENDPOINT": f"http://127.0.0.1:{self._ports['8778']}",
            }
        peer = self._peers / word
        program = (
            shlex.split(INNKEEPER)
            if word == "innkeeper"
            else [str(peer) if peer.exists() else word]
        )
        done = subprocess.run(
            [*program, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{word} {arguments}: {done.stdout}{done.stderr}"


DATABASE: Final = "mysql+pymysql://placement:PASSWORD@db/placement"


def commands(page: str) -> list[str]:
    """Give the commands of the page, in its order."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_guide_to_replacing_placement(checkout: Path, tmp_path: Path) -> None:
    page = (checkout / PAGE).read_text(encoding="utf-8")
    seen: dict[str, dict[str, Json]] = {}
    with ExitStack() as stack:
        site = Site(page, tmp_path, checkout / ".venv-peers/bin", stack)
        before: dict[str, Callable[[], object]] = {
            # What the page takes for granted, and what a cloud does between its steps.
            "systemctl stop placement-api": lambda: seen.update(placement=everything(site.client)),
            "openstack resource provider list": lambda: seen.update(
                innkeeper=everything(site.client)
            ),
            "systemctl stop innkeeper": lambda: (
                change(Cloud(site.client)),
                seen.update(changed=everything(site.client)),
            ),
        }
        site.do("placement-manage --config-file /etc/placement/placement.conf db sync")
        site.start_placement()
        fill(Cloud(site.client))
        for command in commands(page):
            before.pop(command, lambda: None)()
            site.do(command)
        assert not before
        back = everything(site.client)
    for query in CANDIDATES:
        status, body = seen["placement"][f"/allocation_candidates?{query}"]
        assert status == 200, body
    assert len(seen["placement"]["/resource_providers"][1]["resource_providers"]) == 26
    assert seen["innkeeper"] == seen["placement"]
    assert seen["changed"] != seen["innkeeper"]
    assert back == seen["changed"]
    assert site.run_commands[-1] == "systemctl start placement-api"
