"""Databases of Placement on PostgreSQL and MariaDB: read, and written for a way back."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, text
from sqlalchemy.exc import DBAPIError

from innkeeper.core.errors import SetupError
from innkeeper.store.placement_db import tables
from innkeeper.store.placement_db.opening import placement_url, reading, writing
from tests.moving.moves import moved_in, moved_out, ours, store_at, theirs
from tests.moving.wild import Wild, database, write
from tests.servers.server import DatabaseUrl

# One worker: each process starts servers of its own.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("moving-servers")]


@pytest.fixture(params=["postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> DatabaseUrl:
    found: DatabaseUrl = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def filled(url: DatabaseUrl, checkout: Path, tmp_path: Path) -> DatabaseUrl:
    """Give a database with the schema that Placement's own tool makes, and rows in it."""
    sync(checkout, tmp_path, url)
    wild = Wild(31, providers=40, consumers=60)
    without_fractions(wild)
    engine = create_engine(placement_url(url))
    with engine.begin() as conn:
        if conn.dialect.name == "mysql":
            conn.execute(text("SET SESSION SQL_MODE='NO_AUTO_VALUE_ON_ZERO'"))
        conn.execute(delete(tables.alembic_version))
        write(conn, wild.rows)
    engine.dispose()
    return url


def without_fractions(wild: Wild) -> None:
    """Cut moments to whole seconds, which is all that MariaDB keeps there."""
    for rows in wild.rows.values():
        for row in rows:
            for name in ("created_at", "updated_at"):
                if row.get(name) is not None:
                    row[name] = row[name].replace(microsecond=0)


def sync(checkout: Path, folder: Path, url: str) -> None:
    """Make the schema as an operator does, with the driver that Placement's have."""
    connection = url.replace("postgresql+psycopg:", "postgresql+psycopg2:")
    config = folder / "placement.conf"
    config.write_text(f"[placement_database]\nconnection = {connection}\n")
    subprocess.run(
        [checkout / ".venv-peers/bin/placement-manage", "--config-file", config, "db", "sync"],
        check=True,
        capture_output=True,
        timeout=120,
    )


def test_what_is_moved_in_and_out_is_the_same(
    filled: DatabaseUrl, checkout: Path, tmp_path: Path
) -> None:
    assert moved_in(filled, store_at(tmp_path)).same
    moved_out(store_at(tmp_path), tmp_path / "after.db")
    assert theirs(tmp_path / "after.db") == theirs(filled)
    with filled.server.database() as made:
        moved_out(store_at(tmp_path), made)
        sync(checkout, tmp_path, made)
        assert theirs(made) == theirs(filled)
        # What the database numbers by itself goes on after what was written.
        add_a_provider(made)
        with pytest.raises(SetupError, match="is not empty"):
            moved_out(store_at(tmp_path), made)


def add_a_provider(url: str, **more: int) -> None:
    with writing(placement_url(url)) as conn, conn.begin():
        conn.execute(tables.resource_providers.insert().values(uuid="new", name="new", **more))


def test_a_snapshot_sees_no_later_write_and_writes_nothing(filled: DatabaseUrl) -> None:
    place = placement_url(filled)
    with reading(place) as conn:
        before = count(conn)
        # The rows of the test have ids of its own choice, which a sequence knows nothing of.
        add_a_provider(filled, id=9_999)
        assert count(conn) == before
        with pytest.raises(DBAPIError):
            conn.execute(delete(tables.allocations))


def count(conn: Any) -> int:
    found: int = conn.scalar(text("SELECT count(*) FROM resource_providers"))
    return found


def test_an_import_that_broke_off_goes_on(filled: DatabaseUrl, tmp_path: Path) -> None:
    class Enough(Exception):
        """What a kill is to the process."""

    def stop(what: str, done: int, total: int) -> None:
        if what == "resource providers" and done < total:
            raise Enough

    with pytest.raises(Enough):
        moved_in(filled, store_at(tmp_path), progress=stop)
    assert moved_in(filled, store_at(tmp_path)).same


def test_our_own_store_may_be_on_a_server_too(url: DatabaseUrl, tmp_path: Path) -> None:
    before = database(tmp_path / "before.db", Wild(32, providers=700, consumers=60))
    assert moved_in(before, url).same
    assert ours(url) == theirs(before)
    moved_out(url, tmp_path / "after.db")
    assert theirs(tmp_path / "after.db") == theirs(before)
