"""Foresight: who will be refused, of those that take together what they would one after the other.

It costs one question, and spares those that will not be refused from failing together with one
that will.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from innkeeper.core.allocation import Allocation
from innkeeper.core.errors import ConcurrentUpdate, Conflict
from innkeeper.store.consumer_generation import FIND, FIRST_GENERATION, Found, check_generation
from innkeeper.store.prepared import integer
from innkeeper.store.takes import Key, Taken, amounts_of, first_refusal, stocks_of
from innkeeper.store.txn import Txn

Part = Sequence[tuple[str, Sequence[Allocation]]]
"""Uuids of consumers that are to be new, each with what it takes, all at once."""


def foresee(txn: Txn, requests: Sequence[Sequence[Part]]) -> list[tuple[int, Conflict] | None]:
    """Say what will refuse each of ``requests`` if they are done one after the other.

    Each takes all of its parts, in their order, or nothing. Gives the position of the part that
    is refused, and why; None: nothing that is known now refuses the request. Raises UnknownName:
    a resource class.
    """
    parts = [part for request in requests for part in request]
    amounts = [[_taken(txn, part) for part in request] for request in requests]
    # Both questions go along, and are one trip.
    finding = FIND.send(txn.conn, [(uuid,) for part in parts for uuid, _ in part])
    stocks = stocks_of(txn, {key for request in amounts for taken in request for key in taken})
    uuids = {of.rp_id: of.rp_uuid for part in parts for _, wanted in part for of in wanted}
    there = {str(uuid): (integer(of), integer(seen)) for uuid, of, seen, _ in finding.rows()}
    used = {key: stock.used for key, stock in stocks.items()}
    found: list[tuple[int, Conflict] | None] = []
    for request, taken_by in zip(requests, amounts, strict=True):
        # What parts of it have done is undone if another is refused.
        then = (dict(there), dict(used)) if len(request) > 1 else (there, used)
        refused: tuple[int, Conflict] | None = None
        for position, (part, taken) in enumerate(zip(request, taken_by, strict=True)):
            then_there, then_used = then
            why = _not_new(part, then_there) or first_refusal(
                txn, taken, stocks, used=then_used, uuids=uuids
            )
            if why is not None:
                refused = position, why
                break
            for uuid, wanted in part:
                if wanted:
                    then_there[uuid] = (0, FIRST_GENERATION)
            for key, each in taken.items():
                then_used[key] += each.net
        else:
            there, used = then
        found.append(refused)
    return found


def _taken(txn: Txn, part: Part) -> Mapping[Key, Taken]:
    taken: defaultdict[Key, Taken] = defaultdict(Taken)
    for _, wanted in part:
        for key, amount in amounts_of(txn, wanted).items():
            taken[key].amounts.append(amount)
    return taken


def _not_new(part: Part, there: Found) -> ConcurrentUpdate | None:
    """Give what refuses consumers of which one is there."""
    for uuid, _ in part:
        try:
            check_generation(uuid, None, there)
        except ConcurrentUpdate as error:
            return error
    return None
