"""Old databases have what no API would let in: it is moved whole, or told before anything is."""

import json
from pathlib import Path
from typing import Any

import pytest

from innkeeper.core.errors import SetupError
from innkeeper.store.placement_db import tables
from tests.moving.moves import NOBODY, moved_in, ours, source, store_at
from tests.moving.wild import Wild, database

pytestmark = pytest.mark.slow


@pytest.fixture
def wild() -> Wild:
    return Wild(11, providers=12, consumers=8)


def rows_of(wild: Wild, table: Any) -> list[dict[str, Any]]:
    return wild.rows[table]


def moved(wild: Wild, tmp_path: Path) -> dict[str, Any]:
    """Import, which must not differ, and give what is there now."""
    assert moved_in(database(tmp_path / "p.db", wild), store_at(tmp_path)).same
    return ours(store_at(tmp_path))


def notes(tmp_path: Path) -> dict[str, tuple[int, tuple[str, ...]]]:
    with source(tmp_path / "p.db") as found:
        return {each.what.split(",")[0]: (each.count, each.examples) for each in found.incomplete}


def test_a_consumer_without_a_record_is_of_the_incomplete_project(
    wild: Wild, tmp_path: Path
) -> None:
    gone = rows_of(wild, tables.consumers).pop()
    consumers = moved(wild, tmp_path)["consumers"]
    assert consumers[gone["uuid"]][:4] == (NOBODY, NOBODY, None, 0)
    assert notes(tmp_path)["consumers without a record"] == (1, (gone["uuid"],))


def test_a_consumer_without_a_project_is_of_the_incomplete_one(wild: Wild, tmp_path: Path) -> None:
    row = rows_of(wild, tables.consumers)[0] | {"project_id": 999}
    rows_of(wild, tables.consumers)[0] = row
    assert moved(wild, tmp_path)["consumers"][row["uuid"]][0] == NOBODY
    assert notes(tmp_path)["consumers without project or user"] == (1, (row["uuid"],))


def test_a_consumer_that_holds_nothing_is_left_out_and_told(wild: Wild, tmp_path: Path) -> None:
    idle = wild.uuid()
    last = rows_of(wild, tables.consumers)[-1]
    rows_of(wild, tables.consumers).append({**last, "id": 99, "uuid": idle})
    assert idle not in moved(wild, tmp_path)["consumers"]
    assert notes(tmp_path)["consumers that hold nothing"] == (1, (idle,))


def test_roots_are_those_of_the_parents(wild: Wild, tmp_path: Path) -> None:
    for row in rows_of(wild, tables.resource_providers):
        row["root_provider_id"] = None
    moved(wild, tmp_path)
    assert notes(tmp_path)["providers without the right root"][0] == 12


def test_a_parent_that_is_not_there_and_a_loop_are_cut(wild: Wild, tmp_path: Path) -> None:
    rows = rows_of(wild, tables.resource_providers)
    for row, parent in zip(rows[:4], (2, 3, 1, 777), strict=True):
        row["parent_provider_id"] = parent
    for row in rows[4:]:
        row["parent_provider_id"] = 1
    providers = moved(wild, tmp_path)["providers"]
    uuids = [row["uuid"] for row in rows]
    assert [providers[uuid][2] for uuid in uuids[:5]] == [None, uuids[2], uuids[0], None, uuids[0]]
    assert notes(tmp_path)["providers whose parent is not there or is below them"][0] == 2


def test_a_provider_without_a_name_and_generation(wild: Wild, tmp_path: Path) -> None:
    row = rows_of(wild, tables.resource_providers)[0]
    row |= {"name": None, "generation": None, "created_at": None, "updated_at": None}
    assert moved(wild, tmp_path)["providers"][row["uuid"]][:2] == (row["uuid"], 0)


def test_amounts_of_one_kind_are_summed_up(wild: Wild, tmp_path: Path) -> None:
    rows = rows_of(wild, tables.allocations)
    twice = {**rows[0], "used": 5}
    rows.append(twice)
    before = rows[0]["used"]
    held = moved(wild, tmp_path)["consumers"][twice["consumer_id"]][-1]
    assert before + 5 in [used for _, _, used in held]


def test_uuids_are_kept_in_their_usual_form(wild: Wild, tmp_path: Path) -> None:
    provider = rows_of(wild, tables.resource_providers)[0]
    usual = provider["uuid"]
    provider["uuid"] = usual.replace("-", "").upper()
    consumer = rows_of(wild, tables.consumers)[0]
    held = consumer["uuid"]
    odd = held.upper()
    for row in (consumer, *rows_of(wild, tables.allocations)):
        for name in ("uuid", "consumer_id"):
            if row.get(name) == held:
                row[name] = odd
    found = moved(wild, tmp_path)
    assert usual in found["providers"]
    assert held in found["consumers"]


def break_it(wild: Wild) -> None:
    """Put in one of each row that refers to what does not exist."""
    made = wild.moments()
    inventory = rows_of(wild, tables.inventories)[0]
    wild.hold(wild.uuid(), {**inventory, "resource_provider_id": 555}, 1)
    wild.hold(wild.uuid(), {**inventory, "resource_class_id": 556}, 1)
    without = {"resource_provider_id": inventory["resource_provider_id"], "resource_class_id": 9}
    wild.hold(wild.uuid(), without, 7)
    rows_of(wild, tables.inventories).append({**inventory, "resource_provider_id": 557})
    rows_of(wild, tables.inventories).append({**inventory, "resource_class_id": 8, "step_size": 0})
    rows_of(wild, tables.provider_traits).append(
        {**made, "resource_provider_id": 1, "trait_id": 99_999}
    )
    rows_of(wild, tables.provider_aggregates).append(
        {**made, "resource_provider_id": 558, "aggregate_id": 1}
    )


def test_what_refers_to_nothing_is_found_and_left_out(wild: Wild, tmp_path: Path) -> None:
    whole = moved(wild, tmp_path)
    break_it(wild)
    other = tmp_path / "other"
    other.mkdir()
    path = database(other / "p.db", wild)
    with source(path) as found:
        broken = list(found.broken())
    assert [(each.table, each.why) for each in broken] == [
        ("allocations", "there is no such resource provider"),
        ("allocations", "there is no such resource class"),
        ("allocations", "the resource provider has no sound inventory of this resource class"),
        ("inventories", "there is no such resource provider"),
        ("inventories", "its allocation_ratio or step_size means nothing"),
        ("resource_provider_traits", "there is no such trait"),
        ("resource_provider_aggregates", "there is no such resource provider"),
    ]
    assert broken[2].row["used"] == 7
    assert json.dumps(broken[2].row)
    assert moved_in(path, store_at(other)).same
    assert ours(store_at(other)) == whole


def test_it_mixes_with_nothing(wild: Wild, tmp_path: Path) -> None:
    moved(wild, tmp_path)
    other = database(tmp_path / "other.db", Wild(12, providers=2, consumers=1))
    with pytest.raises(SetupError, match="is not as that was then"):
        moved_in(other, store_at(tmp_path))
    with pytest.raises(SetupError, match="removes unfinished ones only"):
        moved_in(other, store_at(tmp_path), restart=True)


def test_what_is_imported_already_is_only_compared(wild: Wild, tmp_path: Path) -> None:
    moved(wild, tmp_path)
    told: list[str] = []
    again = moved_in(
        tmp_path / "p.db", store_at(tmp_path), progress=lambda what, *_: told.append(what)
    )
    assert again.same
    assert set(told) == {"compared"}
