"""What is taken of inventories and given back: the only writes of ``used``.

One conditional write for each inventory carries capacity and unit rules, so that it is right at
READ COMMITTED with any number of writers. Inventories are written in one order (provider, class),
so that two writers never wait for each other in a circle.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from sqlalchemy import func, or_, select, update

from innkeeper.core.errors import CapacityExceeded, Conflict, NoInventory, UnitViolation
from innkeeper.core.ids import RpId, RpUuid
from innkeeper.core.inventory import MAX_INT
from innkeeper.store.for_each import ForEach, Values
from innkeeper.store.prepared import integer
from innkeeper.store.tables import allocations, inventories
from innkeeper.store.txn import Txn

Key = tuple[int, int]
"""(provider id, resource class id): an inventory."""

_i = inventories.c
_TAKE: Final = ForEach(
    lambda row: (
        update(inventories)
        .where(
            _i.rp_id == row["rp"],
            _i.rc_id == row["rc"],
            or_(row["net"] <= 0, _i.used + row["net"] <= _i.capacity),
            _i.used + row["net"] >= 0,
            _i.min_unit <= row["low"],
            _i.max_unit >= row["high"],
            row["gcd"] % _i.step_size == 0,
        )
        .values(used=_i.used + row["net"])
    ),
    rp=int,
    rc=int,
    net=int,
    low=int,
    high=int,
    gcd=int,
)

_a = allocations.c
_STOCKS: Final = ForEach(
    lambda row: select(
        *(_i.rp_id, _i.rc_id),
        select(func.coalesce(func.sum(_a.used), 0))
        .where(_a.rp_id == _i.rp_id, _a.rc_id == _i.rc_id)
        .scalar_subquery(),
        *(_i.used, _i.capacity, _i.min_unit, _i.max_unit, _i.step_size),
    ).where(_i.rp_id == row["rp"], _i.rc_id == row["rc"]),
    rp=int,
    rc=int,
)
_TOGETHER: Final = "Not all of what was asked for together can be had."


class Taken(msgspec.Struct):
    """What is to become of one inventory."""

    amounts: list[int] = msgspec.field(default_factory=list)
    """What is taken: one amount a consumer."""
    freed: int = 0
    """What is given back."""

    @property
    def net(self) -> int:
        """By how much more is used then."""
        return sum(self.amounts) - self.freed

    def row(self, key: Key) -> Values:
        """Give the values for the statement.

        All amounts are multiples of step_size if and only if their greatest common divisor is.
        What is only given back keeps every rule.
        """
        amounts = self.amounts
        if not amounts:
            return (*key, -self.freed, MAX_INT, 0, 0)
        return (*key, self.net, min(amounts), max(amounts), math.gcd(*amounts))


def take(
    txn: Txn, wanted: Mapping[Key, Taken], uuids: Mapping[RpId, RpUuid] | None
) -> Callable[[], None]:
    """Take and give back; ``uuids`` are of the providers of which anything is taken.

    Gives what must be called to have it checked: that raises CapacityExceeded, UnitViolation,
    NoInventory or Conflict. Without ``uuids`` nobody is to be told which inventory refused, and
    that is not looked for: Conflict.
    """
    keys = sorted(wanted)
    sent = _TAKE.send(txn.conn, [wanted[key].row(key) for key in keys], strict=txn.strict)
    return lambda: txn.check(
        lambda: sent.count() == len(keys),
        lambda: Conflict(_TOGETHER) if uuids is None else _refusal(txn, wanted, uuids),
    )


class _Stock(msgspec.Struct, frozen=True):
    """An inventory after the fact."""

    held: int
    """By allocations."""
    used: int
    capacity: int
    min_unit: int
    max_unit: int
    step_size: int


def _refusal(txn: Txn, wanted: Mapping[Key, Taken], uuids: Mapping[RpId, RpUuid]) -> Conflict:
    """Say which inventory refused, and why: read after the fact, for people only.

    Those that did not refuse have been taken of by now, and look fuller than they were. What was
    in use is the sum of allocations: what is freed is gone from it, what is taken not yet there.
    """
    stocks = {
        (integer(rp), integer(rc)): _Stock(*map(int, numbers))  # type: ignore[arg-type]
        for rp, rc, *numbers in _STOCKS.send(txn.conn, sorted(wanted)).rows()
    }
    for exact in (True, False):
        for key in sorted(wanted):
            taken, stock = wanted[key], stocks.get(key)
            where = f"'{_class_name(txn, key)}' on resource provider '{uuids.get(RpId(key[0]))}'"
            if stock is None:
                return NoInventory(f"Inventory for {where} invalid. There is none.")
            used = stock.held + taken.freed if exact else stock.used
            refused = _broken_rule(stock, taken, used=used, where=where)
            if refused is not None:
                return refused
    return Conflict("What was refused would be given now: inventories have changed meanwhile.")


def _class_name(txn: Txn, key: Key) -> str:
    known = txn.names.resource_classes.known()
    return next((name for name, rc_id in known if rc_id == key[1]), "?")


def _broken_rule(stock: _Stock, taken: Taken, *, used: int, where: str) -> Conflict | None:
    """Give what refuses ``taken`` of an inventory of which ``used`` is in use, if anything does."""
    # The words are those of the Placement API's contract, as far as clients look for them.
    for amount in taken.amounts:
        if not stock.min_unit <= amount <= stock.max_unit or amount % stock.step_size:
            return UnitViolation(
                f"Unable to create allocation for {where}. The requested amount would violate"
                f" inventory constraints. {amount} is asked for, min_unit is {stock.min_unit},"
                f" max_unit {stock.max_unit}, step_size {stock.step_size}."
            )
    if taken.net > 0 and used + taken.net > stock.capacity:
        return CapacityExceeded(
            f"Unable to create allocation for {where}. The requested amount would exceed the"
            f" capacity. {sum(taken.amounts)} is asked for, {used} of {stock.capacity} are used."
        )
    if used + taken.net < 0:
        return Conflict(f"Less is in use of {where} than is given back.")
    return None
