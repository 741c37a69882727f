# ruff: noqa: S608 - statements are put together from ids of the test itself
"""Each finding that can be mended is: as shown, once, told to everybody; and nothing else is."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text

from innkeeper.api.native.repair_log import RepairLog, RepairRun
from innkeeper.core.errors import Conflict, NotFound, StaleState
from innkeeper.core.inventory import Inventory
from innkeeper.core.repair import LiveConsumers
from innkeeper.core.server_group import ServerGroup
from innkeeper.store import changes, claims, groups
from innkeeper.store.audit import audit
from innkeeper.store.tables import allocations, consumers, metadata, resource_providers
from tests.provider_pictures import listed
from tests.store.conftest import World
from tests.store.databases import spoil

LATER = datetime(2026, 1, 2, tzinfo=UTC)
GONE = "UPDATE consumers SET updated_at = 0"


async def fill(world: World) -> list[str]:
    """Add a tree with two members of groups and two other consumers; give the consumers."""
    root = await world.provider(Inventory("VCPU", 10), Inventory("MEMORY_MB", 100))
    child = await world.provider(Inventory("PGPU", 4), parent=root.rp_id)
    held = []
    for policy in ("affinity", "anti-affinity", None, None):
        uuid = None
        if policy is not None:
            group = ServerGroup(world.uuid(), policy, policy)  # type: ignore[arg-type]
            await world.store.write(partial(groups.add_group, group=group))
            uuid = group.uuid
        claim = world.claim((root, "VCPU", 2), (child, "PGPU", 1), group=uuid)
        await world.store.write(partial(claims.claim, wanted=claim))
        held.append(claim.consumer.uuid)
    return held


def rows(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: [tuple(row) for row in conn.execute(select(table))]
        for table in metadata.sorted_tables
    }


def log_of(world: World) -> RepairLog:
    number = itertools.count(1)
    return RepairLog(world.store, clock=lambda: LATER, new_uuid=lambda: str(UUID(int=next(number))))


async def applied(log: RepairLog, run: RepairRun) -> RepairRun:
    await log.apply(run.id)
    await log.stop()
    return log.get(run.id)


DEAD = (
    "INSERT INTO instances (uuid, name, project_id, user_id, status, task_state, attempt,"
    " generation, created_at, updated_at, body) SELECT uuid, 'n', 'p', 'u', 'ERROR', NULL, 1,"
    " 1, 0, 0, '' FROM consumers ORDER BY id LIMIT 1"
)


UNFINISHED = (
    "INSERT INTO instances (uuid, name, project_id, user_id, status, task_state, cell, attempt,"
    " generation, created_at, updated_at, body) VALUES ('gone', 'n', 'p', 'u', 'DELETED',"
    " 'deleting', 'a', 1, 1, 0, 0, '')"
)


@pytest.mark.parametrize(
    ("rules", "damage"),
    [
        ({"used_equals_allocations"}, "UPDATE inventories SET used = used + 1"),
        ({"used_equals_allocations"}, "UPDATE inventories SET used = 0"),
        (
            {"used_equals_allocations", "allocation_has_owner", "group_counts_are_right"},
            "DELETE FROM allocations; DELETE FROM server_group_members",
        ),
        ({"used_equals_allocations", "allocation_has_owner"}, "DELETE FROM allocations"),
        ({"capacity_is_computed"}, "UPDATE inventories SET capacity = capacity + 1"),
        ({"allocation_has_owner", "member_has_consumer"}, "DELETE FROM consumers"),
        ({"instance_holds_its_selection"}, DEAD),
        ({"unfinished_has_task"}, UNFINISHED),
        ({"tree_is_whole"}, "UPDATE resource_providers SET root_id = id"),
        ({"tree_is_whole"}, "UPDATE resource_providers SET parent_id = NULL"),
        (
            {"group_counts_are_right"},
            "UPDATE server_group_hosts SET members = 0",
        ),
        ({"group_counts_are_right"}, "DELETE FROM server_group_hosts"),
        (
            {"group_counts_are_right", "group_policy_holds"},
            "INSERT INTO server_group_hosts SELECT group_uuid, 'other', 1 FROM server_group_hosts",
        ),
    ],
)
async def test_what_is_wrong_is_mended(world: World, rules: set[str], damage: str) -> None:
    await fill(world)
    spoil(world.store, *damage.split(";"))
    before = await world.store.read(rows)
    log = log_of(world)

    run = await log.plan(None)
    assert {step.rule for step in run.plan.steps} == rules
    found = (await world.store.read(audit)).findings
    assert {(each.rule, each.subject) for each in found if each.severity == "wrong"} == {
        (step.rule, step.subject) for step in run.plan.steps
    }
    assert await world.store.read(rows) == before

    done = await applied(log, run)
    assert (done.state, done.done, done.failure) == ("done", len(run.plan.todo), "")
    assert (await world.store.read(audit)).findings == ()
    again = await log.plan(None)
    assert again.plan.steps == ()


async def test_a_mended_provider_is_of_a_new_generation_and_all_are_told(world: World) -> None:
    await fill(world)
    p = resource_providers.c
    query = select(p.id, p.generation).order_by(p.id)
    before = await world.store.read(lambda conn: conn.execute(query).all())
    seen = await world.store.read(changes.vector)
    spoil(world.store, f"UPDATE inventories SET used = used + 1 WHERE rp_id = {before[1].id}")
    world.pictures.clear()
    log = log_of(world)

    await applied(log, await log.plan(None))

    after = await world.store.read(lambda conn: conn.execute(query).all())
    assert [row.generation for row in after] == [before[0].generation, before[1].generation + 1]
    (change,) = await world.store.read(lambda conn: changes.since(conn, seen))
    assert change.touched.providers == {before[1].id}
    (told,) = [each for picture in world.pictures for each in listed(picture.providers)]
    assert {each.inventory.resource_class: each.used for each in told.inventories} == {"PGPU": 4}


async def test_claims_that_go_on_do_not_spoil_a_repair_of_used(world: World) -> None:
    first, *_ = await fill(world)
    spoil(
        world.store,
        "UPDATE inventories SET used = used + 3 WHERE rc_id = (SELECT min(rc_id) FROM inventories)",
    )
    log = log_of(world)
    run = await log.plan(None)
    assert await world.store.write(lambda txn: claims.release(txn, first))
    assert (await applied(log, run)).state == "done"
    assert (await world.store.read(audit)).findings == ()


@pytest.mark.parametrize(
    ("damage", "change"),
    [
        ("UPDATE inventories SET used = used + 1", "UPDATE inventories SET used = used + 1"),
        ("UPDATE inventories SET capacity = 1", "UPDATE inventories SET total = 2"),
        (
            "UPDATE resource_providers SET root_id = 999999",
            "UPDATE resource_providers SET root_id = 999998",
        ),
        (
            "UPDATE server_group_hosts SET members = 0",
            "UPDATE server_group_hosts SET members = 5",
        ),
        ("DELETE FROM consumers", "DELETE FROM allocations"),
    ],
)
async def test_what_has_changed_since_is_not_touched(
    world: World, damage: str, change: str
) -> None:
    await fill(world)
    spoil(world.store, damage)
    log = log_of(world)
    run = await log.plan(None)
    assert run.plan.todo
    spoil(world.store, change)
    before = await world.store.read(rows)
    with pytest.raises(StaleState):
        await log.apply(run.id)
    # Nor by the writes themselves, if it changes after that look.
    for mend in run.mends[:1]:
        with pytest.raises(StaleState):
            await world.store.write(mend.write)
    assert await world.store.read(rows) == before


async def test_what_a_person_must_do_is_said_and_left_alone(world: World) -> None:
    await fill(world)
    ids = select(resource_providers.c.id).order_by(resource_providers.c.id)
    root, child = await world.store.read(lambda conn: conn.scalars(ids).all())
    spoil(
        world.store,
        f"UPDATE resource_providers SET parent_id = {child} WHERE id = {root}",
        DEAD.replace("'ERROR', NULL", "'DELETED', 'deleting'"),
    )
    before = await world.store.read(rows)
    log = log_of(world)
    run = await log.plan(None)
    advised = {step.rule for step in run.plan.steps if not step.fixable}
    assert advised == {"tree_is_whole", "unfinished_has_task", "instance_holds_its_selection"}
    assert all(step.action for step in run.plan.steps)
    assert run.plan.todo == ()
    assert (await applied(log, run)).done == 0
    assert await world.store.read(rows) == before


async def test_a_repair_is_done_once_and_known_by_its_id(world: World) -> None:
    await fill(world)
    spoil(world.store, "UPDATE inventories SET used = used + 1")
    log = log_of(world)
    with pytest.raises(NotFound):
        await log.apply("other")
    run = await log.plan(None)
    await applied(log, run)
    with pytest.raises(Conflict, match="done already"):
        await log.apply(run.id)


async def test_two_appliers_of_one_repair_do_it_once(world: World) -> None:
    await fill(world)
    spoil(world.store, "UPDATE inventories SET used = used + 1")
    log = log_of(world)
    run = await log.plan(None)
    outcomes = await asyncio.gather(log.apply(run.id), log.apply(run.id), return_exceptions=True)
    await log.stop()
    assert sorted(isinstance(each, Conflict) for each in outcomes) == [False, True]
    assert (await world.store.read(audit)).findings == ()


# --- orphans --------------------------------------------------------------------------------


def live(*uuids: str, **more: Any) -> LiveConsumers:
    return LiveConsumers(frozenset(uuids), **more)


async def orphans_of(world: World, asked: LiveConsumers) -> set[str]:
    run = await log_of(world).plan(asked)
    return {step.subject for step in run.plan.steps}


async def test_orphans_are_shown_with_what_they_hold_and_released(world: World) -> None:
    first, second, third, fourth = await fill(world)
    log = log_of(world)
    run = await log.plan(live(first, second, third))
    (step,) = run.plan.steps
    assert (step.rule, step.subject) == ("consumer_is_live", fourth)
    for words in ("INSTANCE of project project", "2 VCPU", "1 PGPU", "ago"):
        assert words in step.problem
    assert (await applied(log, run)).done == 1
    left = await world.store.read(lambda conn: set(conn.scalars(select(consumers.c.uuid))))
    assert left == {first, second, third}
    assert (await world.store.read(audit)).findings == ()


async def test_only_what_was_asked_for_is_looked_at(world: World) -> None:
    first, second, third, fourth = await fill(world)
    spoil(world.store, f"UPDATE consumers SET consumer_type_id = NULL WHERE uuid = '{fourth}'")
    known = (first, second)
    assert await orphans_of(world, live(*known)) == {third, fourth}
    assert await orphans_of(world, live(*known, consumer_type="INSTANCE")) == {third}
    assert await orphans_of(world, live(*known, consumer_type="unknown")) == {fourth}
    assert await orphans_of(world, live(*known, older_than=timedelta(days=9))) == set()


async def test_an_instance_of_ours_is_never_an_orphan(world: World) -> None:
    first, *others = await fill(world)
    spoil(world.store, DEAD.replace("'ERROR', NULL", "'ACTIVE', NULL"))
    spoil(world.store, "UPDATE instances SET status = 'DELETED', task_state = 'deleting'")
    run = await log_of(world).plan(live(*others))
    assert "consumer_is_live" not in {step.rule for step in run.plan.steps}
    assert first not in others


@pytest.mark.parametrize(
    ("alive", "words"), [(0, "is empty"), (1, "3 of 4 consumers"), (2, ""), (4, "")]
)
async def test_a_list_that_condemns_too_many_is_held_back(
    world: World, alive: int, words: str
) -> None:
    uuids = await fill(world)
    log = log_of(world)
    run = await log.plan(live(*uuids[:alive]))
    if not words:
        assert run.plan.held_back == ""
        return
    assert words in run.plan.held_back
    with pytest.raises(Conflict, match=words):
        await log.apply(run.id)
    forced = await log.plan(live(*uuids[:alive], force=True))
    assert (await applied(log, forced)).done == 4 - alive


async def test_a_consumer_that_was_written_since_is_no_orphan(world: World) -> None:
    first, second, third, fourth = await fill(world)
    log = log_of(world)
    run = await log.plan(live(first, second, third))
    spoil(world.store, f"UPDATE consumers SET generation = generation + 1 WHERE uuid = '{fourth}'")
    (mend,) = run.mends
    with pytest.raises(StaleState):
        await world.store.write(mend.write)
    count = await world.store.read(
        lambda conn: conn.scalar(text("SELECT count(*) FROM allocations"))
    )
    assert count == 8
    assert fourth != third


async def test_batches_are_bounded_and_all_are_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("innkeeper.api.native.repair_log.MENDS_PER_WRITE", 1)
    await fill(world)
    spoil(world.store, "UPDATE inventories SET used = used + 1")
    log = log_of(world)
    run = await log.plan(None)
    writes: list[Callable[..., Any]] = []
    write = world.store.write
    monkeypatch.setattr(world.store, "write", lambda op: writes.append(op) or write(op))
    done = await applied(log, run)
    assert done.done == len(writes) == len(run.mends) == 3
    assert (await world.store.read(audit)).findings == ()
    assert await world.store.read(lambda conn: len(conn.execute(select(allocations)).all())) == 8
