"""What cannot be done as asked: exit code 2, one line that says what to do, no traceback."""

import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.e2e.conftest import TASKS, Innkeeper, serving, write_csv

pytestmark = pytest.mark.slow


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("innkeeper: ")
    for word in words:
        assert word in line


def test_port_in_use(innkeeper: Innkeeper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_line(innkeeper("up", "--port", port), str(port), "in use", "--port")


def test_data_dir_in_use(innkeeper: Innkeeper, tmp_path: Path, tiny_trace: Path) -> None:
    with serving(tmp_path / "inn", "--hosts", 1):
        in_use = innkeeper("up", "--port", 0, "--data-dir", tmp_path / "inn")
        assert_one_line(in_use, "in use", "pid", "--data-dir")
        replay = innkeeper("replay", "openb", "--data", tiny_trace, "--data-dir", tmp_path / "inn")
        assert_one_line(replay, "in use", "--data-dir")


def test_a_database_that_the_server_does_not_have(innkeeper: Innkeeper, tmp_path: Path) -> None:
    inn = tmp_path / "inn"
    other = ("--data-dir", inn, "--database-url", "sqlite:////other.db")
    own = ("--data-dir", inn, "--database-url", f"sqlite:///{inn}/innkeeper.db")
    with serving(inn, "--hosts", 1) as server:
        refused = innkeeper("audit", "--fix", "--yes", *other)
        assert_one_line(refused, "/other.db", f"{inn}/innkeeper.db", "--data-dir")
        assert innkeeper("host", "list", *own).returncode == 0
        assert_one_line(innkeeper("audit", "--url", server.url, *other), "--url", "--database-url")


def test_a_provider_that_has_the_name_of_a_host(
    innkeeper: Innkeeper, tmp_path: Path, client: httpx2.Client
) -> None:
    with serving(tmp_path / "inn", "--hosts", 1) as server:
        body = {"name": "cell-b-host-0001"}
        client.post(f"{server.url}/placement/resource_providers", json=body).raise_for_status()
        assert server.stop() == 0
    up = ("up", "--port", 0, "--hosts", 2, "--data-dir", tmp_path / "inn")
    assert_one_line(innkeeper(*up), "hosts of cell cell-b", "taken")


def test_data_dir_below_a_file(innkeeper: Innkeeper, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = innkeeper("up", "--port", 0, "--data-dir", tmp_path / "file" / "inn")
    assert_one_line(done, "data directory", "--data-dir")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_data_dir(innkeeper: Innkeeper, tmp_path: Path) -> None:
    (tmp_path / "inn").mkdir(mode=0o500)
    assert_one_line(innkeeper("up", "--port", 0, "--data-dir", tmp_path / "inn"), "--data-dir")


def test_database_of_a_newer_schema(innkeeper: Innkeeper, tmp_path: Path) -> None:
    with serving(tmp_path / "inn", "--hosts", 1) as server:
        assert server.stop() == 0
    database = sqlite3.connect(tmp_path / "inn" / "innkeeper.db")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for command in (("up", "--port", 0), ("audit",), ("host", "list")):
        assert_one_line(innkeeper(*command, "--data-dir", tmp_path / "inn"), "9999", "newer")


def test_something_else_is_in_the_place_of_the_database(
    innkeeper: Innkeeper, tmp_path: Path
) -> None:
    (tmp_path / "inn").mkdir()
    (tmp_path / "inn" / "innkeeper.db").write_text("this is no database, but long enough" * 99)
    for command in (("up", "--port", 0), ("audit",)):
        assert_one_line(innkeeper(*command, "--data-dir", tmp_path / "inn"), "innkeeper.db")


def test_nothing_to_read(innkeeper: Innkeeper) -> None:
    for command in (("audit",), ("host", "list"), ("instance", "list"), ("provider", "tree")):
        assert_one_line(innkeeper(*command), "no database", "--data-dir")


def test_no_server_at_the_url(innkeeper: Innkeeper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for command in (("audit",), ("host", "list")):
        assert_one_line(
            innkeeper(*command, "--url", f"http://127.0.0.1:{port}"), "No server", "innkeeper up"
        )


@pytest.mark.parametrize("url", ["here", "http://", "http://127.0.0.1:99999", "ftp://127.0.0.1"])
def test_no_url(innkeeper: Innkeeper, url: str) -> None:
    assert_one_line(innkeeper("host", "list", "--url", url), "--url", f"'{url}'")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everywhere")
def test_unreadable_data_dir(innkeeper: Innkeeper, tmp_path: Path) -> None:
    (tmp_path / "inn").mkdir(mode=0o000)
    for command in (("audit",), ("host", "list"), ("db", "version")):
        assert_one_line(innkeeper(*command, "--data-dir", tmp_path / "inn"), "Permission denied")


def test_a_flag_is_named_as_it_is_typed(innkeeper: Innkeeper) -> None:
    assert_one_line(innkeeper("up", "--cells", "a b"), "--cells", "'a b'")


def test_bad_row_in_a_trace(innkeeper: Innkeeper, tiny_trace: Path) -> None:
    row: tuple[object, ...] = ("task-1", 1000, 1024, 3, 1000, "")
    write_csv(tiny_trace / "openb_pod_list_default.csv", TASKS, [row])
    for mode in ((), ("--as-servers", "--exit")):
        done = innkeeper("replay", "openb", "--data", tiny_trace, *mode)
        assert_one_line(done, "openb_pod_list_default.csv", "row 2", "num_gpu", "'3'")


def test_no_trace(innkeeper: Innkeeper, tmp_path: Path) -> None:
    done = innkeeper("replay", "openb", "--data", tmp_path / "missing")
    assert_one_line(done, "missing", "--data")


def test_unknown_policy(innkeeper: Innkeeper) -> None:
    assert_one_line(innkeeper("replay", "openb", "--policy", "worst"), "worst", "best-fit")


def test_a_replay_does_not_empty_what_no_replay_made(
    innkeeper: Innkeeper, tmp_path: Path, tiny_trace: Path
) -> None:
    with serving(tmp_path / "inn", "--hosts", 1) as server:
        assert server.stop() == 0
    done = innkeeper("replay", "openb", "--data", tiny_trace, "--data-dir", tmp_path / "inn")
    assert_one_line(done, "no replay made", "--data-dir")
    assert innkeeper("audit", "--data-dir", tmp_path / "inn").returncode == 0


def test_what_a_replay_made_is_kept_once_a_server_ran_on_it(
    innkeeper: Innkeeper, tmp_path: Path, tiny_trace: Path
) -> None:
    replay = ("replay", "openb", "--data", tiny_trace, "--data-dir", tmp_path / "inn")
    assert innkeeper(*replay).returncode == 0
    with serving(tmp_path / "inn", "--hosts", 1) as server:
        assert server.stop() == 0
    assert_one_line(innkeeper(*replay), "no replay made")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"INNKEEPER_API_PORT": "http"}, ("INNKEEPER_API_PORT", "whole number", "'http'")),
        ({"INNKEEPER_API_PROT": "1"}, ("INNKEEPER_API_PROT", "unknown")),
        ({"INNKEEPER_API_HOST": "0.0.0.0"}, ("api.host", "api.allow_remote")),  # noqa: S104
        ({"INNKEEPER_CONFIG": "missing.toml"}, ("missing.toml", "cannot be read")),
    ],
)
def test_bad_setting(
    innkeeper: Innkeeper, variables: dict[str, str], words: tuple[str, ...]
) -> None:
    assert_one_line(innkeeper("up", **variables), *words)
