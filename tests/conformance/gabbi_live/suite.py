"""Upstream's whole suite: which files there are, and one of them from fixture to result.

``run_file`` is meant for a process of its own.
"""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

UNFAIR = {
    ("basic-http.yaml", "bad content length not int"): (
        "it sends a Content-Length that is no number, which an HTTP client refuses to send and"
        " an HTTP server refuses to read: it works upstream only without a socket"
    ),
}
"""Tests that no live server can pass, and why: they are run, but do not count."""

PRELOAD = ["gabbi.suitemaker", "placement.tests.functional.fixtures.gabbits"]
"""Modules that take seconds to import, and that a process may share with those it forks."""


def gabbits() -> Path:
    """Give the folder of the suite's YAML files, without importing the reference."""
    spec = find_spec("placement")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("openstack-placement is not installed (group conformance)")
    return Path(spec.origin).parent / "tests" / "functional" / "gabbits"


def file_names() -> list[str]:
    return sorted(path.name for path in gabbits().glob("*.yaml"))


def run_file(results: Connection, name: str, command: str, work_dir: Path) -> None:
    """Run one file against a server of its own; send (failures, fixture differences).

    ``failures`` maps names of tests to reasons; those that are unfair are left out.
    """
    # Imported here: only the process that runs a file may import the reference.
    from tests.conformance.gabbi_live import fixture_state, live, loader, server  # noqa: PLC0415

    path = gabbits() / name
    fixtures = live.load(path).get("fixtures") or []
    state, config = fixture_state.start_and_export(fixtures)
    port = server.free_port()
    environment = environment_for(config, work_dir)
    with server.running(command, port=port, data_dir=work_dir, environment=environment):
        url = f"http://127.0.0.1:{port}"
        with loader.Loader(url, state, timeout_s=live.REQUEST_TIMEOUT_S) as load:
            load.load()
            load.verify()
        failures = live.run(path, port)
    fair = {test: why for test, why in failures.items() if (name, test) not in UNFAIR}
    results.send((fair, load.differences))


def environment_for(config: Mapping[str, Any], work_dir: Path) -> dict[str, str]:
    """Give the environment of the server, which is how it is configured."""
    policy_file = ""
    rules = config.get("policy_rules")
    if rules is not None:
        path = work_dir / "policy.yaml"
        path.write_text("".join(f'"{name}": "{check}"\n' for name, check in rules.items()))
        policy_file = str(path)
    inherited = dict(os.environ)
    if inherited.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Else each of 79 servers would compile all its modules anew, which takes seconds.
        inherited.setdefault("PYTHONPYCACHEPREFIX", str(work_dir.parent / "pycache"))
    return {
        **inherited,
        "GABBI_SECURE_RBAC": "1" if config.get("secure_rbac") else "0",
        "GABBI_POLICY_FILE": policy_file,
        "GABBI_CORS_ALLOWED_ORIGIN": ",".join(config.get("cors_allowed_origin", ())),
        "GABBI_CORS_ALLOW_HEADERS": ",".join(config.get("cors_allow_headers", ())),
    }
