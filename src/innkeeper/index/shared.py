"""Equal tuples kept once: hosts of one model have the same traits, thousands of times."""


class SharedTuples:
    """Gives one object for equal tuples, as long as anybody has taken it."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}

    def take(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Give the kept tuple that equals ``wanted``; to be given back once for each take."""
        kept, takers = self._kept.get(wanted, (wanted, 0))
        self._kept[kept] = (kept, takers + 1)
        return kept

    def give_back(self, taken: tuple[str, ...]) -> None:
        """Say that one taker has no use for it any more."""
        kept, takers = self._kept.get(taken, (taken, 0))
        if takers > 1:
            self._kept[kept] = (kept, takers - 1)
        else:
            self._kept.pop(taken, None)
