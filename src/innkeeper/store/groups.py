"""Server groups: their policy is a condition of the write that adds a member.

A claim of a member first raises the group's row, so that claims of one group queue there on
every engine; then the count of its host is raised only if the policy admits it.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, update

from innkeeper.core.errors import GroupPolicyViolation, NotFound
from innkeeper.core.ids import HostName
from innkeeper.core.server_group import ServerGroup
from innkeeper.store.tables import server_group_hosts as group_hosts
from innkeeper.store.tables import server_group_members as group_members
from innkeeper.store.tables import server_groups
from innkeeper.store.txn import Txn


def group_pictures(conn: Connection, uuids: Collection[str] | None) -> tuple[ServerGroup, ...]:
    """Give the groups with these uuids (None: all) in the order of their creation."""
    query = select(server_groups).order_by(server_groups.c.created_at, server_groups.c.uuid)
    where = select(group_hosts).order_by(group_hosts.c.host)
    if uuids is not None:
        query = query.where(server_groups.c.uuid.in_(list(uuids)))
        where = where.where(group_hosts.c.group_uuid.in_(list(uuids)))
    members: defaultdict[str, list[tuple[HostName, int]]] = defaultdict(list)
    for uuid, host, count in conn.execute(where):
        members[uuid].append((host, count))
    return tuple(
        ServerGroup(
            uuid=row.uuid,
            name=row.name,
            policy=row.policy,
            project_id=row.project_id,
            max_server_per_host=row.max_server_per_host,
            members=tuple(members[row.uuid]),
        )
        for row in conn.execute(query)
    )


def add_group(txn: Txn, group: ServerGroup) -> None:
    """Add a group without members; its uuid must be new (Conflict)."""
    txn.conn.execute(
        insert(server_groups).values(
            uuid=group.uuid,
            name=group.name,
            policy=group.policy,
            project_id=group.project_id,
            max_server_per_host=group.max_server_per_host,
            members=0,
            host=None,
            created_at=txn.now,
        )
    )
    txn.group_changed(group.uuid)


def remove_group(txn: Txn, uuid: str) -> None:
    """Remove a group; its members live on, free of its policy. NotFound if there is none."""
    txn.conn.execute(delete(group_members).where(group_members.c.group_uuid == uuid))
    txn.conn.execute(delete(group_hosts).where(group_hosts.c.group_uuid == uuid))
    if not txn.conn.execute(delete(server_groups).where(server_groups.c.uuid == uuid)).rowcount:
        raise NotFound(f"There is no server group {uuid}.")
    txn.group_changed(uuid)


_ENTER = (
    update(server_groups)
    .where(
        server_groups.c.uuid == bindparam("of_group"),
        or_(
            server_groups.c.policy != "affinity",
            server_groups.c.members == 0,
            server_groups.c.host == bindparam("on_host"),
        ),
    )
    .values(members=server_groups.c.members + 1, host=bindparam("on_host"))
)
_here = and_(
    group_hosts.c.group_uuid == bindparam("of_group"), group_hosts.c.host == bindparam("on_host")
)
_COUNT = (
    update(group_hosts)
    .where(_here, group_hosts.c.members < bindparam("most"))
    .values(members=group_hosts.c.members + 1)
)
_NO_LIMIT = 2**31 - 1


def enter(txn: Txn, group_uuid: str, *, consumer_uuid: str, host: HostName) -> None:
    """Add a member on ``host`` if the policy admits it, else raise GroupPolicyViolation."""
    at = {"of_group": group_uuid, "on_host": host}
    if txn.conn.execute(_ENTER, at).rowcount != 1:
        raise GroupPolicyViolation(
            f"Server group {group_uuid} does not exist, or its members are on another host"
            f" than {host}."
        )
    policy, most = txn.conn.execute(
        select(server_groups.c.policy, server_groups.c.max_server_per_host).where(
            server_groups.c.uuid == group_uuid
        )
    ).one()
    limit = most if policy == "anti-affinity" else _NO_LIMIT
    if txn.conn.execute(_COUNT, {**at, "most": limit}).rowcount != 1:
        if txn.conn.scalar(select(group_hosts.c.members).where(_here), at) is not None:
            raise GroupPolicyViolation(
                f"Host {host} has {limit} members of server group {group_uuid}, and may have"
                " no more."
            )
        txn.conn.execute(insert(group_hosts).values(group_uuid=group_uuid, host=host, members=1))
    txn.conn.execute(
        insert(group_members).values(consumer_uuid=consumer_uuid, group_uuid=group_uuid, host=host)
    )
    txn.group_changed(group_uuid)


def leave(txn: Txn, consumer_uuid: str) -> str | None:
    """Take a member out of its group; give the group's uuid, or None if it was in none."""
    row = txn.conn.execute(
        select(group_members.c.group_uuid, group_members.c.host).where(
            group_members.c.consumer_uuid == consumer_uuid
        )
    ).one_or_none()
    if row is None:
        return None
    at = {"of_group": row.group_uuid, "on_host": row.host}
    txn.conn.execute(
        update(server_groups)
        .where(server_groups.c.uuid == row.group_uuid)
        .values(members=server_groups.c.members - 1)
    )
    txn.conn.execute(update(group_hosts).where(_here).values(members=group_hosts.c.members - 1), at)
    txn.conn.execute(delete(group_hosts).where(_here, group_hosts.c.members == 0), at)
    txn.conn.execute(delete(group_members).where(group_members.c.consumer_uuid == consumer_uuid))
    txn.group_changed(row.group_uuid)
    return str(row.group_uuid)
