"""Rules on which providers may serve the needs of one request together.

The search takes one provider after the other and asks each rule; a rule says no as soon as
no completion can be valid, so that nothing is built in vain. What was taken is put back in
the reverse order.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.columns import Columns
from innkeeper.index.need import Need, required_together

Options = Sequence[Sequence[RpRow]]
"""For each need, in the order of the search, the rows that could serve it."""


class Rule(Protocol):
    """One condition on the whole; a level is the position of a need in the search."""

    @property
    def concerns(self) -> Sequence[bool]:
        """Which levels it must be asked about; it is not asked about the others."""
        ...

    def take(self, level: int, row: RpRow) -> bool:
        """Let ``row`` serve the need, or give False and stay as before."""
        ...

    def put_back(self, level: int, row: RpRow) -> None:
        """Undo the latest ``take``."""
        ...


class Isolation:
    """No two suffixed groups are served by one provider."""

    def __init__(self, needs: Sequence[Need]) -> None:
        self.concerns = [not need.spans for need in needs]
        self._serving: set[RpRow] = set()

    def take(self, level: int, row: RpRow) -> bool:
        """Let ``row`` serve the need if it serves no other."""
        if row in self._serving:
            return False
        self._serving.add(row)
        return True

    def put_back(self, level: int, row: RpRow) -> None:
        """Undo the latest ``take``."""
        self._serving.remove(row)


class Sums:
    """What all needs together ask of one provider fits its free amount and max_unit."""

    def __init__(self, needs: Sequence[Need], columns: Columns) -> None:
        self._demands = [need.contended for need in needs]
        self.concerns = list(map(bool, self._demands))
        self._columns = columns
        self._room: dict[tuple[RpRow, str], int] = {}

    def take(self, level: int, row: RpRow) -> bool:
        """Let ``row`` serve the need if there is room for it."""
        demands = self._demands[level]
        for name, amount in demands:
            if self._room_of(row, name) < amount:
                return False
        for name, amount in demands:
            self._room[row, name] -= amount
        return True

    def put_back(self, level: int, row: RpRow) -> None:
        """Undo the latest ``take``."""
        for name, amount in self._demands[level]:
            self._room[row, name] += amount

    def _room_of(self, row: RpRow, name: str) -> int:
        room = self._room.get((row, name))
        if room is None:
            column = self._columns.classes[name]
            slot = column.slot[row]
            room = min(int(column.free[slot]), int(column.max_unit[slot]))
            self._room[row, name] = room
        return room


class OneOfTree:
    """No resources of two providers of one tree: for clients that do not know of trees."""

    def __init__(self, needs: Sequence[Need], columns: Columns) -> None:
        self.concerns = [bool(need.resources) for need in needs]
        self._roots = columns.trees.root
        self._taken: dict[int, list[RpRow]] = {}

    def take(self, level: int, row: RpRow) -> bool:
        """Let ``row`` serve the need unless another provider of its tree serves one."""
        taken = self._taken.setdefault(int(self._roots[row]), [])
        if taken and taken[0] != row:
            return False
        taken.append(row)
        return True

    def put_back(self, level: int, row: RpRow) -> None:
        """Undo the latest ``take``."""
        self._taken[int(self._roots[row])].pop()


class Together:
    """The providers of the unsuffixed group have all its required traits between them."""

    def __init__(
        self,
        required: Sequence[tuple[str, ...]],
        *,
        needs: Sequence[Need],
        options: Options,
        traits_of: Callable[[RpRow], tuple[str, ...]],
    ) -> None:
        wanted = [frozenset(any_of) for any_of in required]
        self._all = (1 << len(wanted)) - 1
        self.concerns = [need.spans for need in needs]
        self._having: dict[RpRow, int] = {}
        for need, rows in zip(needs, options, strict=True):
            for row in rows if need.spans else ():
                has = traits_of(row)
                has_any = (not any_of.isdisjoint(has) for any_of in wanted)
                self._having[row] = sum(bit << place for place, bit in enumerate(has_any))
        # What the needs after a level could still bring.
        self._later = [0] * (len(needs) + 1)
        for level in reversed(range(len(needs))):
            bits = 0
            for row in options[level] if needs[level].spans else ():
                bits |= self._having[row]
            self._later[level] = self._later[level + 1] | bits
        self._stack = [0]

    def take(self, level: int, row: RpRow) -> bool:
        """Let ``row`` serve the need if no trait is out of reach then."""
        had = self._stack[-1] | self._having[row]
        if had | self._later[level + 1] != self._all:
            return False
        self._stack.append(had)
        return True

    def put_back(self, level: int, row: RpRow) -> None:
        """Undo the latest ``take``."""
        self._stack.pop()


class SameSubtree:
    """Of the providers of some needs, one is an ancestor of all the others (or is all)."""

    def __init__(
        self,
        members: Sequence[bool],
        *,
        options: Options,
        lineage_of: Callable[[RpRow], frozenset[RpRow]],
    ) -> None:
        self.concerns = members
        self._lineage_of = lineage_of
        # The rows that later needs of this set could bring, as a common ancestor.
        self._later: list[frozenset[RpRow]] = [frozenset()] * (len(members) + 1)
        for level in reversed(range(len(members))):
            rows = options[level] if members[level] else ()
            self._later[level] = self._later[level + 1].union(rows)
        self._ancestors: list[frozenset[RpRow]] = []
        self._taken: list[RpRow] = []

    def take(self, level: int, row: RpRow) -> bool:
        """Let ``row`` serve the need if some common ancestor is, or may come, among them."""
        common = self._lineage_of(row)
        if self._ancestors:
            common &= self._ancestors[-1]
        if (
            row not in common
            and common.isdisjoint(self._taken)
            and common.isdisjoint(self._later[level + 1])
        ):
            return False
        self._ancestors.append(common)
        self._taken.append(row)
        return True

    def put_back(self, level: int, row: RpRow) -> None:
        """Undo the latest ``take``."""
        self._ancestors.pop()
        self._taken.pop()


def rules_for(
    request: CandidateRequest, needs: Sequence[Need], *, options: Options, columns: Columns
) -> list[Rule]:
    """Give the rules that a request calls for, cheapest first."""
    rules: list[Rule] = []
    if request.group_policy == "isolate" and sum(not need.spans for need in needs) > 1:
        rules.append(Isolation(needs))
    if any(need.contended for need in needs):
        rules.append(Sums(needs, columns))
    if not request.nested:
        rules.append(OneOfTree(needs, columns))
    required = required_together(needs, request)
    if required:
        rules.append(Together(required, needs=needs, options=options, traits_of=columns.traits.of))
    lineages: dict[int, frozenset[RpRow]] = {}

    def lineage_of(row: RpRow) -> frozenset[RpRow]:
        if row not in lineages:
            lineages[row] = frozenset(columns.trees.lineage(row))
        return lineages[row]

    for number in range(len(request.same_subtree)):
        members = [number in need.subtrees for need in needs]
        if sum(members) > 1:
            rules.append(SameSubtree(members, options=options, lineage_of=lineage_of))
    return rules
