"""What is said here of openstack-placement's schema is what its own tool makes."""

import subprocess
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from innkeeper.core.errors import SetupError
from innkeeper.store.placement_db import tables
from tests.moving.moves import moved_in, moved_out, source, store_at, theirs
from tests.moving.wild import Wild, database

pytestmark = pytest.mark.slow


def sync(checkout: Path, folder: Path, url: str) -> None:
    """Make the schema as an operator does."""
    config = folder / "placement.conf"
    config.write_text(f"[placement_database]\nconnection = {url}\n")
    subprocess.run(
        [checkout / ".venv-peers/bin/placement-manage", "--config-file", config, "db", "sync"],
        check=True,
        capture_output=True,
        timeout=120,
    )


def test_tables_are_those_of_placement_manage(checkout: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/placement.db"
    sync(checkout, tmp_path, url)
    engine = create_engine(url)
    with engine.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"version_table": "none", "compare_type": True, "include_schemas": False}
        )
        assert compare_metadata(context, tables.metadata) == []
        assert conn.scalar(text("SELECT version_num FROM alembic_version")) == tables.REVISION
        theirs_nullable = nullable(conn)
    engine.dispose()
    ours = create_engine("sqlite://")
    with ours.connect() as conn:
        tables.metadata.create_all(conn)
        assert nullable(conn) == theirs_nullable
    ours.dispose()


def nullable(conn: object) -> dict[tuple[str, str], bool]:
    found = inspect(conn)
    assert found is not None
    return {
        (table, column["name"]): column["nullable"]
        for table in found.get_table_names()
        for column in found.get_columns(table)
    }


def test_what_was_synced_is_filled_and_what_was_made_needs_no_sync(
    checkout: Path, tmp_path: Path
) -> None:
    before = database(tmp_path / "before.db", Wild(3, providers=10, consumers=10))
    moved_in(before, store_at(tmp_path))
    synced = tmp_path / "synced.db"
    sync(checkout, tmp_path, f"sqlite:///{synced}")
    made = tmp_path / "made.db"
    for path in (synced, made):
        moved_out(store_at(tmp_path), path)
        sync(checkout, tmp_path, f"sqlite:///{path}")
        assert theirs(path) == theirs(before)


@pytest.mark.parametrize("revision", sorted(tables.REVISIONS_WITHOUT_TYPES))
def test_a_schema_without_consumer_types_is_read(tmp_path: Path, revision: str) -> None:
    wild = Wild(4, providers=10, consumers=20)
    for row in wild.rows[tables.consumers]:
        row["consumer_type_id"] = None
    wild.rows[tables.consumer_types] = []
    before = database(tmp_path / "before.db", wild)
    expected = theirs(before)
    execute(
        before,
        "DROP INDEX consumers_consumer_type_id_idx",
        "ALTER TABLE consumers RENAME TO old",
        "CREATE TABLE consumers AS SELECT created_at, updated_at, id, uuid, project_id, user_id,"
        " generation FROM old",
        "DROP TABLE old",
        "DROP TABLE consumer_types",
        f"UPDATE alembic_version SET version_num = '{revision}'",  # noqa: S608 - a constant
    )
    assert theirs(before) == expected
    assert moved_in(before, store_at(tmp_path)).same


def execute(path: Path, *statements: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE alembic_version SET version_num = 'ffff'", ("ffff", "does not know")),
        ("DROP TABLE alembic_version", ("no database of openstack-placement", "db sync")),
    ],
)
def test_a_schema_that_is_not_known_is_refused(
    tmp_path: Path, statement: str, words: tuple[str, ...]
) -> None:
    path = database(tmp_path / "before.db", Wild(5, providers=1, consumers=0))
    execute(path, statement)
    with pytest.raises(SetupError) as caught, source(path):
        pass
    assert all(word in caught.value.detail for word in words)
    assert not (tmp_path / "innkeeper.db").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/nowhere/placement.db", ("no database", "/nowhere/placement.db")),
        ("oracle://db/placement", ("oracle", "Examples")),
        ("mysql+pymysql://", ("names no database",)),
        ("postgresql://me:secret@127.0.0.1:1/placement", ("cannot be used", "***")),
        ("mysql+pymysql://me:secret@127.0.0.1:1/placement", ("cannot be used", "***")),
    ],
)
def test_a_database_that_is_not_there_is_told_without_its_password(
    url: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(SetupError) as caught, source(url):
        pass
    assert all(word in caught.value.detail for word in words)
    assert "secret" not in caught.value.detail


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("this is no database at all" * 100)
    with pytest.raises(SetupError, match=r"note\.txt cannot be used"), source(path):
        pass
