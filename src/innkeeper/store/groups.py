"""Server groups: their policy is a condition of the write that adds a member.

A claim of a member first raises the group's row, so that claims of one group queue there on
every engine; then the count of its host is raised only if the policy admits it.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    delete,
    insert,
    or_,
    select,
    update,
)

from innkeeper.core.errors import GroupPolicyViolation, NotFound
from innkeeper.core.ids import HostName
from innkeeper.core.server_group import ServerGroup
from innkeeper.store.chunks import rows_named
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import server_group_hosts as group_hosts
from innkeeper.store.tables import server_group_members as group_members
from innkeeper.store.tables import server_groups
from innkeeper.store.txn import Txn


def group_pictures(conn: Connection, uuids: Collection[str] | None) -> tuple[ServerGroup, ...]:
    """Give the groups with these uuids (None: all) in the order of their creation."""
    members: defaultdict[str, list[tuple[HostName, int]]] = defaultdict(list)
    where = select(group_hosts).order_by(group_hosts.c.host)
    for uuid, host, count in rows_named(conn, where, group_hosts.c.group_uuid, uuids):
        members[uuid].append((host, count))
    groups = rows_named(conn, select(server_groups), server_groups.c.uuid, uuids)
    return tuple(
        ServerGroup(
            uuid=row.uuid,
            name=row.name,
            policy=row.policy,
            project_id=row.project_id,
            max_server_per_host=row.max_server_per_host,
            members=tuple(members[row.uuid]),
        )
        for row in sorted(groups, key=lambda row: (row.created_at, row.uuid))
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


_at_group = server_groups.c.uuid == bindparam("of_group")
_here = and_(
    group_hosts.c.group_uuid == bindparam("of_group"), group_hosts.c.host == bindparam("on_host")
)
_member = group_members.c.consumer_uuid == bindparam("of")
_UNLIMITED: Final = 2**31 - 1
_ENTER: Final = Prepared(
    update(server_groups)
    .where(
        _at_group,
        or_(
            server_groups.c.policy != "affinity",
            server_groups.c.members == 0,
            server_groups.c.host == bindparam("on_host"),
        ),
    )
    .values(members=server_groups.c.members + 1, host=bindparam("on_host"))
)
_most = case(
    (server_groups.c.policy == "anti-affinity", server_groups.c.max_server_per_host),
    else_=_UNLIMITED,
)
_COUNT: Final = Prepared(
    update(group_hosts)
    .where(_here, group_hosts.c.members < select(_most).where(_at_group).scalar_subquery())
    .values(members=group_hosts.c.members + 1)
)
_COUNTED: Final = Prepared(select(group_hosts.c.members).where(_here))
_ADD_HOST: Final = Prepared(
    insert(group_hosts).values(
        group_uuid=bindparam("of_group"), host=bindparam("on_host"), members=1
    )
)
_ADD_MEMBER: Final = Prepared(
    insert(group_members).values(
        consumer_uuid=bindparam("of"), group_uuid=bindparam("of_group"), host=bindparam("on_host")
    )
)
_OF_MEMBER: Final = Prepared(
    select(group_members.c.group_uuid, group_members.c.host).where(_member)
)
_LEAVE: Final = Prepared(
    update(server_groups).where(_at_group).values(members=server_groups.c.members - 1)
)
_UNCOUNT: Final = Prepared(
    update(group_hosts).where(_here).values(members=group_hosts.c.members - 1)
)
_DROP_EMPTY: Final = Prepared(delete(group_hosts).where(_here, group_hosts.c.members == 0))
_DROP_MEMBER: Final = Prepared(delete(group_members).where(_member))


def enter(txn: Txn, group_uuid: str, *, consumer_uuid: str, host: HostName) -> None:
    """Add a member on ``host`` if the policy admits it, else raise GroupPolicyViolation."""
    at = {"of_group": group_uuid, "on_host": host}
    _ENTER.run(txn.cursor, txn.dialect, at)
    if txn.cursor.rowcount != 1:
        raise GroupPolicyViolation(
            f"Server group {group_uuid} does not exist, or its members are on another host"
            f" than {host}."
        )
    _COUNT.run(txn.cursor, txn.dialect, at)
    if txn.cursor.rowcount != 1:
        _COUNTED.run(txn.cursor, txn.dialect, at)
        counted = txn.cursor.fetchone()
        if counted is not None:
            raise GroupPolicyViolation(
                f"Host {host} has {integer(counted[0])} members of server group {group_uuid}, and"
                " may have no more."
            )
        _ADD_HOST.run(txn.cursor, txn.dialect, at)
    _ADD_MEMBER.run(txn.cursor, txn.dialect, {**at, "of": consumer_uuid})
    txn.group_changed(group_uuid)


def leave(txn: Txn, consumer_uuid: str) -> str | None:
    """Take a member out of its group; give the group's uuid, or None if it was in none."""
    _OF_MEMBER.run(txn.cursor, txn.dialect, {"of": consumer_uuid})
    row = txn.cursor.fetchone()
    if row is None:
        return None
    group_uuid = str(row[0])
    at = {"of_group": group_uuid, "on_host": row[1]}
    _LEAVE.run(txn.cursor, txn.dialect, {"of_group": group_uuid})
    _UNCOUNT.run(txn.cursor, txn.dialect, at)
    _DROP_EMPTY.run(txn.cursor, txn.dialect, at)
    _DROP_MEMBER.run(txn.cursor, txn.dialect, {"of": consumer_uuid})
    txn.group_changed(group_uuid)
    return group_uuid
