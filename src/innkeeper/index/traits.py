"""Traits: for each one in use, which rows have it."""

from collections.abc import Sequence

import numpy as np

from innkeeper.index.growing import Bools, grown
from innkeeper.index.shared import SharedTuples


class Traits:
    """A boolean mask per trait that any provider has, and each provider's own traits."""

    __slots__ = ("_counts", "_masks", "_row_size", "_shared")

    def __init__(self, row_size: int) -> None:
        self._row_size = row_size
        self._masks: dict[str, Bools] = {}
        self._counts: dict[str, int] = {}
        self._shared = SharedTuples(row_size)

    def grow_rows(self, row_size: int) -> None:
        """Make room for ``row_size`` rows."""
        self._row_size = row_size
        self._shared.grow_rows(row_size)
        self._masks = {name: grown(mask, row_size, False) for name, mask in self._masks.items()}

    def of(self, row: int) -> tuple[str, ...]:
        """Give the traits of a provider, sorted."""
        return self._shared.of(row)

    def put(self, rows: Sequence[int], names: tuple[str, ...]) -> bool:
        """Set the traits of providers that have the same; tell whether any changed."""
        wanted = tuple(sorted(names))
        changed = self._shared.put(rows, wanted)
        for before, those in changed.items():
            for name in set(before).difference(wanted):
                self._unset(name, those)
            for name in set(wanted).difference(before):
                self._set(name, those)
        return bool(changed)

    def mask(self, name: str) -> Bools | None:
        """Give the rows that have a trait (all rows there is room for), or None if none has."""
        return self._masks.get(name)

    def any_of(self, names: tuple[str, ...], count: int) -> Bools:
        """Give a new mask over the first ``count`` rows: those with at least one of the traits."""
        found = np.zeros(count, dtype=np.bool_)
        for name in names:
            mask = self._masks.get(name)
            if mask is not None:
                found |= mask[:count]
        return found

    def _set(self, name: str, rows: list[int]) -> None:
        mask = self._masks.get(name)
        if mask is None:
            mask = self._masks[name] = np.zeros(self._row_size, dtype=np.bool_)
            self._counts[name] = 0
        mask[rows] = True
        self._counts[name] += len(rows)

    def _unset(self, name: str, rows: list[int]) -> None:
        self._masks[name][rows] = False
        self._counts[name] -= len(rows)
        if not self._counts[name]:
            del self._masks[name], self._counts[name]
