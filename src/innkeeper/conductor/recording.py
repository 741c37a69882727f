"""Recording: an instance's record, its claim and its tasks, changed together in one transaction.

The record's generation is compared first. So whoever was overtaken changes nothing, whatever
he believes about leases.
"""

from typing import Final

import msgspec

from innkeeper.core.allocation import Consumer
from innkeeper.core.build import Active, Building, Deleted, Deleting, Failed, Record
from innkeeper.core.claim import Claim
from innkeeper.core.errors import StaleState
from innkeeper.core.ids import CellName, ConsumerUuid, HostName
from innkeeper.core.instance import Instance
from innkeeper.core.instance_record import recorded
from innkeeper.core.selection import Selection
from innkeeper.store import claims, instances, tasks
from innkeeper.store.hosts import hosts_named, put_host
from innkeeper.store.refit import refit
from innkeeper.store.txn import Txn

CONSUMER_TYPE: Final = "INSTANCE"
"""Consumer type of what instances hold, as Nova names it."""


def record(txn: Txn, before: Instance, effect: Record) -> Instance:
    """Carry out ``effect``; give the record as it is then.

    Raises StaleState if the record is no longer ``before``; a Conflict if the claim cannot move.
    """
    after = recorded(before, effect.state, now=txn.now)
    if effect.claim == "move" and after.selection is not None:
        fitted = refit(txn.conn, after.selection)
        after = msgspec.structs.replace(after, selection=fitted)
        instances.replace(txn, before, after)
        claims.move(txn, claim_of(after, fitted))
    else:
        instances.replace(txn, before, after)
    if effect.claim == "release":
        claims.release(txn, before.uuid)
    if before.cell is not None:
        if effect.leftover is not None:
            tasks.add_destroy(txn, before.uuid, effect.leftover, cell=before.cell)
            if effect.leftover.gone:
                note_host(txn, effect.leftover.host, cell=before.cell, up=False)
        _tend_tasks(txn, after, effect)
    return after


def note_host(txn: Txn, name: HostName, *, cell: CellName, up: bool) -> None:
    """Write what was last heard of the agent of a host of ``cell``."""
    for host in hosts_named(txn.conn, [name]):
        if host.cell == cell and host.up != up:
            put_host(txn, msgspec.structs.replace(host, up=up))


def claim_of(instance: Instance, selection: Selection) -> Claim:
    """Give the claim by which ``instance`` holds ``selection``."""
    consumer = Consumer(
        ConsumerUuid(instance.uuid),
        project_id=instance.project_id,
        user_id=instance.user_id,
        consumer_type=CONSUMER_TYPE,
    )
    return Claim(
        consumer,
        host=selection.host,
        allocations=selection.allocations,
        group=instance.spec.group,
    )


def _tend_tasks(txn: Txn, after: Instance, effect: Record) -> None:
    """End the task that is done, and begin the one that follows."""
    match effect.state:
        case Building():
            pass
        case Active() | Failed():
            tasks.drop(txn, "build", after.uuid)
        case Deleting():
            if after.cell is None:
                raise StaleState(f"Instance {after.uuid} is in no cell.")
            tasks.drop(txn, "build", after.uuid)
            tasks.add(txn, "delete", after.uuid, cell=after.cell)
        case Deleted():
            tasks.drop(txn, "delete", after.uuid)
