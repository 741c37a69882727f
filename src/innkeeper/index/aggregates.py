"""Aggregates: for each, which rows are in it."""

import numpy as np

from innkeeper.core.ids import AggregateUuid
from innkeeper.index.growing import Bools, Int32s, frozen
from innkeeper.index.shared import SharedTuples


class Aggregates:
    """A set of rows per aggregate, and each provider's own aggregates.

    Sets and not masks: a large cloud has an aggregate per rack and per network segment.
    """

    __slots__ = ("_arrays", "_members", "_of_row", "_shared")

    def __init__(self) -> None:
        self._members: dict[str, set[int]] = {}
        self._arrays: dict[str, Int32s] = {}
        self._of_row: dict[int, tuple[str, ...]] = {}
        self._shared = SharedTuples()

    def of(self, row: int) -> tuple[str, ...]:
        """Give the aggregates of a provider, in the order in which they came."""
        return self._of_row.get(row, ())

    def put(self, row: int, uuids: tuple[AggregateUuid, ...]) -> bool:
        """Set the aggregates of a provider; tell whether they changed."""
        before = self._of_row.get(row, ())
        wanted: tuple[str, ...] = uuids
        if wanted == before:
            return False
        for uuid in set(before).difference(wanted):
            self._members[uuid].remove(row)
            self._arrays.pop(uuid, None)
            if not self._members[uuid]:
                del self._members[uuid]
        for uuid in set(wanted).difference(before):
            self._members.setdefault(uuid, set()).add(row)
            self._arrays.pop(uuid, None)
        self._shared.give_back(before)
        if wanted:
            self._of_row[row] = self._shared.take(wanted)
        else:
            self._of_row.pop(row, None)
        return True

    def rows(self, uuid: str) -> Int32s:
        """Give the rows in an aggregate, ascending; read-only, kept until one changes."""
        array = self._arrays.get(uuid)
        if array is None:
            members = sorted(self._members.get(uuid, ()))
            array = frozen(np.array(members, dtype=np.int32))
            if members:
                self._arrays[uuid] = array
        return array

    def any_of(
        self, uuids: tuple[AggregateUuid, ...] | frozenset[AggregateUuid], count: int
    ) -> Bools:
        """Give a new mask over the first ``count`` rows: those in at least one of them."""
        found = np.zeros(count, dtype=np.bool_)
        for uuid in uuids:
            found[self.rows(uuid)] = True
        return found
