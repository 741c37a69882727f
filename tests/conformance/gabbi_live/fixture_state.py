"""What an upstream fixture leaves in the reference's database, as plain values.

The fixture is started exactly as upstream starts it, against a throwaway in-memory database;
the state it made, and the configuration it asked for, are read out; then it is stopped. No
fixture is ported by hand. As upstream, it leaves RP_UUID and the like in ``os.environ``, which
the suite refers to. Needs a process of its own.
"""

import logging
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from placement import db_api, policy
from placement.tests.functional.fixtures import gabbits as upstream

State = dict[str, Any]
Rows = list[dict[str, Any]]

PROVIDERS = """
    SELECT rp.id, rp.uuid, rp.name, rp.generation, parent.uuid AS parent, root.uuid AS root
    FROM resource_providers rp
    LEFT JOIN resource_providers parent ON parent.id = rp.parent_provider_id
    LEFT JOIN resource_providers root ON root.id = rp.root_provider_id
    ORDER BY rp.id
"""
INVENTORIES = """
    SELECT i.*, rc.name AS resource_class
    FROM inventories i JOIN resource_classes rc ON rc.id = i.resource_class_id
    ORDER BY i.id
"""
TRAITS = """
    SELECT rpt.resource_provider_id, t.name
    FROM resource_provider_traits rpt JOIN traits t ON t.id = rpt.trait_id
    ORDER BY t.id
"""
AGGREGATES = """
    SELECT rpa.resource_provider_id, a.uuid
    FROM resource_provider_aggregates rpa JOIN placement_aggregates a ON a.id = rpa.aggregate_id
    ORDER BY a.id
"""
ALLOCATIONS = """
    SELECT a.*, rc.name AS resource_class, c.generation AS generation,
           p.external_id AS project_id, u.external_id AS user_id, ct.name AS consumer_type
    FROM allocations a
    JOIN resource_classes rc ON rc.id = a.resource_class_id
    LEFT JOIN consumers c ON c.uuid = a.consumer_id
    LEFT JOIN projects p ON p.id = c.project_id
    LEFT JOIN users u ON u.id = c.user_id
    LEFT JOIN consumer_types ct ON ct.id = c.consumer_type_id
    ORDER BY a.id
"""
CUSTOM_CLASSES = r"SELECT name FROM resource_classes WHERE name LIKE 'CUSTOM\_%' ESCAPE '\'"
CUSTOM_TRAITS = r"SELECT name FROM traits WHERE name LIKE 'CUSTOM\_%' ESCAPE '\'"

INVENTORY_FIELDS = ("total", "reserved", "min_unit", "max_unit", "step_size", "allocation_ratio")


def start_and_export(fixture_names: Iterable[str]) -> tuple[State, State]:
    """Start the named fixtures, nested in this order; give (state, configuration)."""
    # Without a handler on the root logger the upstream fixtures log to stderr at DEBUG.
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    started: list[Any] = []
    try:
        for name in fixture_names:
            fixture = getattr(upstream, name)()
            fixture.start_fixture()
            started.append(fixture)
        return export_state(), export_config(started[-1]) if started else {}
    finally:
        for fixture in reversed(started):
            fixture.stop_fixture()


def export_config(fixture: Any) -> State:
    """Give the configuration of the service that a started fixture asked for."""
    conf = fixture.conf_fixture.conf
    enforcer = policy._ENFORCER
    rules = None
    if enforcer is not None and not enforcer.use_conf:
        # The fixture replaced the policy rules.
        rules = {name: str(check) for name, check in enforcer.rules.items()}
    origins = list(conf.cors.allowed_origin or [])
    return {
        "secure_rbac": bool(conf.oslo_policy.enforce_new_defaults),
        "policy_rules": rules,
        "cors_allowed_origin": origins,
        "cors_allow_headers": list(conf.cors.allow_headers) if origins else [],
    }


def export_state() -> State:
    """Give the reference's database as plain values, in the order of creation."""
    with db_api.get_placement_engine().connect() as conn:

        def rows(sql: str) -> Rows:
            return [dict(row._mapping) for row in conn.execute(sa.text(sql))]

        providers = rows(PROVIDERS)
        by_id = {}
        for rp in providers:
            rp.update(inventories={}, traits=[], aggregates=[])
            by_id[rp.pop("id")] = rp
        for row in rows(INVENTORIES):
            rp = by_id[row["resource_provider_id"]]
            fields = {name: row[name] for name in INVENTORY_FIELDS}
            rp["inventories"][row["resource_class"]] = fields
        for row in rows(TRAITS):
            by_id[row["resource_provider_id"]]["traits"].append(row["name"])
        for row in rows(AGGREGATES):
            by_id[row["resource_provider_id"]]["aggregates"].append(row["uuid"])
        return {
            "resource_classes": [row["name"] for row in rows(CUSTOM_CLASSES)],
            "traits": [row["name"] for row in rows(CUSTOM_TRAITS)],
            "providers": providers,
            "consumers": _consumers(rows(ALLOCATIONS), by_id),
        }


def _consumers(allocations: Rows, providers: dict[int, State]) -> list[State]:
    """Give consumers in the order in which their first allocation was written."""
    consumers: dict[str, State] = {}
    for row in allocations:
        consumer = consumers.setdefault(
            row["consumer_id"],
            {
                "uuid": row["consumer_id"],
                "generation": row["generation"],
                "project_id": row["project_id"],
                "user_id": row["user_id"],
                "consumer_type": row["consumer_type"],
                "allocations": {},
            },
        )
        rp_uuid = providers[row["resource_provider_id"]]["uuid"]
        resources = consumer["allocations"].setdefault(rp_uuid, {})
        resources[row["resource_class"]] = row["used"]
    return list(consumers.values())
