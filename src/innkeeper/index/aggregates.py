"""Aggregates: for each, which rows are in it."""

from collections.abc import Sequence

import numpy as np

from innkeeper.core.ids import AggregateUuid
from innkeeper.index.growing import Bools, Int32s, frozen
from innkeeper.index.shared import SharedTuples


class Aggregates:
    """A set of rows per aggregate, and each provider's own aggregates.

    Sets and not masks: a large cloud has an aggregate per rack and per network segment.
    """

    __slots__ = ("_arrays", "_members", "_shared")

    def __init__(self, row_size: int) -> None:
        self._members: dict[str, set[int]] = {}
        self._arrays: dict[str, Int32s] = {}
        self._shared = SharedTuples(row_size)

    def grow_rows(self, row_size: int) -> None:
        """Make room for ``row_size`` rows."""
        self._shared.grow_rows(row_size)

    def of(self, row: int) -> tuple[str, ...]:
        """Give the aggregates of a provider, in the order in which they came."""
        return self._shared.of(row)

    def put(self, rows: Sequence[int], uuids: tuple[str, ...]) -> bool:
        """Set the aggregates of providers that have the same; tell whether any changed."""
        changed = self._shared.put(rows, uuids)
        for before, those in changed.items():
            for uuid in set(before).difference(uuids):
                self._members[uuid].difference_update(those)
                self._arrays.pop(uuid, None)
                if not self._members[uuid]:
                    del self._members[uuid]
            for uuid in set(uuids).difference(before):
                self._members.setdefault(uuid, set()).update(those)
                self._arrays.pop(uuid, None)
        return bool(changed)

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
