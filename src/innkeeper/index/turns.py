"""Turns: candidates from all trees in turn, the first of each before the second of any.

No tree is looked at by itself: those that are alike are found by arrays, and the ways to serve
the request are sought in one of each kind.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np

from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.columns import Columns
from innkeeper.index.combine import Combiner, Deadline
from innkeeper.index.found import Candidates
from innkeeper.index.growing import Int32s, Positions
from innkeeper.index.plan import Plan
from innkeeper.index.sharing import sharing
from innkeeper.index.stretch import Alike, Stretch
from innkeeper.index.survey import Serving
from innkeeper.index.ways import Way, Ways

FIRST_TREES: Final = 64
"""Trees that are compared at first: enough for a small limit, and done in 0.1 ms."""

MORE_TREES: Final = 16
"""How many times as many are compared next, so that few steps come to the last one."""

MAX_SERVED: Final = 2_000_000
"""Needs served by all candidates of an answer together. It would be of some 300 MB: who asks
for all of eight million candidates gets what fits, as with a limit."""

_Block = tuple[Int32s, Int32s]
"""Rows that serve the needs, int32[candidates, needs], and roots, int32[candidates]."""


class _Source:
    """Trees that are alike, and what ways to serve the request are left in them."""

    __slots__ = ("alike", "exhausted", "ways")

    def __init__(self, alike: Alike, ways: Iterator[Way]) -> None:
        self.alike = alike
        self.ways = ways
        self.exhausted = False


class Turns:
    """Takes candidates of one request; to be used once."""

    def __init__(
        self, columns: Columns, plan: Plan, request: CandidateRequest, deadline: Deadline
    ) -> None:
        self._columns = columns
        self._plan = plan
        self._request = request
        self._deadline = deadline
        self._canonical = request.limit == 1 or not request.mappings
        self._sought: dict[bytes, Iterator[Way]] = {}
        self._left = MAX_SERVED // len(plan.needs)
        if request.limit is not None:
            self._left = min(self._left, request.limit)

    def candidates(self, serving: Serving) -> Candidates:
        """Give up to ``limit`` different candidates, from the trees that may serve now."""
        blocks = [(np.empty((0, len(self._plan.needs)), np.int32), np.empty(0, np.int32))]
        seen: set[object] = set()
        for block in self._blocks(serving):
            rows, roots = self._different(block, seen)
            blocks.append((rows[: self._left], roots[: self._left]))
            self._left -= len(blocks[-1][1])
            if not self._left:
                break
        self._plan.ways.trim()
        rows, roots = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return Candidates(self._plan.composer, rows, roots)

    def _blocks(self, serving: Serving) -> Iterator[_Block]:
        sources: list[_Source] = []
        for stretch in self._stretches(serving):
            found = stretch.alike(self._request, serving.roots, serving.pairs)
            new = [_Source(alike, self._ways(alike)) for alike in found]
            yield self._taken(new, 1)
            sources += new
        while sources := [each for each in sources if not each.exhausted]:
            trees = sum(len(each.alike.positions) for each in sources)
            yield self._taken(sources, -(-self._left // trees))

    def _stretches(self, serving: Serving) -> Iterator[Stretch]:
        plan = self._plan
        first, size = 0, FIRST_TREES
        while first < len(plan.roots) and not self._deadline.over:
            end = min(first + size, len(plan.roots))
            if serving.roots[first:end].any():
                stretch = plan.stretches.get(first)
                if stretch is None:
                    stretch = plan.stretches[first] = Stretch(
                        self._columns,
                        self._request,
                        needs=plan.needs,
                        kinds=plan.kinds,
                        roots=plan.roots[first:end],
                        first=first,
                    )
                yield stretch
            first, size = end, size * MORE_TREES

    def _ways(self, alike: Alike) -> Iterator[Way]:
        """Give which nodes of trees that are alike serve the needs, lazily."""
        # A plan serves requests that differ in these two.
        key = (alike.description, self._canonical, self._request.nested)
        known = self._plan.ways.of(key)
        place = 0
        while place < len(known.found) or self._find_another(known, alike):
            yield known.found[place]
            place += 1

    def _find_another(self, known: Ways, alike: Alike) -> bool:
        """Add one to the ways that are known, unless there is none, or no time is left."""
        if known.complete:
            return False
        # Shared by all who are at the end of what is known: trees of several stretches.
        sought = self._sought.get(alike.description)
        if sought is None:
            sought = islice(self._seek(alike), len(known.found), None)
            self._sought[alike.description] = sought
        way = next(sought, None)
        if way is None:
            known.complete = not self._deadline.over
            return False
        known.found.append(way)
        return True

    def _seek(self, alike: Alike) -> Iterator[Way]:
        plan = self._plan
        first = alike.rows[0]
        by_kind = {
            plan.needs[numbers[0]].kind: first[fits].tolist()
            for numbers, fits in zip(plan.kinds, alike.serves, strict=True)
        }
        combiner = Combiner(
            self._columns,
            plan,
            self._request,
            [by_kind[need.kind] for need in plan.needs],
            canonical=self._canonical,
            deadline=self._deadline,
        )
        node_of = {row: node for node, row in enumerate(first.tolist())}
        for rows in combiner:
            yield tuple([node_of[row] for row in rows])

    def _taken(self, sources: Sequence[_Source], turns: int) -> _Block:
        """Take from each tree so many candidates, or those that are left, in turn."""
        rows = [np.empty((0, len(self._plan.needs)), np.int32)]
        turn_of: list[Positions] = [np.empty(0, np.intp)]
        for source in sources:
            ways = list(islice(source.ways, turns))
            source.exhausted = len(ways) < turns
            if ways:
                rows.append(source.alike.rows[:, ways].reshape(-1, len(self._plan.needs)))
                turn = np.arange(len(ways)) * len(self._plan.roots)
                turn_of.append(np.add.outer(source.alike.positions, turn).ravel())
        order_of = np.concatenate(turn_of)
        order = np.argsort(order_of)
        positions = order_of[order] % len(self._plan.roots)
        return np.concatenate(rows)[order], self._plan.roots[positions]

    def _different(self, block: _Block, seen: set[object]) -> _Block:
        """Drop candidates that were seen before.

        Those of sharing providers alone are found in each tree that they serve; and without
        mappings, different ways to serve the groups may come to the same allocations.
        """
        rows, roots = block
        shares = sharing(self._columns)
        mappings = self._request.mappings
        if not mappings:
            doubtful = np.arange(len(rows))
        elif shares is not None:
            doubtful = np.flatnonzero(shares[rows].all(axis=1))
        else:
            return block
        new = np.ones(len(rows), dtype=np.bool_)
        some = Candidates(self._plan.composer, rows[doubtful], roots[doubtful])
        for place, candidate in zip(doubtful.tolist(), some, strict=True):
            key = (candidate.allocations, candidate.mappings if mappings else ())
            new[place] = key not in seen
            seen.add(key)
        return rows[new], roots[new]
