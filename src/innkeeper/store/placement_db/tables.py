"""The schema of openstack-placement's database, release Zed (2022) and later.

A test compares it with what ``placement-manage db sync`` makes. What it says of indexes, keys
and defaults matters only where the tables are made for a way back.
"""

from typing import Final

from sqlalchemy import (
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Unicode,
    UniqueConstraint,
    text,
)

REVISION: Final = "a082b8bb98d0"
"""The newest Alembic revision of that schema, and the one that is written."""

REVISIONS_WITHOUT_TYPES: Final = frozenset({"b4ed3a175331", "611cd6dffd7b", "b5c396305c25"})
"""Older ones (Stein to Wallaby), whose consumers have no type. They can be read."""

REVISIONS: Final = REVISIONS_WITHOUT_TYPES | {"422ece571366", REVISION}
"""Every one that can be read."""

FIRST_CUSTOM_CLASS_ID: Final = 10_000
"""Resource classes with smaller ids are standard ones there, and cannot be deleted."""

metadata: Final = MetaData()


def _made() -> tuple[Column[object], Column[object]]:
    """Give the columns that every table has: naive points in time, in UTC."""
    return Column("created_at", DateTime), Column("updated_at", DateTime)


alembic_version = Table(
    "alembic_version", metadata, Column("version_num", String(32), primary_key=True)
)

resource_classes = Table(
    "resource_classes",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    UniqueConstraint("name", name="uniq_resource_classes0name"),
)

traits = Table(
    "traits",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("name", Unicode(255), nullable=False),
    UniqueConstraint("name", name="uniq_traits0name"),
)

resource_providers = Table(
    "resource_providers",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False),
    Column("name", Unicode(200)),
    Column("generation", Integer),
    Column("root_provider_id", Integer, ForeignKey("resource_providers.id")),
    Column("parent_provider_id", Integer, ForeignKey("resource_providers.id")),
    UniqueConstraint("uuid", name="uniq_resource_providers0uuid"),
    UniqueConstraint("name", name="uniq_resource_providers0name"),
    Index("resource_providers_root_provider_id_idx", "root_provider_id"),
    Index("resource_providers_parent_provider_id_idx", "parent_provider_id"),
)

inventories = Table(
    "inventories",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("resource_provider_id", Integer, nullable=False),
    Column("resource_class_id", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("reserved", Integer, nullable=False),
    Column("min_unit", Integer, nullable=False),
    Column("max_unit", Integer, nullable=False),
    Column("step_size", Integer, nullable=False),
    Column("allocation_ratio", Float, nullable=False),
    UniqueConstraint(
        "resource_provider_id",
        "resource_class_id",
        name="uniq_inventories0resource_provider_resource_class",
    ),
    Index("inventories_resource_class_id_idx", "resource_class_id"),
)

allocations = Table(
    "allocations",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("resource_provider_id", Integer, nullable=False),
    # The uuid of the consumer, which may have no row of its own in old databases.
    Column("consumer_id", String(36), nullable=False),
    Column("resource_class_id", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Index(
        "allocations_resource_provider_class_used_idx",
        "resource_provider_id",
        "resource_class_id",
        "used",
    ),
    Index("allocations_resource_class_id_idx", "resource_class_id"),
    Index("allocations_consumer_id_idx", "consumer_id"),
)

aggregates = Table(
    "placement_aggregates",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36)),
    UniqueConstraint("uuid", name="uniq_placement_aggregates0uuid"),
)

provider_aggregates = Table(
    "resource_provider_aggregates",
    metadata,
    *_made(),
    Column("resource_provider_id", Integer, primary_key=True, autoincrement=False),
    Column("aggregate_id", Integer, primary_key=True, autoincrement=False),
    Index("resource_provider_aggregates_aggregate_id_idx", "aggregate_id"),
)

provider_traits = Table(
    "resource_provider_traits",
    metadata,
    *_made(),
    Column("trait_id", Integer, ForeignKey("traits.id"), primary_key=True),
    Column("resource_provider_id", Integer, ForeignKey("resource_providers.id"), primary_key=True),
    Index(
        "resource_provider_traits_resource_provider_trait_idx", "resource_provider_id", "trait_id"
    ),
)


def _owners(name: str) -> Table:
    return Table(
        name,
        metadata,
        *_made(),
        Column("id", Integer, primary_key=True),
        Column("external_id", String(255), nullable=False),
        UniqueConstraint("external_id", name=f"uniq_{name}0external_id"),
    )


projects = _owners("projects")
users = _owners("users")

consumer_types = Table(
    "consumer_types",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("name", Unicode(255), nullable=False),
    UniqueConstraint("name", name="uniq_consumer_types0name"),
)

consumers = Table(
    "consumers",
    metadata,
    *_made(),
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False),
    # Ids of `projects` and `users`, though no key says so.
    Column("project_id", Integer, nullable=False),
    Column("user_id", Integer, nullable=False),
    Column("generation", Integer, nullable=False, server_default=text("0")),
    Column(
        "consumer_type_id",
        Integer,
        ForeignKey("consumer_types.id", name="consumers_consumer_type_id_fkey"),
    ),
    UniqueConstraint("uuid", name="uniq_consumers0uuid"),
    Index("consumers_project_id_uuid_idx", "project_id", "uuid"),
    Index("consumers_project_id_user_id_uuid_idx", "project_id", "user_id", "uuid"),
    Index("consumers_consumer_type_id_idx", "consumer_type_id"),
)
