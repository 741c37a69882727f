"""Combine: the ways in which one tree serves all needs, found lazily.

Depth first with backtracking: each need in turn gets a provider, those with the fewest
first, and a partial choice is given up as soon as a rule says that it leads nowhere. A
product of the groups' providers is never built.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.columns import Columns
from innkeeper.index.plan import Plan
from innkeeper.index.rules import Options, rules_for

STEPS_BETWEEN_LOOKS: Final = 64
"""Steps between two looks at the clock, which costs about as much as a step."""

PATIENCE: Final = 64
"""Steps without a find before it is checked whether there is one: most trees have one at once,
and the check costs as much as some of them."""


class Deadline:
    """Asks whether time is up, but not at every step. One for all trees of a search."""

    __slots__ = ("_expired", "_steps", "over")

    def __init__(self, expired: Callable[[], bool]) -> None:
        self._expired = expired
        self._steps = 0
        self.over = False

    def passed(self) -> bool:
        """Count a step; tell whether time is up."""
        self._steps += 1
        if self._steps % STEPS_BETWEEN_LOOKS == 0 and self._expired():
            self.over = True
        return self.over


class Combiner:
    """The combinations of one tree: an iterable of rows, one for each of the plan's needs.

    ``options`` has the rows that could serve each need, best first; needs of one kind must
    have equal ones. ``canonical``: do not give combinations that differ only in which
    provider serves which of several needs of one kind. They come best first then, if rows
    are compared as in options.
    """

    def __init__(
        self,
        columns: Columns,
        plan: Plan,
        request: CandidateRequest,
        options: Options,
        *,
        canonical: bool,
        deadline: Deadline,
    ) -> None:
        self._columns = columns
        self._plan = plan
        self._request = request
        self._deadline = deadline
        self._all_options = options
        kinds = [need.kind for need in plan.needs]
        numbers = range(len(kinds))
        self._order = sorted(numbers, key=lambda n: (len(options[n]), kinds[n], n))
        needs = [plan.needs[number] for number in self._order]
        self._options = [options[number] for number in self._order]
        rules = rules_for(request, needs, options=self._options, columns=columns)
        self._rules = [[rule for rule in rules if rule.concerns[level]] for level in numbers]
        self._canonical = canonical
        # Whether a level asks for the same as the one before, and so must not go back.
        self._follows = [
            canonical and level > 0 and need.kind == needs[level - 1].kind
            for level, need in enumerate(needs)
        ]
        self._apart = int(request.group_policy == "isolate")

    def __iter__(self) -> Iterator[list[RpRow]]:
        """Give the rows by number of the need."""
        depth = len(self._order)
        taken = [0] * depth
        starts = [0] * (depth + 1)
        level = 0
        steps = 0
        while level >= 0 and not self._deadline.passed():
            steps += 1
            if steps == PATIENCE and not self._feasible():
                return
            if level == depth:
                steps = PATIENCE  # There is one, so there is no need to ask.
                yield self._by_number(taken)
            else:
                index = self._next(level, starts[level])
                if index is not None:
                    taken[level] = index
                    starts[level] = index + 1
                    level += 1
                    follows = level < depth and self._follows[level]
                    starts[level] = index + self._apart if follows else 0
                    continue
            level -= 1
            if level >= 0:
                row = self._options[level][taken[level]]
                self._put_back(level, row, len(self._rules[level]))

    def _next(self, level: int, start: int) -> int | None:
        """Take the first option from ``start`` on that the rules allow, and give its index."""
        options, rules = self._options[level], self._rules[level]
        for index in range(start, len(options)):
            row = options[index]
            for asked, rule in enumerate(rules):
                if not rule.take(level, row):
                    if asked:
                        self._put_back(level, row, asked)
                    break
            else:
                return index
        return None

    def _put_back(self, level: int, row: RpRow, count: int) -> None:
        """Undo what the first ``count`` rules of a level allowed."""
        for rule in reversed(self._rules[level][:count]):
            rule.put_back(level, row)

    def _by_number(self, taken: Sequence[int]) -> list[RpRow]:
        rows = [RpRow(0)] * len(taken)
        for level, number in enumerate(self._order):
            rows[number] = self._options[level][taken[level]]
        return rows

    def _feasible(self) -> bool:
        """Tell early that nothing will be found, where that would take long to find out."""
        if self._plan.exact:
            return True
        if self._apart and not self._enough_providers():
            return False
        if self._canonical or len(self._plan.kinds) == len(self._order):
            return True
        # With several needs of a kind, a dead end would be met once per permutation.
        trial = Combiner(
            self._columns,
            self._plan,
            self._request,
            self._all_options,
            canonical=True,
            deadline=self._deadline,
        )
        return next(iter(trial), None) is not None

    def _enough_providers(self) -> bool:
        """Tell whether isolated groups, each by itself, can have a provider each."""
        options, served = self._all_options, dict[RpRow, int]()
        return all(
            _serve(number, options, served, set())
            for number, need in enumerate(self._plan.needs)
            if not need.spans
        )


def _serve(number: int, options: Options, served: dict[RpRow, int], tried: set[RpRow]) -> bool:
    """Find a need a row of its own, for which others may move on to another of theirs.

    Augmenting paths: H. W. Kuhn, The Hungarian method for the assignment problem, 1955.
    """
    for row in options[number]:
        if row not in tried:
            tried.add(row)
            other = served.get(row)
            if other is None or _serve(other, options, served, tried):
                served[row] = number
                return True
    return False
