"""Creating instances: claim, record and task are one write; then the cell gets a hint."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from innkeeper.conductor.recording import claim_of
from innkeeper.core.errors import ClaimLost, Conflict, NoValidHost
from innkeeper.core.ids import InstanceUuid
from innkeeper.core.instance import Fault, Instance
from innkeeper.core.request_spec import RequestSpec
from innkeeper.scheduler.claimer import Placed
from innkeeper.store import claims, instances, tasks
from innkeeper.store.open_store import OpenStore
from innkeeper.store.txn import Txn


class Wanted(msgspec.Struct, frozen=True):
    """Instances to be created together: all of them, or none."""

    spec: RequestSpec
    names: Mapping[InstanceUuid, str]
    build: bool
    """False: there is nothing to build; each is ACTIVE with its claim."""


class InstanceClaimer:
    """The scheduler's Claimer for one request: writes claims, records and tasks in one go."""

    def __init__(self, store: OpenStore, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self.created: tuple[Instance, ...] = ()
        """The records, once they are written."""

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        """Claim the first selection of each instance; ClaimLost names the one that can't be."""
        self.created = await self._store.write(
            lambda txn: _claim_all(txn, self._wanted, placed), settle=settle
        )


async def record_refusal(
    store: OpenStore, wanted: Wanted, error: NoValidHost
) -> tuple[Instance, ...]:
    """Record instances that fit nowhere, in ERROR, with the fault and the decision."""

    def op(txn: Txn) -> tuple[Instance, ...]:
        refused = tuple(_refused(txn, wanted, uuid, error=error) for uuid in wanted.names)
        for instance in refused:
            instances.add(txn, instance)
        return refused

    return await store.write(op)


def _claim_all(txn: Txn, wanted: Wanted, placed: Sequence[Placed]) -> tuple[Instance, ...]:
    created = []
    for position, place in enumerate(placed):
        instance = _placed(txn, wanted, place)
        selection = place.selections[0]
        try:
            claims.claim(txn, claim_of(instance, selection))
        except Conflict as cause:
            raise ClaimLost(position, cause) from cause
        instances.add(txn, instance)
        if wanted.build:
            tasks.add(txn, "build", instance.uuid, cell=selection.cell)
        created.append(instance)
    return tuple(created)


def _placed(txn: Txn, wanted: Wanted, place: Placed) -> Instance:
    selection, *alternates = place.selections
    return Instance(
        uuid=place.instance,
        name=wanted.names[place.instance],
        project_id=wanted.spec.project_id,
        user_id=wanted.spec.user_id,
        status="BUILD" if wanted.build else "ACTIVE",
        task_state="building" if wanted.build else None,
        cell=selection.cell,
        host=selection.host,
        spec=wanted.spec,
        selection=selection,
        alternates=tuple(alternates) if wanted.build else (),
        attempt=1 if wanted.build else 0,
        attempts=(),
        fault=None,
        decision=place.decision,
        generation=1,
        created_at=txn.now,
        updated_at=txn.now,
    )


def _refused(txn: Txn, wanted: Wanted, uuid: InstanceUuid, *, error: NoValidHost) -> Instance:
    return Instance(
        uuid=uuid,
        name=wanted.names[uuid],
        project_id=wanted.spec.project_id,
        user_id=wanted.spec.user_id,
        status="ERROR",
        task_state=None,
        cell=None,
        host=None,
        spec=wanted.spec,
        selection=None,
        alternates=(),
        attempt=0,
        attempts=(),
        fault=Fault(error.code, error.detail),
        decision=error.decision,
        generation=1,
        created_at=txn.now,
        updated_at=txn.now,
    )
