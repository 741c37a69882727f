"""Deleting an instance: recorded with a durable task, or done at once if there is no guest."""

from collections.abc import Callable

from innkeeper.conductor.recording import record
from innkeeper.core.build import DeleteRequested, Deleting, Record, step
from innkeeper.core.errors import NotFound
from innkeeper.core.ids import CellName, InstanceUuid
from innkeeper.core.instance import Instance
from innkeeper.core.instance_record import state_of
from innkeeper.store import instances
from innkeeper.store.txn import Txn


def request_delete(txn: Txn, uuid: InstanceUuid, *, need: Callable[[CellName], None]) -> Instance:
    """Record that an instance is to go; give its record.

    ``need`` raises if a cell that has work to do for it is down. What is being deleted already
    stays as it is. NotFound if there is no such instance or it is deleted.
    """
    instance = instances.get(txn.conn, uuid)
    if instance.status == "DELETED":
        raise NotFound(f"There is no instance {uuid}.")
    _, effects = step(state_of(instance), DeleteRequested())
    for effect in effects:
        if isinstance(effect, Record):
            if isinstance(effect.state, Deleting) and instance.cell is not None:
                need(instance.cell)
            instance = record(txn, instance, effect)
    return instance
