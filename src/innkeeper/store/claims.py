"""Claims: what consumers hold, each change of it all or nothing.

Whoever changes it, changes the consumer's record, its allocations, what is used of inventories
(`takes`) and the generations of providers, by one statement for each of these and for any number
of consumers. Rules are conditions of these statements, never of a read that came before.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec
from sqlalchemy import delete, exists, func, insert, literal, select, update

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.claim import Claim
from innkeeper.core.errors import ClaimLost, ConcurrentUpdate, Conflict, DuplicateName
from innkeeper.core.ids import RpId
from innkeeper.store import groups
from innkeeper.store.consumer_generation import (
    FIND,
    FIRST_GENERATION,
    ExpectedGeneration,
    Found,
    check_generation,
)
from innkeeper.store.for_each import ForEach, Sent, Values, insert_of
from innkeeper.store.foresight import foresee
from innkeeper.store.joint import JointOp
from innkeeper.store.prepared import Scalar, integer
from innkeeper.store.tables import allocations, consumer_types, consumers, resource_providers
from innkeeper.store.takes import Key, Taken, amounts_of, take
from innkeeper.store.txn import Txn


class ConsumerWrite(msgspec.Struct, frozen=True):
    """What one consumer shall hold, all told. No allocations: the consumer ends."""

    consumer: Consumer
    allocations: tuple[Allocation, ...]
    expected_generation: ExpectedGeneration = "any"

    @property
    def is_of_new(self) -> bool:
        """Whether the consumer must be new, so that nothing of it is given back."""
        return self.expected_generation is None and bool(self.allocations)


_Amounts = dict[Key, int]

_c, _a, _p = consumers.c, allocations.c, resource_providers.c
_ADD: Final = ForEach(
    lambda row: insert_of(
        consumers,
        {**row, "generation": literal(FIRST_GENERATION), "updated_at": row["created_at"]},
        ~exists().where(_c.uuid == row["uuid"]),
    ).returning(_c.uuid),
    uuid=str,
    project_id=str,
    user_id=str,
    consumer_type_id=int,
    created_at=int,
)
_CHANGE: Final = ForEach(
    lambda row: (
        update(consumers)
        .where(_c.id == row["of"], _c.generation == row["seen"])
        .values(
            generation=_c.generation + 1,
            project_id=row["project"],
            user_id=row["user"],
            consumer_type_id=func.coalesce(row["kind"], _c.consumer_type_id),
            updated_at=row["now"],
        )
    ),
    of=int,
    seen=int,
    project=str,
    user=str,
    kind=int,
    now=int,
)
_DROP: Final = ForEach(
    lambda row: delete(consumers).where(_c.id == row["of"], _c.generation == row["seen"]),
    of=int,
    seen=int,
)
_HELD: Final = ForEach(
    lambda row: select(_a.consumer_id, _a.rp_id, _a.rc_id, _a.used).where(
        _a.consumer_id == row["of"]
    ),
    of=int,
)
_DROP_HELD: Final = ForEach(
    lambda row: delete(allocations).where(_a.consumer_id == row["of"]), of=int
)
_ADD_ALLOCATION: Final = ForEach(
    lambda row: insert_of(
        allocations,
        {
            # By its uuid, as the id of one that is being added is not known yet.
            "consumer_id": select(_c.id).where(_c.uuid == row["of"]).scalar_subquery(),
            "rp_id": row["rp_id"],
            "rc_id": row["rc_id"],
            "used": row["used"],
        },
    ),
    of=str,
    rp_id=int,
    rc_id=int,
    used=int,
)
_RAISE_GENERATIONS: Final = ForEach(
    lambda row: (
        update(resource_providers)
        .where(_p.id == row["of"])
        .values(generation=_p.generation + row["by"], updated_at=row["now"])
    ),
    of=int,
    by=int,
    now=int,
)


def claim(txn: Txn, wanted: Claim) -> None:
    """Hold ``wanted`` for a consumer that is new; raise Conflict if it can't be.

    Generations: the consumer's becomes 1, each provider's grows by 1.
    """
    claim_all(txn, (wanted,))


def claim_all(txn: Txn, wanted: Sequence[Claim]) -> None:
    """Hold all of ``wanted``, as `claim` would one by one; raise Conflict if any can't be."""
    members = [
        groups.Member(each.group, each.consumer.uuid, each.host)
        for each in wanted
        if each.group is not None
    ]
    if members:
        groups.enter(txn, members)
    _replace(txn, [[ConsumerWrite(each.consumer, each.allocations, None)] for each in wanted])


