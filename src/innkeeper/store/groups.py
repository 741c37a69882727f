"""Server groups: their policy is a condition of the write that adds members.

Claims of members first raise the groups' rows, so that claims of one group queue there on
every engine; then the counts of their hosts are raised only if the policy admits it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final, cast

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from innkeeper.core.errors import GroupPolicyViolation, NotFound
from innkeeper.core.ids import HostName
from innkeeper.core.server_group import GroupPolicy, ServerGroup
from innkeeper.store.for_each import ForEach, Row, Values, insert_of
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import server_group_hosts as group_hosts
from innkeeper.store.tables import server_group_members as group_members
from innkeeper.store.tables import server_groups
from innkeeper.store.txn import Txn

_g, _h = server_groups.c, group_hosts.c


class Member(msgspec.Struct, frozen=True):
    """A consumer that is to be a member of a group, by what it holds on a host."""

    group_uuid: str
    consumer_uuid: str
    host: HostName


class _Pass:
    """Reads one table, by the uuids of groups."""

    def __init__(self, every: Select[Any], of: ColumnElement[str]) -> None:
        self._every = every
        self._of_some = ForEach(lambda row: every.where(of == row["of"]), of=str)

    def read(self, conn: Connection, uuids: Collection[str] | None) -> Sequence[Values]:
        """Give the rows of the groups with these uuids (None: all), in no order."""
        if uuids is None:
            return [tuple(row) for row in conn.execute(self._every)]
        return self._of_some.send(conn, [(uuid,) for uuid in uuids]).rows()


_GROUPS: Final = _Pass(
    select(
        *(type_coerce(_g.created_at, BigInteger), _g.uuid, _g.name, _g.policy, _g.project_id),
        _g.max_server_per_host,
    ),
    _g.uuid,
)
_HOSTS: Final = _Pass(select(_h.group_uuid, _h.host, _h.members), _h.group_uuid)


def group_pictures(conn: Connection, uuids: Collection[str] | None) -> tuple[ServerGroup, ...]:
    """Give the groups with these uuids (None: all) in the order of their creation."""
    members: defaultdict[str, list[tuple[HostName, int]]] = defaultdict(list)
    for of, host, count in _HOSTS.read(conn, uuids):
        members[str(of)].append((HostName(str(host)), integer(count)))
    rows = _GROUPS.read(conn, uuids)
    return tuple(
        ServerGroup(
            uuid=str(uuid),
            name=str(name),
            policy=cast("GroupPolicy", policy),
            project_id=str(project_id),
            max_server_per_host=integer(most),
            members=tuple(sorted(members[str(uuid)])),
        )
        for _, uuid, name, policy, project_id, most in sorted(
            rows, key=lambda row: (integer(row[0]), str(row[1]))
        )
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


_UNLIMITED: Final = 2**31 - 1
_ENTER: Final = ForEach(
    lambda row: (
        update(server_groups)
        .where(
            _g.uuid == row["of"],
            or_(
                _g.policy != "affinity",
                and_(row["hosts"] == 1, or_(_g.members == 0, _g.host == row["host"])),
            ),
        )
        .values(members=_g.members + row["by"], host=row["host"])
    ),
    of=str,
    by=int,
    hosts=int,
    host=str,
)


def _admitted(row: Row) -> ColumnElement[int]:
    """Give how many members a group may have on one host."""
    most = case((_g.policy == "anti-affinity", _g.max_server_per_host), else_=_UNLIMITED)
    return select(most).where(_g.uuid == row["group_uuid"]).scalar_subquery()


def _here(row: Row) -> ColumnElement[bool]:
    return and_(_h.group_uuid == row["group_uuid"], _h.host == row["host"])


_COUNT: Final = ForEach(
    lambda row: (
        update(group_hosts)
        .where(_here(row), _h.members + row["members"] <= _admitted(row))
        .values(members=_h.members + row["members"])
    ),
    group_uuid=str,
    host=str,
    members=int,
)
_ADD_HOST: Final = ForEach(
    lambda row: insert_of(
        group_hosts, row, ~exists().where(_here(row)), row["members"] <= _admitted(row)
    ).returning(_h.group_uuid, _h.host),
    group_uuid=str,
    host=str,
    members=int,
)
_ADD_MEMBER: Final = ForEach(
    lambda row: insert_of(group_members, row), consumer_uuid=str, group_uuid=str, host=str
)
_COUNTED: Final = Prepared(
    select(_h.members).where(_h.group_uuid == bindparam("of"), _h.host == bindparam("on_host"))
)

_at_group = _g.uuid == bindparam("of_group")
_at_host = and_(_h.group_uuid == bindparam("of_group"), _h.host == bindparam("on_host"))
_member = group_members.c.consumer_uuid == bindparam("of")
_OF_MEMBER: Final = Prepared(
    select(group_members.c.group_uuid, group_members.c.host).where(_member)
)
_LEAVE: Final = Prepared(update(server_groups).where(_at_group).values(members=_g.members - 1))
_UNCOUNT: Final = Prepared(update(group_hosts).where(_at_host).values(members=_h.members - 1))
_DROP_EMPTY: Final = Prepared(delete(group_hosts).where(_at_host, _h.members == 0))
_DROP_MEMBER: Final = Prepared(delete(group_members).where(_member))


def enter(txn: Txn, new: Sequence[Member]) -> None:
    """Add members if the policies of their groups admit all, else raise GroupPolicyViolation.

    It names the first: whoever wants to know which of them is refused asks for one at a time.
    """
    hosts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for member in new:
        hosts[member.group_uuid][member.host] += 1
    raised = [(of, on.total(), len(on), min(on)) for of, on in sorted(hosts.items())]
    if _ENTER.send(txn.conn, raised).count() != len(raised):
        raise GroupPolicyViolation(
            f"Server group {new[0].group_uuid} does not exist, or its members are on another host"
            f" than {new[0].host}."
        )
    rows = [(of, *each) for of, on in sorted(hosts.items()) for each in sorted(on.items())]
    added = set(_ADD_HOST.send(txn.conn, rows).rows())
    known = [row for row in rows if row[:2] not in added]
    if _COUNT.send(txn.conn, known).count() != len(known):
        raise _full(txn, new[0])
    _ADD_MEMBER.send(
        txn.conn,
        [(member.consumer_uuid, member.group_uuid, member.host) for member in new],
    )
    for of in hosts:
        txn.group_changed(of)


def _full(txn: Txn, member: Member) -> GroupPolicyViolation:
    at = {"of": member.group_uuid, "on_host": member.host}
    _COUNTED.run(txn.cursor, txn.dialect, at)
    row = txn.cursor.fetchone()
    count = 0 if row is None else integer(row[0])
    return GroupPolicyViolation(
        f"Host {member.host} has {count} members of server group {member.group_uuid}, and may have"
        " no more."
    )


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
