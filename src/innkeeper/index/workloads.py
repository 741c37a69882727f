"""How many instances of each workload label each host has."""

import numpy as np

from innkeeper.index.growing import Int32s, grown, larger


class Workloads:
    """An array per label over the hosts' positions; a label that nobody has is dropped."""

    __slots__ = ("_arrays", "_of_position", "_totals")

    def __init__(self) -> None:
        self._arrays: dict[str, Int32s] = {}
        self._totals: dict[str, int] = {}
        self._of_position: dict[int, tuple[tuple[str, int], ...]] = {}

    def counts(self, label: str, hosts: int) -> Int32s:
        """Give the instances of a label per position: int32[hosts]."""
        array = self._arrays.get(label)
        if array is None or len(array) < hosts:
            array = grown(
                np.zeros(0, dtype=np.int32) if array is None else array, larger(0, hosts), 0
            )
            if label in self._arrays:
                self._arrays[label] = array
        return array[:hosts]

    def labels(self) -> list[str]:
        """Give all labels that any host has instances of, sorted."""
        return sorted(self._arrays)

    def put(self, position: int, counts: tuple[tuple[str, int], ...]) -> bool:
        """Set all counts of a host; tell whether they changed."""
        before = self._of_position.pop(position, ())
        after = tuple((label, count) for label, count in counts if count)
        for label, _ in before:
            self._set(label, position, 0)
        for label, count in after:
            self._set(label, position, count)
        for label, _ in before:
            if not self._totals.get(label, 1):
                del self._arrays[label], self._totals[label]
        if after:
            self._of_position[position] = after
        return sorted(before) != sorted(after)

    def _set(self, label: str, position: int, count: int) -> None:
        array = self._arrays.get(label)
        if array is None or len(array) <= position:
            array = grown(
                np.zeros(0, dtype=np.int32) if array is None else array, larger(0, position + 1), 0
            )
            self._arrays[label] = array
        self._totals[label] = self._totals.get(label, 0) + count - int(array[position])
        array[position] = count
