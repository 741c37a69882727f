"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# A BLOB of MariaDB ends at 64 KiB.
_BYTES = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mariadb")
_RATIO = sa.Float(precision=53).with_variant(mysql.DOUBLE(asdecimal=False), "mariadb")


def _text(length: int) -> sa.String:
    """Give a text that is compared byte by byte, as SQLite does, whatever the database does."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    ordered = postgresql.VARCHAR(length, collation="C")
    text = sa.String(length).with_variant(ordered, "postgresql")
    return text.with_variant(binary, "mariadb")


def upgrade() -> None:
    """Make every table."""
    _make_names()
    _make_providers()
    _make_marks()
    _make_consumers()
    _make_cells()
    _make_server_groups()
    _make_instances()
    _make_feed()


def _make_names() -> None:
    op.create_table(
        "resource_classes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _text(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "traits",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _text(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "consumer_types",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _text(255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )


def _make_providers() -> None:
    op.create_table(
        "resource_providers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uuid", _text(36), nullable=False),
        sa.Column("name", _text(200), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("root_id", _ID, nullable=False),
        sa.Column("parent_id", _ID, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["resource_providers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_resource_providers_parent_id"), "resource_providers", ["parent_id"], unique=False
    )
    op.create_index(
        op.f("ix_resource_providers_root_id"), "resource_providers", ["root_id"], unique=False
    )
    op.create_table(
        "inventories",
        sa.Column("rp_id", _ID, nullable=False),
        sa.Column("rc_id", _ID, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("min_unit", sa.BigInteger(), nullable=False),
        sa.Column("max_unit", sa.BigInteger(), nullable=False),
        sa.Column("step_size", sa.BigInteger(), nullable=False),
        sa.Column("allocation_ratio", _RATIO, nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rc_id"],
            ["resource_classes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rp_id"],
            ["resource_providers.id"],
        ),
        sa.PrimaryKeyConstraint("rp_id", "rc_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_inventories_rc_id"), "inventories", ["rc_id"], unique=False)


def _make_marks() -> None:
    op.create_table(
        "provider_traits",
        sa.Column("rp_id", _ID, nullable=False),
        sa.Column("trait_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["rp_id"],
            ["resource_providers.id"],
        ),
        sa.ForeignKeyConstraint(
            ["trait_id"],
            ["traits.id"],
        ),
        sa.PrimaryKeyConstraint("rp_id", "trait_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_provider_traits_trait_id"), "provider_traits", ["trait_id"], unique=False
    )
    op.create_table(
        "provider_aggregates",
        sa.Column("rp_id", _ID, nullable=False),
        sa.Column("aggregate_uuid", _text(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["rp_id"],
            ["resource_providers.id"],
        ),
        sa.PrimaryKeyConstraint("rp_id", "aggregate_uuid"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_provider_aggregates_aggregate_uuid"),
        "provider_aggregates",
        ["aggregate_uuid"],
        unique=False,
    )


def _make_consumers() -> None:
    op.create_table(
        "consumers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uuid", _text(36), nullable=False),
        sa.Column("project_id", _text(255), nullable=False),
        sa.Column("user_id", _text(255), nullable=False),
        sa.Column("consumer_type_id", _ID, nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_type_id"],
            ["consumer_types.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_consumers_project_user", "consumers", ["project_id", "user_id"], unique=False
    )
    op.create_table(
        "allocations",
        sa.Column("consumer_id", _ID, nullable=False),
        sa.Column("rp_id", _ID, nullable=False),
        sa.Column("rc_id", _ID, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["consumers.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rp_id", "rc_id"],
            ["inventories.rp_id", "inventories.rc_id"],
        ),
        sa.PrimaryKeyConstraint("consumer_id", "rp_id", "rc_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_allocations_rp_rc", "allocations", ["rp_id", "rc_id"], unique=False)


def _make_cells() -> None:
    op.create_table(
        "cells",
        sa.Column("name", _text(255), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "hosts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _text(255), nullable=False),
        sa.Column("cell", _text(255), nullable=False),
        sa.Column("rp_uuid", _text(36), nullable=False),
        sa.Column("zone", _text(255), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", _text(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell"],
            ["cells.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("rp_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_hosts_cell"), "hosts", ["cell"], unique=False)


def _make_server_groups() -> None:
    op.create_table(
        "server_groups",
        sa.Column("uuid", _text(36), nullable=False),
        sa.Column("name", _text(255), nullable=False),
        sa.Column("policy", _text(32), nullable=False),
        sa.Column("project_id", _text(255), nullable=False),
        sa.Column("max_server_per_host", sa.Integer(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("host", _text(255), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uuid"),
    )
    op.create_table(
        "server_group_hosts",
        sa.Column("group_uuid", _text(36), nullable=False),
        sa.Column("host", _text(255), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_uuid"],
            ["server_groups.uuid"],
        ),
        sa.PrimaryKeyConstraint("group_uuid", "host"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "server_group_members",
        sa.Column("consumer_uuid", _text(36), nullable=False),
        sa.Column("group_uuid", _text(36), nullable=False),
        sa.Column("host", _text(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_uuid"],
            ["server_groups.uuid"],
        ),
        sa.PrimaryKeyConstraint("consumer_uuid"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_server_group_members_group_uuid"),
        "server_group_members",
        ["group_uuid"],
        unique=False,
    )


def _make_instances() -> None:
    op.create_table(
        "instances",
        sa.Column("uuid", _text(36), nullable=False),
        sa.Column("name", _text(255), nullable=False),
        sa.Column("project_id", _text(255), nullable=False),
        sa.Column("user_id", _text(255), nullable=False),
        sa.Column("status", _text(16), nullable=False),
        sa.Column("task_state", _text(16), nullable=True),
        sa.Column("cell", _text(255), nullable=True),
        sa.Column("host", _text(255), nullable=True),
        sa.Column("workload", _text(255), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("body", _BYTES, nullable=False),
        sa.PrimaryKeyConstraint("uuid"),
    )
    op.create_index("ix_instances_cell", "instances", ["cell", "status"], unique=False)
    op.create_index("ix_instances_created", "instances", ["created_at", "uuid"], unique=False)
    op.create_index("ix_instances_host", "instances", ["host", "workload"], unique=False)
    op.create_index(
        "ix_instances_project", "instances", ["project_id", "created_at", "uuid"], unique=False
    )
    op.create_table(
        "tasks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", _text(32), nullable=False),
        sa.Column("key", _text(255), nullable=False),
        sa.Column("cell", _text(255), nullable=False),
        sa.Column("state", _text(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", _text(255), nullable=True),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("body", _BYTES, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_cell_run", "tasks", ["cell", "run_at"], unique=False)
    op.create_index("ix_tasks_kind_key", "tasks", ["kind", "key"], unique=True)


def _make_feed() -> None:
    op.create_table(
        "writers",
        sa.Column("id", _text(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "changes",
        sa.Column("writer", _text(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", _BYTES, nullable=False),
        sa.ForeignKeyConstraint(
            ["writer"],
            ["writers.id"],
        ),
        sa.PrimaryKeyConstraint("writer", "sequence"),
        sqlite_with_rowid=False,
    )
