"""A command starts without what it does not need: seconds of imports that people wait for."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from innkeeper.cli.main import make_app
from tests.e2e.conftest import clean_environment, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("light_start")]

STORE: Final = frozenset({"alembic", "numpy", "psycopg", "pymysql", "pysqlite3", "sqlalchemy"})
SERVER: Final = frozenset({"jsonschema", "jsonschema_rs", "os_traits", "httptools"})
AUTH: Final = frozenset({"bcrypt", "oslo_config", "oslo_policy"})
CLIENT: Final = frozenset({"httpx2"})
HEAVY: Final = STORE | SERVER | AUTH | CLIENT

SPY: Final = """
import atexit, json, os, sys
atexit.register(lambda: open(os.environ["SPY_TO"], "w").write(json.dumps(sorted(sys.modules))))
from innkeeper.cli.main import main
main()
"""

HELPS: Final = """
import json, sys
from innkeeper.cli.main import make_app
asked, heavy = map(json.loads, sys.argv[1:])
brought = {}
for command in asked:
    make_app()(command)
    brought[" ".join(command)] = [name for name in heavy if name in sys.modules]
print(json.dumps(brought))
"""


def imported(tmp_path: Path, *arguments: str) -> set[str]:
    """Run a command, and give the modules that it imported."""
    told = tmp_path / "modules.json"
    run = subprocess.run(
        [sys.executable, "-c", SPY, *arguments],
        cwd=tmp_path,
        env=clean_environment() | {"SPY_TO": os.fspath(told)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = set(json.loads(told.read_text()))
    assert "innkeeper.cli.main" in found
    return found


def commands() -> Iterator[tuple[str, ...]]:
    """Give each command, as it is typed."""
    app = make_app()
    for noun in app:
        if noun.startswith("-"):
            continue
        verbs = [verb for verb in app[noun] if not verb.startswith("-")]
        yield from ((noun, verb) for verb in verbs) if verbs else ((noun,),)


def test_every_command_is_looked_at() -> None:
    found = set(commands())
    assert {("up",), ("host", "list"), ("audit",), ("import", "placement")} <= found
    assert len(found) >= 17


def test_help_needs_nothing_heavy(tmp_path: Path) -> None:
    """One process shows the help of one command after the other, for speed."""
    asked = [[*command, "--help"] for command in [(), *commands()]]
    run = subprocess.run(
        [sys.executable, "-c", HELPS, json.dumps(asked), json.dumps(sorted(HEAVY))],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    brought = json.loads(run.stdout.splitlines()[-1])
    assert len(brought) == len(asked)
    assert {command: modules for command, modules in brought.items() if modules} == {}


def test_the_version_needs_nothing_heavy(tmp_path: Path) -> None:
    assert not imported(tmp_path, "--version") & (HEAVY | {"rich.markdown"})


def test_who_asks_a_server_has_no_store(tmp_path: Path) -> None:
    with serving(tmp_path / "inn", "--hosts", 2) as server:
        for command in (
            ("host", "list"),
            ("instance", "list"),
            ("provider", "tree"),
            ("audit",),
            ("audit", "--fix"),
        ):
            found = imported(tmp_path, *command, "--url", server.url)
            assert not found & (HEAVY - CLIENT), command


def test_policy_needs_no_store(tmp_path: Path) -> None:
    found = imported(tmp_path, "policy", "list")
    assert not found & (STORE | SERVER | CLIENT)
    assert "oslo_policy" in found
