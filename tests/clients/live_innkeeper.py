"""A running `innkeeper up` that clients of OpenStack are pointed at."""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.conformance.gabbi_live.server import free_port, running

COMMAND: Final = (
    f"{shlex.quote(sys.executable)} -m innkeeper api --host 127.0.0.1 --port {{port}}"
    " --data-dir {data_dir}/innkeeper"
)
DOCUMENTED_URL: Final = "http://127.0.0.1:8778/placement"
"""Where examples in the documentation have it."""
TOKEN: Final = "admin"
"""The token that noauth2 takes for an administrator's; without authentication any will do."""
PATIENCE_S: Final = 60.0


def in_place(example: str, url: str) -> str:
    """Give an example of the documentation for the server at ``url``."""
    return example.replace(DOCUMENTED_URL, url)


class LiveInnkeeper:
    """Where it is, and its Placement API as plain HTTP: what a client says is looked up here."""

    def __init__(self, url: str, log: Path, metrics: str) -> None:
        self.placement = url
        self._log = log
        self.metrics = metrics

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        version: str = "1.39",
        token: str = TOKEN,
    ) -> httpx2.Response:
        """Give the answer to one request."""
        return httpx2.request(
            method,
            self.placement + path,
            json=body,
            headers={"openstack-api-version": f"placement {version}", "x-auth-token": token},
            timeout=PATIENCE_S,
        )

    def get(self, path: str, *, version: str = "1.39") -> Any:
        """Give the JSON that a GET answers with."""
        response = self.request("GET", path, version=version)
        assert response.status_code == 200, response.text
        return response.json()

    def failed(self) -> list[str]:
        """Give the counts of requests that were answered with a 5xx."""
        text = httpx2.get(self.metrics, timeout=PATIENCE_S).raise_for_status().text
        # Of a server that nobody has asked anything only the name of the counter is there.
        counts = [line for line in text.splitlines() if "innkeeper_requests_total" in line]
        assert counts, "requests are not counted"
        return [line for line in counts if re.search(r'status="5', line)]

    def errors(self) -> list[str]:
        """Give what the server logged as wrong: each answer of 500 leaves a line."""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return [line for line in lines if "error" in line.lower() or "Traceback" in line]


@contextmanager
def live(
    folder: Path, settings: Mapping[str, str], *, alone: bool = False
) -> Iterator[LiveInnkeeper]:
    """Run one in a folder of its own; at the end, it has logged no error.

    ``alone``: the Placement API is at the root of a port of its own.
    """
    clean = {name: text for name, text in os.environ.items() if not name.startswith("INNKEEPER_")}
    port, own = free_port(), free_port()
    listen = {"INNKEEPER_PLACEMENT_LISTEN": f"127.0.0.1:{own}"} if alone else {}
    environment = {**clean, **settings, **listen}
    with running(COMMAND, port=port, data_dir=folder, environment=environment):
        url = f"http://127.0.0.1:{own}" if alone else f"http://127.0.0.1:{port}/placement"
        server = LiveInnkeeper(url, folder / "server.log", f"http://127.0.0.1:{port}/metrics")
        yield server
        assert server.errors() == []
        assert server.failed() == []
