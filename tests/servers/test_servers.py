"""The servers of the tests are what they promise to be."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.servers.server import DatabaseUrl, poll, server_directory

ENGINES = ("postgresql", "mariadb")
DEADLINE_S = 60.0

ORPHANS = """
import sys
from tests.servers.{engine} import {kind}
from tests.servers.server import running

with running({kind}) as server:
    print(server.pid, server.directory, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest) -> DatabaseUrl:
    found: DatabaseUrl = request.getfixturevalue(f"{request.param}_url")
    return found


def test_what_was_committed_survives_a_kill(url: DatabaseUrl) -> None:
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    held = engine.connect()
    for number in range(50):
        held.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        held.commit()
    url.server.kill()
    assert not url.server.running
    url.server.start()
    with pytest.raises(DBAPIError):
        held.execute(text("SELECT 1"))
    held.invalidate()
    held.close()
    with engine.connect() as conn:
        assert conn.scalar(text("SELECT count(*) FROM t")) == 50
    engine.dispose()


def test_connections_can_be_cut(url: DatabaseUrl) -> None:
    engine = create_engine(url)
    with engine.connect() as conn:
        assert conn.scalar(text("SELECT 1")) == 1
        assert url.server.cut(url.name) == 1
        with pytest.raises(DBAPIError):
            conn.execute(text("SELECT 1"))
    engine.dispose()


def test_each_database_is_empty_and_its_own(url: DatabaseUrl) -> None:
    with url.server.database() as other:
        assert other.name != url.name
        for each in (url, other):
            engine = create_engine(each)
            with engine.begin() as conn:
                conn.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
            engine.dispose()


def test_it_stops_and_starts_again(url: DatabaseUrl) -> None:
    port = url.server.port
    url.server.stop()
    with pytest.raises(ConnectionError):
        url.server.execute("SELECT 1")
    url.server.start()
    assert url.server.port == port


@pytest.mark.parametrize(("engine", "kind"), [("postgresql", "PostgreSQL"), ("mariadb", "MariaDB")])
def test_a_server_ends_with_the_process_that_started_it(
    engine: str, kind: str, checkout: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ORPHANS.format(engine=engine, kind=kind)],
        cwd=checkout,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pid, directory = process.stdout.readline().split()
    os.kill(int(pid), 0)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=DEADLINE_S)
    poll(lambda: not Path(f"/proc/{pid}").exists(), deadline_s=DEADLINE_S)
    # Its directory is swept by whoever starts the next server, which may be another test just now.
    with server_directory():
        poll(lambda: not Path(directory).exists(), deadline_s=DEADLINE_S)
