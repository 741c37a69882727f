"""`innkeeper import` and `export` as operators run them: killed, refused, with broken rows."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.e2e.conftest import COMMAND, PATIENCE_S, Innkeeper, clean_environment, serving
from tests.e2e.test_setup_errors import assert_one_line
from tests.moving.moves import ours, store_at, theirs
from tests.moving.wild import Wild, database

POLL_S = 0.02

pytestmark = pytest.mark.slow


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return database(tmp_path / "before.db", Wild(21, providers=40, consumers=60))


def execute(path: Path, statement: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        conn.execute(text(statement))
    engine.dispose()


def test_it_is_moved_in_and_out(innkeeper: Innkeeper, before: Path, tmp_path: Path) -> None:
    moved = innkeeper("import", "placement", before, "--data-dir", "inn", "--json")
    assert moved.returncode == 0, moved.stderr
    said = json.loads(moved.stdout)
    assert said["same"]
    assert {line["differ"] for line in said["comparison"]["lines"]} == {0}
    assert innkeeper("audit", "--data-dir", "inn").returncode == 0
    out = innkeeper("export", "placement", tmp_path / "after.db", "--data-dir", "inn")
    assert out.returncode == 0, out.stderr
    assert "Both say the same." in out.stdout
    assert theirs(tmp_path / "after.db") == theirs(before)
    again = innkeeper("export", "placement", tmp_path / "after.db", "--data-dir", "inn")
    assert_one_line(again, "after.db", "is not empty")


def test_what_differs_is_named(innkeeper: Innkeeper, before: Path) -> None:
    assert innkeeper("import", "placement", before, "--data-dir", "inn").returncode == 0
    execute(before, "UPDATE allocations SET used = used + 1 WHERE id = 1")
    done = innkeeper("import", "placement", before, "--data-dir", "inn", "--compare-only")
    assert done.returncode == 1
    assert "They are not the same." in done.stdout
    assert "differs usages of providers" in done.stdout
    assert "differs consumers" in done.stdout
    assert_one_line(
        innkeeper("import", "placement", before, "--data-dir", "inn"), "not as that was then"
    )


def test_broken_rows_are_told_before_anything_is_written(
    innkeeper: Innkeeper, before: Path, tmp_path: Path
) -> None:
    execute(before, "UPDATE allocations SET resource_provider_id = 4444 WHERE id IN (1, 2)")
    command = ("import", "placement", before, "--data-dir", "inn")
    refused = innkeeper(*command)
    assert refused.returncode == 1
    assert "resource_provider_id=4444" in refused.stdout
    assert "--skip-broken" in refused.stdout
    assert not (tmp_path / "inn").exists()
    done = innkeeper(*command, "--skip-broken", "broken.json", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["skipped"] == 2
    rows = [json.loads(line) for line in (tmp_path / "broken.json").read_text().splitlines()]
    assert [row["row"]["id"] for row in rows] == [1, 2]


def test_a_store_in_use_or_filled_is_refused(
    innkeeper: Innkeeper, before: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "inn", "--hosts", 1) as server:
        command = ("placement", before, "--data-dir", "inn")
        assert_one_line(innkeeper("import", *command), "in use", "pid")
        assert_one_line(innkeeper("export", *command), "in use", "pid")
        assert server.stop() == 0
    assert_one_line(innkeeper("import", *command), "resource providers", "empty store")
    assert_one_line(innkeeper("export", *command), "before.db", "is not empty")
    assert_one_line(innkeeper("export", "placement", "x.db", "--data-dir", "no"), "no database")


def test_an_import_that_is_killed_goes_on_and_nobody_is_served_meanwhile(
    innkeeper: Innkeeper, tmp_path: Path
) -> None:
    before = database(tmp_path / "big.db", Wild(22, providers=3_000, consumers=6_000))
    command = ("import", "placement", before, "--data-dir", tmp_path / "inn")
    kills = [
        kill_when(command, tmp_path, lambda found: found["providers"] >= 500),
        kill_when(command, tmp_path, lambda found: found["holder"] > ""),
    ]
    # The first was killed among the providers, the second among the consumers.
    assert all(kills)
    assert_one_line(innkeeper("up", "--port", 0, "--data-dir", "inn"), "unfinished", "import")
    done = innkeeper(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ours(store_at(tmp_path / "inn")) == theirs(before)
    assert innkeeper("audit", "--data-dir", "inn").returncode == 0
    with serving(tmp_path / "inn", "--hosts", 1):
        pass


def test_a_source_that_changed_meanwhile_is_begun_anew(
    innkeeper: Innkeeper, tmp_path: Path
) -> None:
    before = database(tmp_path / "big.db", Wild(23, providers=3_000, consumers=200))
    command = ("import", "placement", before, "--data-dir", tmp_path / "inn")
    assert kill_when(command, tmp_path, lambda found: found["providers"] >= 500)
    execute(before, "UPDATE resource_providers SET generation = generation + 1 WHERE id = 1")
    assert_one_line(innkeeper(*command), "unfinished", "--restart")
    done = innkeeper(*command, "--restart")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ours(store_at(tmp_path / "inn")) == theirs(before)


def bookmark(path: Path) -> dict[str, Any] | None:
    """Give how far the import came, by a look from outside; None if it has not begun."""
    if not path.exists():
        return None
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as conn:
            body = conn.scalar(text("SELECT body FROM tasks WHERE kind = 'import'"))
    except OperationalError:
        # The tables are not there yet, or just being made.
        return None
    finally:
        engine.dispose()
    return None if body is None else msgspec.msgpack.decode(body)


def kill_when(command: tuple[object, ...], folder: Path, reached: Any) -> bool:
    """Run an import and kill it as soon as its bookmark is where ``reached`` wants it.

    Gives whether it was still unfinished then.
    """
    process = subprocess.Popen(
        [*COMMAND, *map(str, command)],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            found = bookmark(folder / "inn" / "innkeeper.db")
            if found is not None and reached(found):
                break
            time.sleep(POLL_S)
    finally:
        process.kill()
        process.wait(PATIENCE_S)
    found = bookmark(folder / "inn" / "innkeeper.db")
    return found is not None and not found["done"]
