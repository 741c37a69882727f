"""Tuples of names by row, equal ones kept once: thousands of hosts have the same traits."""

from collections.abc import Sequence


class SharedTuples:
    """A tuple for each row; () until another is put there."""

    __slots__ = ("_kept", "_of_row")

    def __init__(self, row_size: int) -> None:
        self._of_row: list[tuple[str, ...]] = [()] * row_size
        self._kept: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}

    def grow_rows(self, row_size: int) -> None:
        """Make room for ``row_size`` rows."""
        self._of_row.extend([()] * (row_size - len(self._of_row)))

    def of(self, row: int) -> tuple[str, ...]:
        """Give the tuple of a row."""
        return self._of_row[row]

    def put(self, rows: Sequence[int], wanted: tuple[str, ...]) -> dict[tuple[str, ...], list[int]]:
        """Set the tuple of some rows; give those that had another, by what they had."""
        of_row = self._of_row
        changed: dict[tuple[str, ...], list[int]] = {}
        for row in rows:
            before = of_row[row]
            if before != wanted:
                changed.setdefault(before, []).append(row)
        for before, those in changed.items():
            kept = self._taken(wanted, len(those))
            for row in those:
                of_row[row] = kept
            self._taken(before, -len(those))
        return changed

    def _taken(self, one: tuple[str, ...], more: int) -> tuple[str, ...]:
        """Count who has a tuple; give the one object that is kept for all of them."""
        kept, takers = self._kept.get(one, (one, 0))
        if takers + more > 0:
            self._kept[kept] = (kept, takers + more)
        else:
            self._kept.pop(one, None)
        return kept
