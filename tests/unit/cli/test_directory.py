import stat
from pathlib import Path

import pytest

from innkeeper.config import StoreSettings
from innkeeper.core.errors import SetupError
from innkeeper.store.dialects.backend import backend_of
from innkeeper.wiring.directory import (
    databases,
    drop_run,
    keep,
    run_directory,
    take_for_replay,
)
from innkeeper.wiring.endpoint import Endpoint, read_endpoint, remove_endpoint, write_endpoint


def test_a_replay_takes_an_empty_directory_and_its_own(tmp_path: Path) -> None:
    inn = tmp_path / "new" / "inn"
    take_for_replay(inn)
    (inn / "innkeeper.db").touch()
    (inn / "guests-a.journal").touch()
    (inn / "notes.txt").touch()
    (inn / "books.journal").touch()
    take_for_replay(inn)
    assert databases(inn) == ()
    assert not (inn / "guests-a.journal").exists()
    assert (inn / "books.journal").exists()
    assert (inn / "notes.txt").exists()


@pytest.mark.parametrize("name", ["innkeeper.db", "books.journal", "runs/precious/notes.txt"])
def test_a_replay_takes_nothing_else(tmp_path: Path, name: str) -> None:
    precious = tmp_path / name
    precious.parent.mkdir(parents=True, exist_ok=True)
    precious.touch()
    for _ in range(2):
        with pytest.raises(SetupError, match="no replay made"):
            take_for_replay(tmp_path)
    assert precious.exists()


def test_what_is_kept_is_not_taken(tmp_path: Path) -> None:
    take_for_replay(tmp_path)
    (tmp_path / "innkeeper.db").touch()
    keep(tmp_path)
    with pytest.raises(SetupError, match="no replay made"):
        take_for_replay(tmp_path)


def test_runs_have_databases_of_their_own(tmp_path: Path) -> None:
    take_for_replay(tmp_path)
    run = run_directory(tmp_path, "fgd-42")
    run.mkdir(parents=True)
    (run / "innkeeper.db").touch()
    assert databases(tmp_path) == (run / "innkeeper.db",)
    drop_run(run)
    assert databases(tmp_path) == ()


def test_a_directory_that_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    take_for_replay(tmp_path / "new" / "inn")
    backend = backend_of(f"sqlite:///{tmp_path}/other/innkeeper.db", StoreSettings())
    backend.open_writer().dispose()
    backend.release()
    for made in (tmp_path / "new" / "inn", tmp_path / "other"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_only_a_run_is_dropped(tmp_path: Path) -> None:
    take_for_replay(tmp_path)
    drop_run(tmp_path)
    assert tmp_path.is_dir()


def test_the_endpoint_is_written_down(tmp_path: Path) -> None:
    assert read_endpoint(tmp_path) is None
    write_endpoint(tmp_path, Endpoint("http://127.0.0.1:1", "s"))
    assert read_endpoint(tmp_path) == Endpoint("http://127.0.0.1:1", "s")
    remove_endpoint(tmp_path)
    remove_endpoint(tmp_path)
    assert read_endpoint(tmp_path) is None
    (tmp_path / "server.json").write_text("torn")
    assert read_endpoint(tmp_path) is None
