"""`innkeeper db` and `innkeeper status check`, on databases in all conditions."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from innkeeper.cli import status
from innkeeper.cli.audit import audit
from innkeeper.cli.db import show_version, sync
from innkeeper.cli.options import Settings
from innkeeper.core.errors import SetupError
from innkeeper.store import schema
from innkeeper.store.lock import StoreLock

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path / "inn"))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "inn" / "innkeeper.db"


def synced(settings: Settings, *, json: bool = False) -> int:
    return asyncio.run(sync(settings=settings, json=json))


def spoil(database: Path, *statements: str) -> None:
    conn = sqlite3.connect(database)
    with conn:
        for each in statements:
            conn.execute(each)
    conn.close()


def test_sync_makes_a_database_and_may_be_run_again(
    settings: Settings, database: Path, capsys: Capture
) -> None:
    with pytest.raises(SetupError, match="no database"):
        show_version(settings=settings)
    assert synced(settings, json=True) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["before"], made["after"]) == (None, schema.NEWEST)
    assert made["new_traits"] > 300
    assert database.is_file()
    assert synced(settings, json=True) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["before"], again["after"]) == (schema.NEWEST, schema.NEWEST)
    assert (again["new_traits"], again["new_resource_classes"]) == (0, 0)
    assert show_version(settings=settings) == 0
    assert "the newest" in capsys.readouterr().out


def test_sync_adds_standard_names_that_are_new(
    settings: Settings, database: Path, capsys: Capture
) -> None:
    synced(settings)
    spoil(database, "DELETE FROM traits WHERE name = 'HW_CPU_X86_AVX2'")
    capsys.readouterr()
    assert synced(settings, json=True) == 0
    assert json.loads(capsys.readouterr().out)["new_traits"] == 1


def test_sync_is_refused_while_a_server_runs(settings: Settings, database: Path) -> None:
    synced(settings)
    lock = StoreLock(database.with_name("innkeeper.db.lock"))
    try:
        with pytest.raises(SetupError, match="in use by another process"):
            synced(settings)
        # Looking is allowed.
        assert show_version(settings=settings) == 0
        assert status.check(settings=settings) == 0
    finally:
        lock.release()


def test_a_newer_schema_is_named_and_left_alone(
    settings: Settings, database: Path, capsys: Capture
) -> None:
    synced(settings)
    spoil(database, "UPDATE alembic_version SET version_num = '9999'")
    assert show_version(settings=settings, json=True) == 1
    shown = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (shown["revision"], shown["state"], shown["upgrade_needed"]) == ("9999", "newer", False)
    with pytest.raises(SetupError, match="newer than this Innkeeper"):
        synced(settings)
    assert results(settings, capsys)["Schema version"] == "failure"


def results(settings: Settings, capsys: Capture) -> dict[str, str]:
    capsys.readouterr()
    code = status.check(settings=settings, json=True)
    checks = json.loads(capsys.readouterr().out)["checks"]
    worst = max(["success", "warning", "failure"].index(each["result"]) for each in checks)
    assert code == worst
    assert all(each["detail"] for each in checks if each["result"] != "success")
    return {each["name"]: each["result"] for each in checks}


def test_all_succeeds_on_a_sound_store(settings: Settings, capsys: Capture) -> None:
    synced(settings)
    found = results(settings, capsys)
    assert set(found.values()) == {"success"}
    assert len(found) == 13


PROVIDER = (
    "INSERT INTO resource_providers VALUES (1, 'u', 'n', 0, {root}, NULL, 0, 0);"
    "INSERT INTO inventories VALUES (1, 1, 10, 0, 1, 10, 1, 1.0, {capacity}, {used})"
)
CONSUMER = (
    "INSERT INTO consumers VALUES (1, 'c', '00000000-0000-0000-0000-000000000000', 'u', NULL,"
    " 1, 0, 0);INSERT INTO resource_providers VALUES (1, 'u', 'n', 0, 1, NULL, 0, 0);"
    "INSERT INTO inventories VALUES (1, 1, 10, 0, 1, 10, 1, 1.0, 10, 1);"
    "INSERT INTO allocations VALUES (1, 1, 1, 1)"
)


CHANGED_LATE = (
    "INSERT INTO writers VALUES ('w', 1, 0);"
    "INSERT INTO changes VALUES ('w', 1, 4102444800000000, x'')"
)


@pytest.mark.parametrize(
    ("name", "result", "damage"),
    [
        (
            "Usage equals allocations",
            "failure",
            PROVIDER.format(root=1, capacity=10, used=3),
        ),
        ("Capacity is computed", "failure", PROVIDER.format(root=1, capacity=9, used=0)),
        ("Root provider ids", "failure", PROVIDER.format(root=7, capacity=10, used=0)),
        (
            "Consumers and their allocations",
            "warning",
            "INSERT INTO consumers VALUES (1, 'c', 'p', 'u', NULL, 1, 0, 0)",
        ),
        ("Incomplete consumers", "warning", CONSUMER),
        (
            "Standard traits and classes",
            "warning",
            "DELETE FROM traits WHERE name = 'HW_CPU_X86_AVX2'",
        ),
        ("Database engine", "warning", "PRAGMA journal_mode=DELETE"),
        (
            "Clock",
            "warning",
            CHANGED_LATE,
        ),
        ("Schema version", "failure", "DROP TABLE alembic_version"),
    ],
)
def test_each_check_finds_what_it_is_for(
    settings: Settings,
    database: Path,
    capsys: Capture,
    name: str,
    result: str,
    damage: str,
) -> None:
    synced(settings)
    for each in damage.split(";"):
        spoil_alone(database, each)
    found = results(settings, capsys)
    assert {check for check, outcome in found.items() if outcome != "success"} == {name}
    assert found[name] == result


def spoil_alone(database: Path, statement: str) -> None:
    conn = sqlite3.connect(database, isolation_level=None)
    conn.execute(statement)
    conn.close()


def test_no_database_a_broken_one_and_a_full_disk(
    settings: Settings, database: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert results(settings, capsys)["Store is readable"] == "failure"
    synced(settings)
    monkeypatch.setattr("innkeeper.wiring.status.MIN_FREE_BYTES", 2**80)
    assert results(settings, capsys)["Disk space"] == "failure"
    monkeypatch.undo()
    database.write_text("this is no database, but long enough" * 99)
    for more in database.parent.glob("innkeeper.db-*"):
        more.unlink()
    assert results(settings, capsys)["Store is readable"] == "failure"


def test_settings_and_policy(
    settings: Settings, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(settings)
    monkeypatch.setenv("INNKEEPER_AUTH_POLICY_FILE", str(tmp_path / "missing.yaml"))
    assert results(settings, capsys)["Identity and policy"] == "failure"
    monkeypatch.setenv("INNKEEPER_API_PROT", "1")
    assert results(settings, capsys) == {"Settings": "failure"}


def test_a_directory_that_cannot_be_looked_into_is_a_failure(
    tmp_path: Path, capsys: Capture
) -> None:
    # As it is without leave to enter, which root always has.
    hidden = Settings(data_dir=str(tmp_path / ("x" * 300)))
    assert results(hidden, capsys)["Store is readable"] == "failure"
    with pytest.raises(SetupError, match="File name too long"):
        asyncio.run(audit(settings=hidden))


def test_a_defect_has_an_exit_code_of_its_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("innkeeper.wiring.status.check_all", broken)
    assert status.check(settings=settings) == 255
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_check_looks_at_a_database_server(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: Capture
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    there = Settings(data_dir=str(tmp_path / "inn"), database_url=str(url))
    assert synced(there) == 0
    capsys.readouterr()
    code = status.check(settings=there, json=True)
    checks = {each["name"]: each for each in json.loads(capsys.readouterr().out)["checks"]}
    # A throw-away server trades durability for speed, which is worth a warning.
    assert code in {0, 1}, checks
    assert checks["Store is readable"]["result"] == "success"
    assert checks["Disk space"]["detail"].startswith("not looked at")
