"""The checker accepts what a counter could have said, and refuses everything else."""

from itertools import permutations
from random import Random

import pytest

from tests.linearizability.checker import UNANSWERED, Kind, Operation, State, is_linearizable


def op(kind: Kind, amount: int, called: float, returned: float = UNANSWERED) -> Operation:
    return Operation(kind, amount, called, returned)


GOOD = {
    "nothing": [],
    "one after the other": [
        op("take", 2, 0, 1),
        op("read used", 2, 2, 3),
        op("give back", 2, 4, 5),
        op("read used", 0, 6, 7),
    ],
    "side by side, in whichever order": [
        op("take", 1, 0, 10),
        op("read used", 0, 1, 2),
        op("read used", 1, 3, 4),
    ],
    "full and refused": [op("take", 2, 0, 1), op("take", 1, 2, 3), op("refused", 1, 4, 5)],
    "refused beside what fills it": [op("take", 3, 0, 10), op("refused", 1, 1, 2)],
    "less capacity than is used": [
        op("take", 3, 0, 1),
        op("set", 1, 2, 3),
        op("read used", 3, 4, 5),
        op("refused", 1, 6, 7),
        op("read capacity", 1, 8, 9),
    ],
    "an unanswered take that happened late": [
        op("take", 3, 0),
        op("read used", 0, 1, 2),
        op("read used", 3, 3, 4),
    ],
    "an unanswered take that never happened": [op("take", 3, 0), op("take", 3, 1, 2)],
    "an unanswered take that explains a refusal": [op("take", 3, 0), op("refused", 1, 1, 2)],
    "an unanswered release that makes room": [
        op("take", 3, 0, 1),
        op("give back", 3, 2),
        op("take", 3, 3, 4),
    ],
}
BAD = {
    "a stale read": [op("take", 1, 0, 1), op("read used", 0, 2, 3)],
    "a stale capacity": [op("set", 7, 0, 1), op("read capacity", 3, 2, 3)],
    "a read from the future": [op("read used", 1, 0, 1), op("take", 1, 2, 3)],
    "time that goes back": [
        op("take", 1, 0, 10),
        op("read used", 1, 1, 2),
        op("read used", 0, 3, 4),
    ],
    "a lost update": [op("take", 1, 0, 2), op("take", 1, 1, 3), op("read used", 1, 4, 5)],
    "a lost release": [op("take", 1, 0, 1), op("give back", 1, 2, 3), op("read used", 1, 4, 5)],
    "a double claim": [op("take", 2, 0, 2), op("take", 2, 1, 3)],
    "one claim counted twice": [op("take", 1, 0, 1), op("read used", 2, 2, 3)],
    "refused though there was room": [op("take", 1, 0, 1), op("refused", 1, 2, 3)],
    "an unanswered claim that happened twice": [op("take", 1, 0), op("read used", 2, 1, 2)],
    "an unanswered claim before it was called": [op("read used", 1, 0, 1), op("take", 1, 2)],
    "an unanswered claim that comes undone": [
        op("take", 1, 0),
        op("read used", 1, 1, 2),
        op("read used", 0, 3, 4),
    ],
}


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD)
def test_it_accepts(history: list[Operation]) -> None:
    assert is_linearizable(history, capacity=3)


@pytest.mark.parametrize("history", BAD.values(), ids=BAD)
def test_it_refuses(history: list[Operation]) -> None:
    assert not is_linearizable(history, capacity=3)


def by_trying_all(history: list[Operation], state: State) -> bool:
    """Say what the definition says, by looking at every order of every choice."""
    maybe = [each for each in history if each.returned == UNANSWERED]
    surely = [each for each in history if each.returned != UNANSWERED]
    for chosen in range(2 ** len(maybe)):
        happened = surely + [each for bit, each in enumerate(maybe) if chosen >> bit & 1]
        if any(explains(order, state) for order in permutations(happened)):
            return True
    return False


def explains(order: tuple[Operation, ...], state: State) -> bool:
    now: State | None = state
    for position, each in enumerate(order):
        if any(later.returned < each.called for later in order[position + 1 :]):
            return False
        now = each.after(now)
        if now is None:
            return False
    return True


def test_it_says_what_the_definition_says() -> None:
    random = Random(7)
    kinds: tuple[Kind, ...] = (
        *("take", "refused", "give back", "set", "read used", "read capacity"),
    )
    found = {True: 0, False: 0}
    for _ in range(4_000):
        history = []
        for _ in range(random.randint(1, 5)):
            called = random.randint(0, 6)
            kind = random.choice(kinds)
            lost = kind in {"take", "give back", "set"} and random.random() < 0.3
            returned = UNANSWERED if lost else called + random.randint(0, 4)
            history.append(op(kind, random.randint(0, 2), called, returned))
        verdict = is_linearizable(history, capacity=2)
        assert verdict == by_trying_all(history, (2, 0)), history
        found[verdict] += 1
    assert min(found.values()) > 100


def simulated(random: Random, count: int) -> list[Operation]:
    """Give what eight clients of a true counter could have recorded, some of it unanswered."""
    history, state, now = [], (10, 0), 0.0
    for _ in range(count):
        now += 1
        amount = random.randint(1, 3)
        wanted: Kind = random.choice(("take", "give back", "read used", "set"))
        if wanted == "set":
            amount = random.randint(5, 15)
        if wanted == "read used":
            amount = state[1]
        done = Operation(wanted, amount, now - random.random() * 4, now + random.random() * 4)
        after = done.after(state)
        if after is None and wanted == "take":
            done = Operation("refused", amount, done.called, done.returned)
        elif after is None:
            continue
        else:
            state = after
        if wanted in {"take", "give back"} and random.random() < 0.01 and after is not None:
            done = Operation(wanted, amount, done.called)
        history.append(done)
    return history


@pytest.mark.parametrize("seed", range(3))
def test_long_histories(seed: int) -> None:
    history = simulated(Random(seed), 400)
    assert is_linearizable(history, capacity=10)
    # An answered claim that nobody sees any more.
    last = max(each.returned for each in history if each.returned != UNANSWERED)
    tail = [op("set", 100, last + 1, last + 2), op("take", 50, last + 3, last + 4)]
    assert not is_linearizable(
        [*history, *tail, op("read used", 0, last + 5, last + 6)], capacity=10
    )
