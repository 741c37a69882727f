"""Claims: every way in which ``used`` changes, each as conditional writes that check it all.

One UPDATE per (provider, class) carries capacity and unit rules, so that a claim is right at
READ COMMITTED with any number of writers. Rows are written in one order (provider, class), so
that two writers never wait for each other in a circle.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec
from sqlalchemy import BigInteger, Connection, and_, bindparam, delete, insert, or_, select, update

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.claim import Claim
from innkeeper.core.errors import (
    CapacityExceeded,
    ConcurrentUpdate,
    Conflict,
    DuplicateName,
    NoInventory,
    UnitViolation,
)
from innkeeper.core.ids import ConsumerUuid, RpId
from innkeeper.store import groups
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import (
    allocations,
    consumer_types,
    consumers,
    inventories,
    resource_providers,
)
from innkeeper.store.txn import Txn

ExpectedGeneration = int | None | Literal["any"]
"""The consumer generation that the caller saw; None: the consumer must not exist."""


class ConsumerWrite(msgspec.Struct, frozen=True):
    """What one consumer shall hold, all told. No allocations: the consumer ends."""

    consumer: Consumer
    allocations: tuple[Allocation, ...]
    expected_generation: ExpectedGeneration = "any"


_i = inventories.c
# Sums of amounts, and so of 64 bits: a driver would take the type of what they are compared with.
_net, _gcd = bindparam("net", type_=BigInteger), bindparam("gcd", type_=BigInteger)
_TAKE: Final = Prepared(
    update(inventories)
    .where(
        _i.rp_id == bindparam("rp"),
        _i.rc_id == bindparam("rc"),
        or_(_net <= 0, _i.used + _net <= _i.capacity),
        _i.min_unit <= bindparam("low"),
        _i.max_unit >= bindparam("high"),
        _gcd % _i.step_size == 0,
    )
    .values(used=_i.used + _net)
)
_GIVE_BACK: Final = Prepared(
    update(inventories)
    .where(_i.rp_id == bindparam("rp"), _i.rc_id == bindparam("rc"), _i.used >= bindparam("freed"))
    .values(used=_i.used - bindparam("freed"))
)
_RAISE_GENERATION: Final = Prepared(
    update(resource_providers)
    .where(resource_providers.c.id == bindparam("rp"))
    .values(generation=resource_providers.c.generation + 1, updated_at=bindparam("now_us"))
)
_ADD_CONSUMER: Final = Prepared(
    insert(consumers)
    .values(
        {
            name: bindparam(name)
            for name in (
                "uuid",
                "project_id",
                "user_id",
                "consumer_type_id",
                "generation",
                "created_at",
                "updated_at",
            )
        }
    )
    .returning(consumers.c.id)
)
_FIND_CONSUMER: Final = Prepared(
    select(consumers.c.id, consumers.c.generation).where(consumers.c.uuid == bindparam("of"))
)
_CHANGE_CONSUMER: Final = Prepared(
    update(consumers)
    .where(consumers.c.id == bindparam("of"), consumers.c.generation == bindparam("seen"))
    .values(
        generation=consumers.c.generation + 1,
        project_id=bindparam("project"),
        user_id=bindparam("user"),
        updated_at=bindparam("now_us"),
    )
)
_DROP_CONSUMER: Final = Prepared(
    delete(consumers).where(
        and_(consumers.c.id == bindparam("of"), consumers.c.generation == bindparam("seen"))
    )
)
_ADD_ALLOCATION: Final = Prepared(
    insert(allocations).values(
        consumer_id=bindparam("consumer_id"),
        rp_id=bindparam("rp_id"),
        rc_id=bindparam("rc_id"),
        used=bindparam("used"),
    )
)
_HELD: Final = Prepared(
    select(allocations.c.rp_id, allocations.c.rc_id, allocations.c.used).where(
        allocations.c.consumer_id == bindparam("of")
    )
)
_DROP_ALLOCATIONS: Final = Prepared(
    delete(allocations).where(allocations.c.consumer_id == bindparam("of"))
)

_Key = tuple[int, int]
"""(provider id, resource class id): an inventory."""


def claim(txn: Txn, wanted: Claim) -> None:
    """Hold ``wanted`` for a consumer that is new; raise Conflict and change nothing if it can't be.

    Generations: the consumer's becomes 1, each provider's grows by 1.
    """
    if wanted.group is not None:
        groups.enter(txn, wanted.group, consumer_uuid=wanted.consumer.uuid, host=wanted.host)
    replace_all(txn, (ConsumerWrite(wanted.consumer, wanted.allocations, None),))


def move(txn: Txn, wanted: Claim) -> None:
    """Hold ``wanted`` instead of all that the same consumer holds now, or raise Conflict.

    Its group is the one that it is in now: that which it asked for once may be gone.
    """
    group = groups.leave(txn, wanted.consumer.uuid)
    if group is not None:
        groups.enter(txn, group, consumer_uuid=wanted.consumer.uuid, host=wanted.host)
    replace_all(txn, (ConsumerWrite(wanted.consumer, wanted.allocations),))


def release(txn: Txn, consumer_uuid: str) -> bool:
    """End a consumer and all that it holds; tell whether it held anything.

    Generations of providers stay as they are.
    """
    found = _find(txn, consumer_uuid)
    if found is None:
        return False
    consumer_id, generation = found
    held = _held(txn, consumer_id)
    _drop(txn, consumer_id, generation, uuid=consumer_uuid)
    for key in sorted(held):
        _give_back(txn, key, held[key])
    for rp_id in {rp_id for rp_id, _ in held}:
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


def replace_all(txn: Txn, writes: Sequence[ConsumerWrite]) -> None:
    """Make each consumer hold exactly what its write says; all or nothing.

    Amounts are netted over all consumers first, so that what one gives up another can take.
    Raises ConcurrentUpdate (a consumer's generation), CapacityExceeded, UnitViolation,
    NoInventory, UnknownName (a resource class). Each consumer's generation grows by 1 (a new
    one's is 1), and once that of each provider that the new allocations name, or, where a
    consumer is emptied, that it had some of.
    """
    freed: defaultdict[_Key, int] = defaultdict(int)
    taken: defaultdict[_Key, list[int]] = defaultdict(list)
    raised: set[int] = set()
    uuids: dict[int, str] = {}
    fresh: list[tuple[int, Mapping[_Key, int]]] = []
    for write in writes:
        wanted = _by_inventory(txn, write.allocations)
        consumer_id, held = _enter_consumer(txn, write)
        for key, amount in held.items():
            freed[key] += amount
        for key, amount in wanted.items():
            taken[key].append(amount)
        raised.update(rp_id for rp_id, _ in (wanted or held))
        uuids.update((a.rp_id, a.rp_uuid) for a in write.allocations)
        fresh.append((consumer_id, wanted))
    for key in sorted(freed.keys() | taken.keys()):
        if key in taken:
            _take(txn, key, taken[key], freed=freed.get(key, 0), rp_uuid=uuids[key[0]])
        else:
            _give_back(txn, key, freed[key])
    _add_allocations(txn, fresh)
    for rp_id in sorted(raised):
        _RAISE_GENERATION.run(txn.cursor, txn.dialect, {"rp": rp_id, "now_us": txn.now_us})
    for rp_id, _ in freed.keys() | taken.keys():
        txn.usage_changed(RpId(rp_id))


def _by_inventory(txn: Txn, wanted: Iterable[Allocation]) -> dict[_Key, int]:
    amounts: dict[_Key, int] = {}
    for allocation in wanted:
        key = (allocation.rp_id, txn.class_id(allocation.resource_class))
        amounts[key] = amounts.get(key, 0) + allocation.amount
    return amounts


def _enter_consumer(txn: Txn, write: ConsumerWrite) -> tuple[int, dict[_Key, int]]:
    """Write the consumer's record; give its id and what it held, which is dropped."""
    consumer = write.consumer
    txn.consumer_changed(consumer.uuid)
    found = _find(txn, consumer.uuid)
    _check_generation(consumer.uuid, write.expected_generation, None if found is None else found[1])
    if found is None:
        return (_add_consumer(txn, consumer) if write.allocations else 0), {}
    consumer_id, generation = found
    held = _held(txn, consumer_id)
    if not write.allocations:
        _drop(txn, consumer_id, generation, uuid=consumer.uuid)
        return consumer_id, held
    _DROP_ALLOCATIONS.run(txn.cursor, txn.dialect, {"of": consumer_id})
    _CHANGE_CONSUMER.run(
        txn.cursor,
        txn.dialect,
        {
            "of": consumer_id,
            "seen": generation,
            "project": consumer.project_id,
            "user": consumer.user_id,
            "now_us": txn.now_us,
        },
    )
    if txn.cursor.rowcount != 1:
        raise _generation_conflict(consumer.uuid, expected=generation, found="another")
    if consumer.consumer_type is not None:
        type_id = consumer_type_id(txn, consumer.consumer_type)
        txn.conn.execute(
            update(consumers).where(consumers.c.id == consumer_id).values(consumer_type_id=type_id)
        )
    return consumer_id, held


def check_generations(conn: Connection, seen: Mapping[ConsumerUuid, ExpectedGeneration]) -> None:
    """Raise ConcurrentUpdate for the first consumer of another generation than was seen."""
    c = consumers.c
    query = select(c.uuid, c.generation).where(c.uuid.in_(seen))
    present = {row.uuid: row.generation for row in conn.execute(query)}
    for uuid, expected in seen.items():
        _check_generation(uuid, expected, present.get(uuid))


def _check_generation(uuid: str, expected: ExpectedGeneration, found: int | None) -> None:
    if expected not in ("any", found):
        raise _generation_conflict(uuid, expected=found, found=expected)


def _generation_conflict(
    uuid: str, *, expected: int | None, found: int | str | None
) -> ConcurrentUpdate:
    # Clients look for these very words, None for a null that was sent among them.
    right = "null" if expected is None else expected
    return ConcurrentUpdate(
        f"consumer generation conflict - expected {right} but got {found} (consumer {uuid})"
    )


def _add_consumer(txn: Txn, consumer: Consumer) -> int:
    type_id = None
    if consumer.consumer_type is not None:
        type_id = consumer_type_id(txn, consumer.consumer_type)
    _ADD_CONSUMER.run(
        txn.cursor,
        txn.dialect,
        {
            "uuid": consumer.uuid,
            "project_id": consumer.project_id,
            "user_id": consumer.user_id,
            "consumer_type_id": type_id,
            "generation": 1,
            "created_at": txn.now_us,
            "updated_at": txn.now_us,
        },
    )
    row = txn.cursor.fetchone()
    if row is None:
        raise DuplicateName(f"Consumer {consumer.uuid} exists already.")
    return integer(row[0])


def consumer_type_id(txn: Txn, name: str) -> int:
    """Give the id of a consumer type, which is made if it is new."""
    known = txn.names.consumer_types.find(txn.conn, name)
    if known is None:
        txn.conn.execute(insert(consumer_types).values(name=name))
        known = txn.names.consumer_types.get(txn.conn, name)
    return known


def _find(txn: Txn, uuid: str) -> tuple[int, int] | None:
    _FIND_CONSUMER.run(txn.cursor, txn.dialect, {"of": uuid})
    row = txn.cursor.fetchone()
    return None if row is None else (integer(row[0]), integer(row[1]))


def _held(txn: Txn, consumer_id: int) -> dict[_Key, int]:
    _HELD.run(txn.cursor, txn.dialect, {"of": consumer_id})
    return {(integer(rp), integer(rc)): integer(used) for rp, rc, used in txn.cursor.fetchall()}


def _drop(txn: Txn, consumer_id: int, generation: int, *, uuid: str) -> None:
    txn.consumer_changed(uuid)
    groups.leave(txn, uuid)
    _DROP_ALLOCATIONS.run(txn.cursor, txn.dialect, {"of": consumer_id})
    _DROP_CONSUMER.run(txn.cursor, txn.dialect, {"of": consumer_id, "seen": generation})
    if txn.cursor.rowcount != 1:
        raise _generation_conflict(uuid, expected=generation, found="another")


def _add_allocations(txn: Txn, fresh: Iterable[tuple[int, Mapping[_Key, int]]]) -> None:
    rows = [
        {"consumer_id": consumer_id, "rp_id": rp, "rc_id": rc, "used": amount}
        for consumer_id, wanted in fresh
        for (rp, rc), amount in wanted.items()
    ]
    if rows:
        _ADD_ALLOCATION.run_many(txn.cursor, txn.dialect, rows)


def _give_back(txn: Txn, key: _Key, freed: int) -> None:
    _GIVE_BACK.run(txn.cursor, txn.dialect, {"rp": key[0], "rc": key[1], "freed": freed})
    if txn.cursor.rowcount != 1:
        raise Conflict(f"Provider {key[0]} has less in use of class {key[1]} than {freed}.")


def _take(txn: Txn, key: _Key, amounts: Sequence[int], *, freed: int, rp_uuid: str) -> None:
    """Take ``amounts`` (one a consumer) of an inventory, of which ``freed`` is given back.

    All amounts are multiples of step_size if and only if their greatest common divisor is.
    """
    values = {
        "rp": key[0],
        "rc": key[1],
        "net": sum(amounts) - freed,
        "low": min(amounts),
        "high": max(amounts),
        "gcd": math.gcd(*amounts),
    }
    _TAKE.run(txn.cursor, txn.dialect, values)
    if txn.cursor.rowcount != 1:
        raise _refusal(txn, key, amounts, rp_uuid=rp_uuid)


def _refusal(txn: Txn, key: _Key, amounts: Sequence[int], *, rp_uuid: str) -> Conflict:
    """Say why an inventory refused ``amounts``: read after the fact, for people only."""
    row = txn.conn.execute(
        select(inventories).where(_i.rp_id == key[0], _i.rc_id == key[1])
    ).one_or_none()
    class_name = next(
        (name for name, known in txn.names.resource_classes.known() if known == key[1]), "?"
    )
    # The words are those of the Placement API's contract, as far as clients look for them.
    where = f"'{class_name}' on resource provider '{rp_uuid}'"
    if row is None:
        return NoInventory(f"Inventory for {where} invalid. There is none.")
    for amount in amounts:
        if not row.min_unit <= amount <= row.max_unit or amount % row.step_size:
            return UnitViolation(
                f"Unable to create allocation for {where}. The requested amount would violate"
                f" inventory constraints. {amount} is asked for, min_unit is {row.min_unit},"
                f" max_unit {row.max_unit}, step_size {row.step_size}."
            )
    return CapacityExceeded(
        f"Unable to create allocation for {where}. The requested amount would exceed the"
        f" capacity. {sum(amounts)} is asked for, {row.used} of {row.capacity} are used."
    )
