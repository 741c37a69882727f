"""The comparison finds whatever differs: each thing is changed once, on one side."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from innkeeper.placement.move_in import compared
from innkeeper.store.placement_db.comparing import Comparison
from innkeeper.store.read_only import ReadOnlyStore
from tests.moving.moves import moved_in, quiet, source, store_at
from tests.moving.wild import Wild, database

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("moving-comparison")]

# What is changed in Placement's database, and the lines of the comparison that say so.
THERE = [
    ("UPDATE resource_providers SET generation = 7777 WHERE id = 3", "resource providers"),
    ("UPDATE resource_providers SET name = 'other' WHERE id = 3", "resource providers"),
    ("UPDATE inventories SET reserved = reserved + 1 WHERE id = 2", "resource providers"),
    ("UPDATE inventories SET allocation_ratio = 7.25 WHERE id = 2", "resource providers"),
    ("DELETE FROM resource_provider_traits WHERE rowid = 1", "traits of providers"),
    ("DELETE FROM resource_provider_aggregates WHERE rowid = 1", "aggregates of providers"),
    ("INSERT INTO traits (name) VALUES ('CUSTOM_X')", "custom traits"),
    ("UPDATE resource_classes SET name = 'CUSTOM_X' WHERE id = 10001", "custom resource classes"),
    ("UPDATE consumers SET generation = generation + 1", "consumers"),
    ("UPDATE consumers SET consumer_type_id = 3", "usages of projects"),
    ("UPDATE projects SET external_id = 'other' WHERE id = 1", "usages of projects"),
    ("UPDATE users SET external_id = 'other' WHERE id = 1", "usages of projects"),
    ("UPDATE allocations SET used = used + 1 WHERE id = 1", "usages of providers"),
    ("DELETE FROM allocations WHERE id = 1", "allocations"),
]  # fmt: skip

# The same, in ours.
HERE = [
    ("UPDATE inventories SET used = used + 1 WHERE used > 0", "used in inventories"),
    ("UPDATE resource_providers SET parent_id = NULL", "resource providers"),
    ("UPDATE allocations SET used = used + 1", "usages of providers"),
    ("DELETE FROM provider_traits", "traits of providers"),
]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moved")
    before = database(folder / "placement.db", Wild(41, providers=25, consumers=30))
    assert moved_in(before, store_at(folder)).same
    return folder


@pytest.fixture
def copied(moved: Path, tmp_path: Path) -> Path:
    for path in moved.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def comparison(folder: Path) -> Comparison:
    store = ReadOnlyStore.look(store_at(folder))
    try:
        with source(folder / "placement.db") as found:
            return compared(store, found, progress=quiet)
    finally:
        store.close_readers()


def execute(path: Path, statement: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        assert conn.execute(text(statement)).rowcount > 0
    engine.dispose()


@pytest.mark.parametrize(
    ("file", "statement", "what"),
    [
        *(("placement.db", *each) for each in THERE),
        *(("innkeeper.db", *each) for each in HERE),
    ],
)
def test_what_differs_is_found(copied: Path, file: str, statement: str, what: str) -> None:
    assert comparison(copied).same
    execute(copied / file, statement)
    found = comparison(copied)
    assert not found.same
    assert what in {line.what for line in found.lines if line.differ}
    assert found.differences


def test_more_in_ours_is_found(copied: Path) -> None:
    execute(
        copied / "innkeeper.db",
        "INSERT INTO resource_providers (uuid, name, generation, root_id, created_at, updated_at)"
        " VALUES ('new', 'new', 0, 99, 0, 0)",
    )
    lines = {line.what: line for line in comparison(copied).lines}
    assert lines["resource providers"].differ == 1
    assert lines["resource providers"].innkeeper == 26
