"""What is taken of inventories and given back: the only writes of ``used``.

One conditional write for each inventory carries capacity and unit rules, so that it is right at
READ COMMITTED with any number of writers. Inventories are written in one order (provider, class),
so that two writers never wait for each other in a circle.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import func, or_, select, update

from innkeeper.core.allocation import Allocation
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
_STOCK: Final = (_i.rp_id, _i.rc_id, _i.used, _i.capacity, _i.min_unit, _i.max_unit, _i.step_size)
_STOCKS: Final = ForEach(
    lambda row: select(*_STOCK).where(_i.rp_id == row["rp"], _i.rc_id == row["rc"]),
    rp=int,
    rc=int,
)
_STOCKS_HELD: Final = ForEach(
    lambda row: select(
        *_STOCK,
        select(func.coalesce(func.sum(_a.used), 0))
        .where(_a.rp_id == _i.rp_id, _a.rc_id == _i.rc_id)
        .scalar_subquery(),
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


class Stock(msgspec.Struct, frozen=True):
    """An inventory as it was read."""

    used: int
    capacity: int
    min_unit: int
    max_unit: int
    step_size: int
    held: int = 0
    """By allocations, where that was asked for."""


def stocks_of(txn: Txn, keys: Iterable[Key]) -> dict[Key, Stock]:
    """Read inventories, in one trip with all that was sent before; of none, nothing."""
    return _read(txn, _STOCKS, keys)


def amounts_of(txn: Txn, wanted: Iterable[Allocation]) -> dict[Key, int]:
    """Give how much of each inventory is ``wanted``. Raises UnknownName: a resource class."""
    amounts: dict[Key, int] = {}
    for allocation in wanted:
        key = (allocation.rp_id, txn.class_id(allocation.resource_class))
        amounts[key] = amounts.get(key, 0) + allocation.amount
    return amounts


def _read(txn: Txn, statement: ForEach, keys: Iterable[Key]) -> dict[Key, Stock]:
    return {
        (integer(rp), integer(rc)): Stock(*map(int, numbers))  # type: ignore[arg-type]
        for rp, rc, *numbers in statement.send(txn.conn, sorted(keys)).rows()
    }


def _refusal(txn: Txn, wanted: Mapping[Key, Taken], uuids: Mapping[RpId, RpUuid]) -> Conflict:
    """Say which inventory refused, and why: read after the fact, for people only.

    Those that did not refuse have been taken of by now, and look fuller than they were. What was
    in use is the sum of allocations: what is freed is gone from it, what is taken not yet there.
    """
    stocks = _read(txn, _STOCKS_HELD, wanted)
    before = {key: stock.held + wanted[key].freed for key, stock in stocks.items()}
    after = {key: stock.used for key, stock in stocks.items()}
    for used in (before, after):
        refused = first_refusal(txn, wanted, stocks, used=used, uuids=uuids)
        if refused is not None:
            return refused
    return Conflict("What was refused would be given now: inventories have changed meanwhile.")


def first_refusal(
    txn: Txn,
    wanted: Mapping[Key, Taken],
    stocks: Mapping[Key, Stock],
    *,
    used: Mapping[Key, int],
    uuids: Mapping[RpId, RpUuid],
) -> Conflict | None:
    """Give what refuses ``wanted`` if so much is ``used``: the first inventory's, if any does."""
    for key in sorted(wanted):
        stock = stocks.get(key)
        where = partial(_where, txn, key, uuids)
        if stock is None:
            return NoInventory(f"Inventory for {where()} invalid. There is none.")
        refused = _broken_rule(stock, wanted[key], used=used[key], where=where)
        if refused is not None:
            return refused
    return None


def _where(txn: Txn, key: Key, uuids: Mapping[RpId, RpUuid]) -> str:
    """Name an inventory."""
    rp_id, rc_id = key
    known = txn.names.resource_classes.known()
    name = next((name for name, of in known if of == rc_id), "?")
    return f"'{name}' on resource provider '{uuids.get(RpId(rp_id))}'"


def _broken_rule(
    stock: Stock, taken: Taken, *, used: int, where: Callable[[], str]
) -> Conflict | None:
    """Give what refuses ``taken`` of an inventory of which ``used`` is in use, if anything does."""
    # The words are those of the Placement API's contract, as far as clients look for them.
    for amount in taken.amounts:
        if not stock.min_unit <= amount <= stock.max_unit or amount % stock.step_size:
            return UnitViolation(
                f"Unable to create allocation for {where()}. The requested amount would violate"
                f" inventory constraints. {amount} is asked for, min_unit is {stock.min_unit},"
                f" max_unit {stock.max_unit}, step_size {stock.step_size}."
            )
    if taken.net > 0 and used + taken.net > stock.capacity:
        return CapacityExceeded(
            f"Unable to create allocation for {where()}. The requested amount would exceed the"
            f" capacity. {sum(taken.amounts)} is asked for, {used} of {stock.capacity} are used."
        )
    if used + taken.net < 0:
        return Conflict(f"Less is in use of {where()} than is given back.")
    return None
