"""Hosts, as use cases of the api's side: registering them in bulk, enabling and disabling."""

from collections.abc import Sequence
from functools import partial

import msgspec

from innkeeper.conductor.cell_store import REPORTS_PER_WRITE
from innkeeper.core.errors import NotFound
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName
from innkeeper.core.report import HostReport
from innkeeper.store import cells
from innkeeper.store.hosts import hosts_named, put_host
from innkeeper.store.open_store import OpenStore
from innkeeper.store.report import put_reports
from innkeeper.store.txn import Txn


async def register_hosts(store: OpenStore, cell: CellName, reports: Sequence[HostReport]) -> None:
    """Make the store have hosts of a cell with their provider trees; the cell too if it's new.

    Any number of hosts, in any number of transactions; done again, it changes nothing.
    Raises InvalidInput, UnknownName, Conflict.
    """
    await store.write(partial(cells.ensure, name=cell))
    for at in range(0, len(reports), REPORTS_PER_WRITE):
        part = reports[at : at + REPORTS_PER_WRITE]
        await store.write(partial(put_reports, cell=cell, reports=part))


async def set_host_enabled(
    store: OpenStore, name: HostName, *, enabled: bool, reason: str = ""
) -> Host:
    """Let a host take new instances, or not, and say why not. Raises NotFound."""

    def op(txn: Txn) -> Host:
        found = hosts_named(txn.conn, [name])
        if not found:
            raise NotFound(f"There is no host {name}.")
        host = msgspec.structs.replace(
            found[0], enabled=enabled, disabled_reason="" if enabled else reason
        )
        put_host(txn, host)
        return host

    return await store.write(op)
