"""Every table of the store, once, for all engines.

``used`` stands beside its inventory and equals the sum of its allocations at all times;
``capacity`` is kept so that a claim's check is one comparison.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)
from sqlalchemy.dialects import mysql

from innkeeper.store.timestamp import Timestamp

metadata: Final = MetaData()

NAME_LENGTH: Final = 255
UUID_LENGTH: Final = 36
PROVIDER_NAME_LENGTH: Final = 200
"""The Placement API's limit for the names of providers."""

# SQLite counts only INTEGER PRIMARY KEY as its row id; elsewhere ids are 64 bits wide.
_ID: Final = BigInteger().with_variant(Integer(), "sqlite")
# A BLOB of MariaDB ends at 64 KiB.
_BYTES: Final = LargeBinary().with_variant(mysql.LONGBLOB(), "mariadb")
_RATIO: Final = Float(53).with_variant(mysql.DOUBLE(asdecimal=False), "mariadb")


def _uuid() -> String:
    return String(UUID_LENGTH)


resource_classes = Table(
    "resource_classes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False, unique=True),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    sqlite_autoincrement=True,
)

traits = Table(
    "traits",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False, unique=True),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    sqlite_autoincrement=True,
)

# Ids of providers are never used again (autoincrement): the change feed names them.
resource_providers = Table(
    "resource_providers",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("uuid", _uuid(), nullable=False, unique=True),
    Column("name", String(PROVIDER_NAME_LENGTH), nullable=False, unique=True),
    Column("generation", BigInteger, nullable=False, default=0),
    # Of the row itself for a root, which cannot be known while it is inserted: 0 until then.
    Column("root_id", _ID, nullable=False, index=True),
    Column("parent_id", _ID, ForeignKey("resource_providers.id"), nullable=True, index=True),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    sqlite_autoincrement=True,
)

inventories = Table(
    "inventories",
    metadata,
    Column("rp_id", _ID, ForeignKey("resource_providers.id"), primary_key=True),
    Column("rc_id", _ID, ForeignKey("resource_classes.id"), primary_key=True, index=True),
    Column("total", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("min_unit", BigInteger, nullable=False),
    Column("max_unit", BigInteger, nullable=False),
    Column("step_size", BigInteger, nullable=False),
    Column("allocation_ratio", _RATIO, nullable=False),
    Column("capacity", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False, default=0),
    sqlite_with_rowid=False,
)

provider_traits = Table(
    "provider_traits",
    metadata,
    Column("rp_id", _ID, ForeignKey("resource_providers.id"), primary_key=True),
    Column("trait_id", _ID, ForeignKey("traits.id"), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

provider_aggregates = Table(
    "provider_aggregates",
    metadata,
    Column("rp_id", _ID, ForeignKey("resource_providers.id"), primary_key=True),
    Column("aggregate_uuid", _uuid(), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

consumer_types = Table(
    "consumer_types",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False, unique=True),
    sqlite_autoincrement=True,
)

consumers = Table(
    "consumers",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("uuid", _uuid(), nullable=False, unique=True),
    Column("project_id", String(NAME_LENGTH), nullable=False),
    Column("user_id", String(NAME_LENGTH), nullable=False),
    Column("consumer_type_id", _ID, ForeignKey("consumer_types.id"), nullable=True),
    Column("generation", BigInteger, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_consumers_project_user", "project_id", "user_id"),
    sqlite_autoincrement=True,
)

# The second foreign key is what makes an allocation without inventory impossible.
allocations = Table(
    "allocations",
    metadata,
    Column("consumer_id", _ID, ForeignKey("consumers.id"), primary_key=True),
    Column("rp_id", _ID, primary_key=True),
    Column("rc_id", _ID, primary_key=True),
    Column("used", BigInteger, nullable=False),
    ForeignKeyConstraint(["rp_id", "rc_id"], ["inventories.rp_id", "inventories.rc_id"]),
    Index("ix_allocations_rp_rc", "rp_id", "rc_id"),
    sqlite_with_rowid=False,
)

cells = Table(
    "cells",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("up", Boolean(create_constraint=False), nullable=False),
    Column("seen_at", Timestamp, nullable=False),
)

hosts = Table(
    "hosts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False, unique=True),
    Column("cell", String(NAME_LENGTH), ForeignKey("cells.name"), nullable=False, index=True),
    Column("rp_uuid", _uuid(), nullable=False, unique=True),
    Column("zone", String(NAME_LENGTH), nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("up", Boolean(create_constraint=False), nullable=False),
    Column("disabled_reason", String(NAME_LENGTH), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    sqlite_autoincrement=True,
)

server_groups = Table(
    "server_groups",
    metadata,
    Column("uuid", _uuid(), primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("policy", String(32), nullable=False),
    Column("project_id", String(NAME_LENGTH), nullable=False),
    Column("max_server_per_host", Integer, nullable=False),
    # Both are raised by every claim of a member, so that claims of one group queue here.
    Column("members", Integer, nullable=False),
    Column("host", String(NAME_LENGTH), nullable=True),
    Column("created_at", Timestamp, nullable=False),
)

server_group_hosts = Table(
    "server_group_hosts",
    metadata,
    Column("group_uuid", _uuid(), ForeignKey("server_groups.uuid"), primary_key=True),
    Column("host", String(NAME_LENGTH), primary_key=True),
    Column("members", Integer, nullable=False),
    sqlite_with_rowid=False,
)

server_group_members = Table(
    "server_group_members",
    metadata,
    Column("consumer_uuid", _uuid(), primary_key=True),
    Column("group_uuid", _uuid(), ForeignKey("server_groups.uuid"), nullable=False, index=True),
    Column("host", String(NAME_LENGTH), nullable=False),
    sqlite_with_rowid=False,
)

# What lists and conditions look at has a column; the rest is one msgpack document in `body`.
instances = Table(
    "instances",
    metadata,
    Column("uuid", _uuid(), primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("project_id", String(NAME_LENGTH), nullable=False),
    Column("user_id", String(NAME_LENGTH), nullable=False),
    Column("status", String(16), nullable=False),
    Column("task_state", String(16), nullable=True),
    Column("cell", String(NAME_LENGTH), nullable=True),
    Column("host", String(NAME_LENGTH), nullable=True),
    Column("workload", String(NAME_LENGTH), nullable=True),
    Column("attempt", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("deleted_at", Timestamp, nullable=True),
    Column("body", _BYTES, nullable=False),
    Index("ix_instances_created", "created_at", "uuid"),
    Index("ix_instances_project", "project_id", "created_at", "uuid"),
    Index("ix_instances_host", "host", "workload"),
    Index("ix_instances_cell", "cell", "status"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("key", String(NAME_LENGTH), nullable=False),
    Column("cell", String(NAME_LENGTH), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("run_at", Timestamp, nullable=False),
    Column("lease_owner", String(NAME_LENGTH), nullable=True),
    Column("lease_expires_at", Timestamp, nullable=True),
    Column("body", _BYTES, nullable=False),
    Index("ix_tasks_kind_key", "kind", "key", unique=True),
    Index("ix_tasks_cell_run", "cell", "run_at"),
    sqlite_autoincrement=True,
)

writers = Table(
    "writers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("started_at", Timestamp, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("writer", String(64), ForeignKey("writers.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Timestamp, nullable=False),
    Column("body", _BYTES, nullable=False),
    sqlite_with_rowid=False,
)
