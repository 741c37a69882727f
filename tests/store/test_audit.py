"""The audit is silent on a right store, and finds each kind of wrong that is planted."""

from functools import partial

import pytest
from sqlalchemy import event, text, update

from innkeeper.api.native.audit_log import AuditLog
from innkeeper.core.inventory import Inventory
from innkeeper.core.server_group import ServerGroup
from innkeeper.store import claims, groups
from innkeeper.store.audit import audit
from innkeeper.store.tables import instances
from innkeeper.store.txn import Txn
from tests.store.conftest import Ticking, World
from tests.store.databases import spoil


async def fill(world: World) -> None:
    root = await world.provider(Inventory("VCPU", 10), Inventory("MEMORY_MB", 100))
    child = await world.provider(Inventory("PGPU", 2), parent=root.rp_id)
    for policy in ("affinity", "anti-affinity"):
        group = ServerGroup(world.uuid(), policy, policy)  # type: ignore[arg-type]
        await world.store.write(partial(groups.add_group, group=group))
        claim = world.claim((root, "VCPU", 2), (child, "PGPU", 1), group=group.uuid)
        await world.store.write(partial(claims.claim, wanted=claim))


async def test_a_right_store_is_clean_and_counted(world: World) -> None:
    await fill(world)
    report = await world.store.read(audit)
    assert report.findings == ()
    assert report.clean
    assert report.counts["resource_providers"] == 2
    assert report.counts["allocations"] == 4


_INSTANCE = (
    "INSERT INTO instances (uuid, name, project_id, user_id, status, task_state, attempt,"
    " generation, created_at, updated_at, body) SELECT uuid, 'n', 'p', 'u', '{status}', {task}, 1,"
    " 1, 0, 0, '' FROM consumers LIMIT 1"
)


@pytest.mark.parametrize(
    ("rule", "damage"),
    [
        ("used_equals_allocations", "UPDATE inventories SET used = used + 1"),
        ("used_equals_allocations", "DELETE FROM allocations"),
        ("capacity_is_computed", "UPDATE inventories SET capacity = capacity + 1"),
        ("allocation_has_owner", "DELETE FROM consumers"),
        ("allocation_has_owner", "DELETE FROM allocations"),
        ("instance_holds_its_selection", _INSTANCE.format(status="ERROR", task="NULL")),
        ("unfinished_has_task", _INSTANCE.format(status="DELETED", task="'deleting'")),
        ("tree_is_whole", "UPDATE resource_providers SET root_id = id"),
        ("tree_is_whole", "UPDATE resource_providers SET parent_id = NULL"),
        ("group_counts_are_right", "UPDATE server_group_hosts SET members = members + 1"),
        ("group_counts_are_right", "DELETE FROM server_group_members"),
        ("member_has_consumer", "DELETE FROM consumers"),
        ("group_policy_holds", "UPDATE server_group_hosts SET members = members + 1"),
        (
            "group_policy_holds",
            "INSERT INTO server_group_hosts SELECT group_uuid, 'other', 1 FROM server_group_hosts",
        ),
    ],
)
async def test_what_is_wrong_is_found(world: World, rule: str, damage: str) -> None:
    await fill(world)

    spoil(world.store, damage)
    report = await world.store.read(audit)
    assert rule in {finding.rule for finding in report.findings}
    assert not report.clean


async def test_a_record_that_cannot_be_read_is_a_finding(world: World) -> None:
    await fill(world)

    def plant(txn: Txn) -> None:
        txn.conn.execute(text(_INSTANCE.format(status="ACTIVE", task="NULL")))
        txn.conn.execute(update(instances).values(body=b"torn"))

    await world.store.write(plant)
    report = await world.store.read(audit)
    (finding,) = report.findings
    assert finding.rule == "instance_holds_its_selection"
    assert "cannot be read" in finding.detail


async def test_only_bodies_that_are_looked_at_are_read(world: World) -> None:
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(world.store._reader_engine, "before_cursor_execute", note)
    await world.store.read(audit)
    (of_bodies,) = (statement for statement in asked if "body" in statement)
    assert "status IN" in of_bodies


async def test_an_audit_ends_at_a_stop(world: World) -> None:
    audits = AuditLog(world.store, clock=Ticking(), new_uuid=lambda: "audit")
    audits.begin()
    await audits.stop()
    ended = audits.get("audit")
    assert ended is not None
    assert ended.state == "failed"


async def test_an_inventory_made_smaller_than_used_is_only_a_note(world: World) -> None:
    await fill(world)
    await world.store.write(
        lambda txn: txn.conn.execute(text("UPDATE inventories SET total = 1, capacity = 1"))
    )
    report = await world.store.read(audit)
    assert {finding.rule for finding in report.findings} == {"within_capacity"}
    assert report.clean
