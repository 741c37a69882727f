"""What the states of a build look like in an instance's record, and back."""

from datetime import datetime
from typing import Final

import msgspec

from innkeeper.core.build import Active, Building, Deleted, Deleting, Failed
from innkeeper.core.errors import StaleState
from innkeeper.core.instance import Fault, Instance

Recorded = Building | Active | Failed | Deleting | Deleted

_UNSAID: Final = Fault("innkeeper.error", "No reason was recorded.")


def state_of(instance: Instance) -> Recorded:
    """Give the state that a record holds; StaleState if it holds none."""
    if instance.status == "DELETED":
        return Deleted()
    if instance.status == "ERROR":
        return Failed(instance.fault or _UNSAID, instance.attempt)
    if instance.host is None or instance.selection is None:
        raise StaleState(f"Instance {instance.uuid} is {instance.status} without a host.")
    if instance.task_state == "deleting":
        return Deleting(instance.host, instance.attempt)
    if instance.status == "ACTIVE":
        return Active(instance.host, instance.attempt)
    return Building(
        instance.selection,
        alternates=instance.alternates,
        attempt=instance.attempt,
        attempts=instance.attempts,
    )


def recorded(instance: Instance, state: Recorded, *, now: datetime) -> Instance:
    """Give the record with ``state`` in it, one generation on."""
    changed = msgspec.structs.replace(instance, generation=instance.generation + 1, updated_at=now)
    replace = msgspec.structs.replace
    match state:
        case Building(selection):
            return replace(
                changed,
                selection=selection,
                cell=selection.cell,
                host=selection.host,
                alternates=state.alternates,
                attempt=state.attempt,
                attempts=state.attempts,
            )
        case Active():
            return replace(changed, status="ACTIVE", task_state=None, alternates=())
        case Deleting():
            return replace(changed, task_state="deleting", alternates=())
        case Failed(fault):
            return replace(
                _placeless(changed), status="ERROR", fault=fault, attempts=fault.attempts
            )
        case Deleted():
            return replace(_placeless(changed), status="DELETED", deleted_at=now)


def _placeless(instance: Instance) -> Instance:
    return msgspec.structs.replace(
        instance, task_state=None, host=None, selection=None, alternates=()
    )
