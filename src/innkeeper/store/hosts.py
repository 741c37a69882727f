"""Hosts in the store: which cell has them, whether they take instances."""

from collections.abc import Collection

from sqlalchemy import Connection, insert, select, update

from innkeeper.core.errors import Conflict
from innkeeper.core.host import Host
from innkeeper.store.chunks import rows_named
from innkeeper.store.tables import hosts
from innkeeper.store.txn import Txn

_COLUMNS = [hosts.c[name] for name in Host.__struct_fields__]


def hosts_named(conn: Connection, names: Collection[str] | None) -> tuple[Host, ...]:
    """Give the hosts with these names (None: all) in the order in which they were added."""
    query = select(hosts.c.id, *_COLUMNS)
    found = {number: Host(*row) for number, *row in rows_named(conn, query, hosts.c.name, names)}
    return tuple(found[number] for number in sorted(found))


def put_host(txn: Txn, host: Host) -> None:
    """Add a host, or change it to be as given. A host cannot move to another cell."""
    row = txn.conn.execute(select(*_COLUMNS).where(hosts.c.name == host.name)).one_or_none()
    values = {name: getattr(host, name) for name in Host.__struct_fields__}
    if row is None:
        txn.conn.execute(insert(hosts).values(**values, created_at=txn.now, updated_at=txn.now))
    elif Host(**row._mapping) == host:
        return
    elif row.cell != host.cell:
        raise Conflict(f"Host {host.name} belongs to cell {row.cell}, not to {host.cell}.")
    else:
        txn.conn.execute(
            update(hosts).where(hosts.c.name == host.name).values(**values, updated_at=txn.now)
        )
    txn.host_changed(host.name)