def claim_each(txn: Txn, wanted: Sequence[Claim]) -> None:
    """Hold each of ``wanted``, one after the other; raise ClaimLost for the first that can't be."""
    for position, each in enumerate(wanted):
        try:
            claim(txn, each)
        except Conflict as cause:
            raise _lost(wanted, position, cause) from cause


def _lost(wanted: Sequence[Claim], position: int, cause: Conflict) -> ClaimLost:
    if isinstance(cause, ConcurrentUpdate):
        # Its generation is not that of a new one: no other host would help.
        uuid = wanted[position].consumer.uuid
        cause = DuplicateName(f"Consumer {uuid} holds allocations already.")
    return ClaimLost(position, cause)


@dataclass(frozen=True, slots=True)
class Claiming(JointOp):
    """The op that claims for consumers that are new, all or nothing: `claim_each`."""

    wanted: Sequence[Claim]

    @property
    def joins(self) -> bool:
        """It takes only, and so may be run together with others."""
        return True

    def __call__(self, txn: Txn) -> None:
        """Claim. Raises ClaimLost."""
        claim_each(txn, self.wanted)

    @classmethod
    def foresee(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[ClaimLost | None]:
        """Say which claim of each will be lost to what there is."""
        return foresee_claims(txn, [op.wanted for op in ops])

    @classmethod
    def together(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[None]:
        """Claim for all of ``ops``. Raises Conflict."""
        claim_all(txn, [each for op in ops for each in op.wanted])
        return [None] * len(ops)


def foresee_claims(txn: Txn, requests: Sequence[Sequence[Claim]]) -> Sequence[ClaimLost | None]:
    """Say of each request which of its claims `claim_each` will find lost, as far as is known."""
    found = foresee(
        txn, [[[(each.consumer.uuid, each.allocations)] for each in of] for of in requests]
    )
    return [
        # What the policy of a group makes of it is not known here, and would be said first.
        None
        if refused is None or any(each.group is not None for each in of)
        else _lost(of, *refused)
        for of, refused in zip(requests, found, strict=True)
    ]


def move(txn: Txn, wanted: Claim) -> None:
    """Hold ``wanted`` instead of all that the same consumer holds now, or raise Conflict.

    Its group is the one that it is in now: that which it asked for once may be gone.
    """
    group = groups.leave(txn, wanted.consumer.uuid)
    if group is not None:
        groups.enter(txn, [groups.Member(group, wanted.consumer.uuid, wanted.host)])
    replace_all(txn, (ConsumerWrite(wanted.consumer, wanted.allocations),))


def release(txn: Txn, consumer_uuid: str) -> bool:
    """End a consumer and all that it holds; tell whether it held anything.

    Generations of providers stay as they are.
    """
    found = _find_to_change(txn, [consumer_uuid])
    if not found:
        return False
    (held,) = _give_up(txn, [consumer_id for consumer_id, _ in found.values()]).values()
    _drop(txn, [consumer_uuid], found)
    take(txn, {key: Taken(freed=amount) for key, amount in held.items()}, {})()
    for rp_id, _ in held:
        txn.usage_changed(RpId(rp_id))
    return True


def replace(
    txn: Txn,
    consumer: Consumer,
    wanted: Sequence[Allocation],
    *,
    expected_generation: ExpectedGeneration,
) -> None:
    """Make ``consumer`` hold exactly ``wanted``: what PUT /allocations does."""
    replace_all(txn, (ConsumerWrite(consumer, tuple(wanted), expected_generation),))


@dataclass(frozen=True, slots=True)
class Replacement(JointOp):
    """The op that makes consumers hold what ``writes`` say, all or nothing: `replace_all`."""

    writes: Sequence[ConsumerWrite]

    @property
    def joins(self) -> bool:
        """Whether all of its consumers are to be new.

        Such a request takes only. Where some give back as well, several might do together what
        they can't do one after the other: change places, on two hosts that are full.
        """
        return all(write.expected_generation is None and write.allocations for write in self.writes)

    def __call__(self, txn: Txn) -> None:
        """Do it alone. Raises what `replace_all` raises."""
        _replace(txn, [self.writes])

    @classmethod
    def foresee(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[Conflict | None]:
        """Say which of them ask for what there will not be."""
        # A request is one part, as it nets what its consumers take, unless it names one twice.
        found = foresee(
            txn, [[[(each.consumer.uuid, each.allocations) for each in op.writes]] for op in ops]
        )
        return [
            None if refused is None or _names_twice(op.writes) else refused[1]
            for op, refused in zip(ops, found, strict=True)
        ]

    @classmethod
    def together(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[None]:
        """Do all of ``ops``."""
        _replace(txn, [op.writes for op in ops])
        return [None] * len(ops)


def replace_all(txn: Txn, writes: Sequence[ConsumerWrite]) -> None:
    """Make each consumer hold exactly what its write says; all or nothing.

    Amounts are netted over all consumers first, so that what one gives up another can take.
    Raises ConcurrentUpdate (a consumer's generation), CapacityExceeded, UnitViolation,
    NoInventory, UnknownName (a resource class). Each consumer's generation grows by 1 (a new
    one's is 1), and once that of each provider that the new allocations name, or, where a
    consumer is emptied, that it had some of.
    """
    _replace(txn, [writes])


def _names_twice(writes: Sequence[ConsumerWrite]) -> bool:
    return len({write.consumer.uuid for write in writes}) < len(writes)


def _replace(txn: Txn, requests: Sequence[Sequence[ConsumerWrite]]) -> None:
    """Do all that is written in ``requests``, each of which raises generations by itself."""
    writes = [write for request in requests for write in request]
    if _names_twice(writes):
        # Who is named twice is, the second time, what the first time made of him.
        for write in writes:
            _replace(txn, [[write]])
        return
    wanted: dict[str, _Amounts] = {
        write.consumer.uuid: amounts_of(txn, write.allocations) for write in writes
    }
    held = _give_up_known(txn, writes)
    new = [each.consumer for each in writes if each.allocations and each.consumer.uuid not in held]
    entered = dict.fromkeys([*held, *(consumer.uuid for consumer in new)])
    taken: defaultdict[Key, Taken] = defaultdict(Taken)
    raised: defaultdict[int, int] = defaultdict(int)
    for uuid in entered:
        for key, amount in wanted[uuid].items():
            taken[key].amounts.append(amount)
    for _, amounts in held.values():
        for key, amount in amounts.items():
            taken[key].freed += amount
    for request in requests:
        uuids = [write.consumer.uuid for write in request if write.consumer.uuid in entered]
        for rp_id in {rp_id for uuid in uuids for rp_id, _ in wanted[uuid] or held[uuid][1]}:
            raised[rp_id] += 1
    # All is sent before any of it is waited for: where that is a trip, it is one.
    added = [_row_of(txn, consumer) for consumer in new]
    adding = _ADD.send(txn.conn, added, strict=txn.strict)
    _RAISE_GENERATIONS.send(
        txn.conn, [(rp_id, by, txn.now_us) for rp_id, by in sorted(raised.items())]
    )
    named = {of.rp_id: of.rp_uuid for each in writes for of in each.allocations}
    # Of several requests none is refused by this: they are run again in another way.
    taking = take(txn, taken, named if len(requests) == 1 else None)
    _check_added(txn, new, adding)
    taking()
    _ADD_ALLOCATION.send(
        txn.conn,
        [(uuid, *key, amount) for uuid in entered for key, amount in wanted[uuid].items()],
    )
    for rp_id, _ in taken:
        txn.usage_changed(RpId(rp_id))


def _give_up_known(txn: Txn, writes: Sequence[ConsumerWrite]) -> dict[str, tuple[int, _Amounts]]:
    """Write the records of consumers that there are, and drop what they hold; give ids and that."""
    found: Found = {}
    if not all(write.is_of_new for write in writes):
        found = _find_to_change(txn, [write.consumer.uuid for write in writes])
        for write in writes:
            check_generation(write.consumer.uuid, write.expected_generation, found)
    for write in writes:
        txn.consumer_changed(write.consumer.uuid, project_id=write.consumer.project_id)
    if not found:
        return {}
    held = _give_up(txn, [consumer_id for consumer_id, _ in found.values()])
    known = [write for write in writes if write.consumer.uuid in found]
    _change(txn, [write.consumer for write in known if write.allocations], found)
    _drop(txn, [write.consumer.uuid for write in known if not write.allocations], found)
    return {uuid: (of, held[of]) for uuid, (of, _) in found.items()}


def _row_of(txn: Txn, new: Consumer) -> Values:
    return (new.uuid, new.project_id, new.user_id, _type_of(txn, new), txn.now_us)


def _check_added(txn: Txn, new: Sequence[Consumer], adding: Sent) -> None:
    """Have ConcurrentUpdate raised if a consumer was not added: it was there."""
    added: set[Scalar] = set()

    def is_done() -> bool:
        added.update(uuid for (uuid,) in adding.rows())
        return len(added) == len(new)

    def why_not() -> Exception:
        known = [of.uuid for of in new if of.uuid not in added]
        found = _find_to_change(txn, known)
        for uuid in known:
            check_generation(uuid, None, found)
        return _changed_meanwhile(known)

    txn.check(is_done, why_not)


def _change(txn: Txn, known: Sequence[Consumer], found: Found) -> None:
    rows = [
        (*found[of.uuid], of.project_id, of.user_id, _type_of(txn, of), txn.now_us) for of in known
    ]
    sent = _CHANGE.send(txn.conn, rows, strict=txn.strict)
    _check_count(txn, sent, [of.uuid for of in known])


def _drop(txn: Txn, ended: Sequence[str], found: Found) -> None:
    for uuid in ended:
        groups.leave(txn, uuid)
    sent = _DROP.send(txn.conn, [found[uuid] for uuid in ended], strict=txn.strict)
    _check_count(txn, sent, ended)


def _check_count(txn: Txn, sent: Sent, uuids: Sequence[str]) -> None:
    """Have ConcurrentUpdate raised unless each of these consumers was written."""
    txn.check(lambda: sent.count() == len(uuids), lambda: _changed_meanwhile(uuids))


def _find_to_change(txn: Txn, uuids: Iterable[str]) -> Found:
    """Give those of these consumers that there are, which will not be what they were."""
    found: dict[str, tuple[int, int]] = {}
    for uuid, of, generation, project_id in FIND.send(txn.conn, [(of,) for of in uuids]).rows():
        found[str(uuid)] = integer(of), integer(generation)
        txn.consumer_changed(str(uuid), project_id=str(project_id))
    return found


def _give_up(txn: Txn, ids: Iterable[int]) -> dict[int, _Amounts]:
    """Drop the allocations of consumers; give what they were, by consumer."""
    rows = [(consumer_id,) for consumer_id in ids]
    held: dict[int, _Amounts] = {consumer_id: {} for (consumer_id,) in rows}
    for consumer_id, rp_id, rc_id, used in _HELD.send(txn.conn, rows).rows():
        held[integer(consumer_id)][integer(rp_id), integer(rc_id)] = integer(used)
    _DROP_HELD.send(txn.conn, rows)
    return held


def _changed_meanwhile(uuids: Sequence[str]) -> ConcurrentUpdate:
    return ConcurrentUpdate(
        f"consumer generation conflict - another write came between (consumer {', '.join(uuids)})"
    )


def _type_of(txn: Txn, consumer: Consumer) -> int | None:
    """Give the id of a consumer's type; None if none was named."""
    name = consumer.consumer_type
    return None if name is None else consumer_type_id(txn, name)


def consumer_type_id(txn: Txn, name: str) -> int:
    """Give the id of a consumer type, which is made if it is new."""
    known = txn.names.consumer_types.find(txn.conn, name)
    if known is None:
        txn.conn.execute(insert(consumer_types).values(name=name))
        txn.names.consumer_types.clear()
        known = txn.names.consumer_types.get(txn.conn, name)
    return known
