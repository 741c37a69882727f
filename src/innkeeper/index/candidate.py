"""What search gives: candidates."""

from collections.abc import Sequence

import msgspec

from innkeeper.core.ids import RpRow
from innkeeper.index.need import Need


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One way to serve a whole request. Rows are good until the index next changes."""

    allocations: tuple[tuple[RpRow, str, int], ...]
    """(provider, resource class, amount), ascending; summed over the request groups."""
    mappings: tuple[tuple[str, tuple[RpRow, ...]], ...]
    """(suffix, providers that serve that group), in the order of the request's groups."""
    root: RpRow
    """Root of the tree that it was found in; sharing providers may be of other trees."""


class Composer:
    """Says which candidate it is when certain rows serve a plan's needs.

    ``giving`` are the numbers of the needs that ask for resources.
    """

    __slots__ = ("_needs", "_suffixes", "_summed", "giving")

    def __init__(self, needs: Sequence[Need], suffixes: Sequence[str]) -> None:
        self._needs = needs
        self._suffixes = suffixes
        self.giving = [number for number, need in enumerate(needs) if need.resources]
        self._summed = any(need.contended for need in needs)

    def candidate(self, rows: Sequence[RpRow], root: RpRow) -> Candidate:
        """Give the candidate in which each need is served by the row in its place."""
        served: list[tuple[RpRow, ...]] = [()] * len(self._suffixes)
        triples: list[tuple[RpRow, str, int]] = []
        for need, row in zip(self._needs, rows, strict=True):
            before = served[need.group]
            if not before:
                served[need.group] = (row,)
            elif row not in before:
                served[need.group] = tuple(sorted((*before, row)))
            for name, amount in need.resources:
                triples.append((row, name, amount))
        if self._summed:
            triples = _summed(triples)
        triples.sort()
        return Candidate(tuple(triples), tuple(zip(self._suffixes, served, strict=True)), root)


def _summed(triples: Sequence[tuple[RpRow, str, int]]) -> list[tuple[RpRow, str, int]]:
    sums: dict[tuple[RpRow, str], int] = {}
    for row, name, amount in triples:
        sums[row, name] = sums.get((row, name), 0) + amount
    return [(row, name, amount) for (row, name), amount in sums.items()]
