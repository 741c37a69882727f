"""Is a recorded history of one provider linearizable?

The object is a counter with a capacity: claims add to ``used`` where there is room, releases take
from it, the capacity is set, and both are read. A history is linearizable if each operation that
was answered can be given one moment between its call and its return, so that all answers are what
a counter would have said at those moments. One that was not answered may have happened at any
moment after its call, or never.

The search is that of J. M. Wing and C. Gong (Testing and Verifying Concurrent Objects, Journal of
Parallel and Distributed Computing 17, 1993): take in turn each operation that was called before
any other one, not yet taken, returned. It never looks twice at the same set of operations taken
with the same state: G. Lowe (Testing for linearizability, Concurrency and Computation: Practice
and Experience 29(4), 2017). That each provider may be checked by itself is locality: M. Herlihy
and J. M. Wing (Linearizability: A Correctness Condition for Concurrent Objects, ACM Transactions
on Programming Languages and Systems 12(3), 1990).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

UNANSWERED: Final = math.inf

Kind = Literal["take", "refused", "give back", "set", "read used", "read capacity"]
LOOKS: Final[frozenset[Kind]] = frozenset({"refused", "read used", "read capacity"})
State = tuple[int, int]
"""(capacity, used)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client did and was told: a take that was done, or refused for want of room, etc."""

    kind: Kind
    amount: int
    called: float
    returned: float = UNANSWERED

    def after(self, state: State) -> State | None:
        """Give the state that follows; None: in ``state`` the answer would have been another."""
        capacity, used = state
        match self.kind:
            case "take":
                return (capacity, used + self.amount) if used + self.amount <= capacity else None
            case "refused":
                return state if used + self.amount > capacity else None
            case "give back":
                return (capacity, used - self.amount) if used >= self.amount else None
            case "set":
                return self.amount, used
            case "read used":
                return state if used == self.amount else None
            case "read capacity":
                return state if capacity == self.amount else None


@dataclass(frozen=True, slots=True)
class _Taken:
    """Operations that have their moment, as bits, and the state after the last of them."""

    answered: int
    unanswered: int
    state: State


class _History:
    def __init__(self, history: Sequence[Operation]) -> None:
        self.answered = sorted(
            (each for each in history if each.returned != UNANSWERED), key=lambda op: op.called
        )
        self.unanswered = sorted(
            (each for each in history if each.returned == UNANSWERED), key=lambda op: op.called
        )
        self.all = (1 << len(self.answered)) - 1

    def following(self, taken: _Taken) -> Iterator[_Taken]:
        """Give what one more operation may lead to, the likeliest last."""
        earliest, may_be_next = self._next(taken.answered)
        for number in may_be_next:
            # What only looks, and fits now, may as well be now: that takes nothing from the others.
            op = self.answered[number]
            if op.kind in LOOKS and op.after(taken.state) is not None:
                yield _Taken(taken.answered | 1 << number, taken.unanswered, taken.state)
                return
        tried = set()
        for number, op in enumerate(self.unanswered):
            if op.called > earliest:
                break
            # Of those that do the same, the first that was called stands for all.
            if taken.unanswered >> number & 1 or (op.kind, op.amount) in tried:
                continue
            tried.add((op.kind, op.amount))
            state = op.after(taken.state)
            if state is not None:
                yield _Taken(taken.answered, taken.unanswered | 1 << number, state)
        for number in sorted(may_be_next, key=lambda n: self.answered[n].returned, reverse=True):
            state = self.answered[number].after(taken.state)
            if state is not None:
                yield _Taken(taken.answered | 1 << number, taken.unanswered, state)

    def _next(self, answered: int) -> tuple[float, list[int]]:
        """Give the first return of those not taken, and which of them were called before it."""
        earliest, found = UNANSWERED, []
        # The lowest bit that is not set.
        number = (~answered & (answered + 1)).bit_length() - 1
        while number < len(self.answered) and self.answered[number].called <= earliest:
            if not answered >> number & 1:
                found.append(number)
                earliest = min(earliest, self.answered[number].returned)
            number += 1
        return earliest, [each for each in found if self.answered[each].called <= earliest]


def is_linearizable(history: Sequence[Operation], *, capacity: int, used: int = 0) -> bool:
    """Tell whether a counter that began with ``capacity`` and ``used`` can explain ``history``."""
    operations = _History(history)
    waiting = [_Taken(0, 0, (capacity, used))]
    seen = set(waiting)
    while waiting:
        taken = waiting.pop()
        if taken.answered == operations.all:
            return True
        for following in operations.following(taken):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return False
