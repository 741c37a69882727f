"""Creating instances: claim, record and task are one write; then the cell gets a hint."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import msgspec

from innkeeper.conductor.recording import claim_of
from innkeeper.core.claim import Claim
from innkeeper.core.errors import ClaimLost, NoValidHost
from innkeeper.core.ids import InstanceUuid
from innkeeper.core.instance import Fault, Instance
from innkeeper.core.request_spec import RequestSpec
from innkeeper.scheduler.claimer import Placed
from innkeeper.store import claims, instances, tasks
from innkeeper.store.joint import JointOp
from innkeeper.store.open_store import OpenStore
from innkeeper.store.txn import Txn


class Wanted(msgspec.Struct, frozen=True):
    """Instances to be created together: all of them, or none."""

    spec: RequestSpec
    names: Mapping[InstanceUuid, str]
    build: bool
    """False: there is nothing to build; each is ACTIVE with its claim."""


@dataclass(frozen=True, slots=True)
class Creation(JointOp):
    """The op that claims for the instances of a request, and writes their records and tasks."""

    wanted: Wanted
    placed: Sequence[Placed]

    @property
    def joins(self) -> bool:
        """It takes only, and so may be run together with others."""
        return True

    def __call__(self, txn: Txn) -> tuple[Instance, ...]:
        """Give the records. Raises ClaimLost for the first instance whose claim is refused."""
        created = _placed_all(txn, self)
        claims.claim_each(txn, _claims_of(created))
        _record(txn, self.wanted, created)
        return created

    @classmethod
    def foresee(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[ClaimLost | None]:
        """Say which instance of each will lose its claim to what there is."""
        wanted = [_claims_of(_placed_all(txn, op)) for op in ops]
        return claims.foresee_claims(txn, wanted)

    @classmethod
    def together(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[tuple[Instance, ...]]:
        """Do all of ``ops``; give the records of each."""
        created = [_placed_all(txn, op) for op in ops]
        claims.claim_all(txn, _claims_of(chain.from_iterable(created)))
        for op, instances_of_op in zip(ops, created, strict=True):
            _record(txn, op.wanted, instances_of_op)
        return created


class InstanceClaimer:
    """The scheduler's Claimer for one request: writes claims, records and tasks in one go."""

    def __init__(self, store: OpenStore, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self.created: tuple[Instance, ...] = ()
        """The records, once they are written."""

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        """Claim the first selection of each instance; ClaimLost names the one that can't be."""
        self.created = await self._store.write(Creation(self._wanted, placed), settle=settle)


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


def _placed_all(txn: Txn, op: Creation) -> tuple[Instance, ...]:
    return tuple(_placed(txn, op.wanted, place) for place in op.placed)


def _record(txn: Txn, wanted: Wanted, created: Iterable[Instance]) -> None:
    """Add the records of instances that have a claim, and the tasks to build them."""
    for instance in created:
        instances.add(txn, instance)
        if wanted.build and instance.cell is not None:
            tasks.add(txn, "build", instance.uuid, cell=instance.cell)


def _claims_of(created: Iterable[Instance]) -> list[Claim]:
    """Give what is to be claimed for instances that have a place."""
    return [
        claim_of(instance, instance.selection)
        for instance in created
        if instance.selection is not None
    ]


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
