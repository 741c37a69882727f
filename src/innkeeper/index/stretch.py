"""Stretch: some of a plan's trees in a row, described so that they can be compared.

Hosts of one model can serve a request in the same ways, which are then looked for only once.
Each provider that may serve anything is a node here. What the rules of a request can ask of it
is put into some bytes; trees whose nodes have the same bytes have the same ways, node by node.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.columns import Columns
from innkeeper.index.growing import NOTHING, Bools, Int32s, Int64s, Positions
from innkeeper.index.need import Need, required_together

MAX_SUMS: Final = 64
"""Sums of amounts that are told apart. With more of them (from seven groups that ask for
different amounts of one class), free amounts are compared as they are: fewer trees are alike."""

_Bytes = npt.NDArray[np.uint8]
_Scalar = TypeVar("_Scalar", bound=np.generic)


class Alike(msgspec.Struct, frozen=True):
    """Trees that can serve a request in the same ways."""

    description: bytes
    """What all of them have in common: all that rules can ask of them."""
    positions: Positions
    """Their places among the plan's roots, ascending."""
    rows: Int32s
    """Their nodes by creation: int32[trees, nodes]."""
    serves: Bools
    """Whether a need of a kind may be served by a node: bool[kinds, nodes]."""


class Stretch:
    """The trees of some of a plan's roots; good for as long as the plan.

    ``needs`` are the plan's, one of each kind; ``roots`` those of its roots that are here, and
    ``first`` the place of the first of them in the plan.
    """

    __slots__ = (
        "_above",
        "_columns",
        "_first",
        "_foreign",
        "_latest",
        "_needs",
        "_node_of_pair",
        "_root_of",
        "_rows",
        "_size",
        "_sums",
        "_traits",
    )

    def __init__(
        self,
        columns: Columns,
        request: CandidateRequest,
        *,
        needs: Sequence[Need],
        kinds: Sequence[Sequence[int]],
        roots: Int32s,
        first: int,
    ) -> None:
        self._columns = columns
        self._first = first
        self._size = len(roots)
        self._needs = [needs[numbers[0]] for numbers in kinds]
        self._sums = _sums(needs)
        self._latest: tuple[bytes, bool, tuple[Alike, ...]] = (b"", True, ())
        self._merge_pairs()
        trees = columns.trees.root[self._rows]
        self._foreign = np.where(trees == roots[self._root_of], NOTHING, trees)
        self._above = self._ancestors() if request.same_subtree else None
        self._traits = None
        together = required_together(needs, request)
        if together:
            having = [columns.traits.any_of(each, columns.count)[self._rows] for each in together]
            self._traits = np.packbits(np.stack(having, axis=1), axis=1)

    def alike(
        self, request: CandidateRequest, roots: Bools, pairs: Sequence[Bools]
    ) -> Sequence[Alike]:
        """Group the trees of those roots of the plan that a mask has, by what is free now.

        ``pairs`` say for each kind which pairs of its fit could serve it.
        """
        alive = roots[self._first : self._first + self._size]
        fits = [mask[self._pairs(need)] for mask, need in zip(pairs, self._needs, strict=True)]
        rooms = self._rooms()
        seen = b"".join(part.tobytes() for part in (alive, *fits, *rooms))
        if self._latest[:2] != (seen, request.nested):
            found = self._grouped(alive, fits, rooms, nested=request.nested)
            self._latest = (seen, request.nested, tuple(found))
        return self._latest[2]

    def _grouped(
        self, alive: Bools, fits: Sequence[Bools], rooms: Sequence[Int64s], *, nested: bool
    ) -> Iterator[Alike]:
        serves = np.zeros((-(-len(fits) // 8), len(self._rows)), dtype=np.uint8)
        for kind, mask in enumerate(fits):
            serves[kind // 8, self._node_of_pair[kind]] |= mask.view(np.uint8) << kind % 8
        nodes = np.flatnonzero(serves.any(axis=0) & alive[self._root_of])
        parts = [serves[:, nodes].T]
        if self._traits is not None:
            parts.append(self._traits[nodes])
        if self._above is not None:
            parts.append(_as_bytes(self._steps_up(nodes, self._above)))
        if not nested:
            parts.append(_as_bytes(self._foreign[nodes]))
        parts += [_as_bytes(room[nodes]) for room in rooms]
        here = np.flatnonzero(alive)
        starts = np.searchsorted(self._root_of[nodes], here)
        rows = self._rows[nodes]
        described = np.concatenate(parts, axis=1)
        for description, trees in _equal(described, starts):
            count = len(description) // described.shape[1]
            first = starts[trees]
            of_first = serves[:, nodes[first[0] : first[0] + count]]
            yield Alike(
                description,
                here[trees] + self._first,
                rows[np.add.outer(first, np.arange(count))],
                np.unpackbits(of_first, axis=0, count=len(fits), bitorder="little") != 0,
            )

    def _pairs(self, need: Need) -> slice:
        """Give where the fit of a need has these trees."""
        starts = need.fit.starts
        return slice(int(starts[self._first]), int(starts[self._first + self._size]))

    def _merge_pairs(self) -> None:
        """Make a node of all pairs of one root and one row: by root, then by creation."""
        rows = np.concatenate([need.fit.rows[self._pairs(need)] for need in self._needs])
        counts = [
            np.diff(need.fit.starts[self._first : self._first + self._size + 1])
            for need in self._needs
        ]
        every = np.arange(self._size, dtype=np.int32)
        roots = np.concatenate([np.repeat(every, each) for each in counts])
        order = np.lexsort((self._columns.trees.keys[rows], roots))
        rows, roots = rows[order], roots[order]
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (rows[1:] != rows[:-1]) | (roots[1:] != roots[:-1])
        node_of_pair = np.empty(len(order), dtype=np.int32)
        node_of_pair[order] = np.cumsum(new) - 1
        self._rows: Int32s = rows[new]
        self._root_of: Int32s = roots[new]
        ends = np.cumsum([each.sum() for each in counts])[:-1]
        self._node_of_pair: list[Int32s] = np.split(node_of_pair, ends)

    def _ancestors(self) -> Int32s:
        """Give for each node the nearest ancestor that is a node of the same root, or -1."""
        # Nodes by root and row, to be looked up.
        keys = self._root_of.astype(np.int64) * self._columns.count + self._rows
        order = np.argsort(keys)
        known = keys[order]
        base = keys - self._rows
        above = np.full(len(keys), NOTHING, dtype=np.int32)
        up = self._columns.trees.parent[self._rows]
        while True:
            seeking = np.flatnonzero((above == NOTHING) & (up != NOTHING))
            if not len(seeking):
                return above
            wanted = base[seeking] + up[seeking]
            places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            found = known[places] == wanted
            above[seeking[found]] = order[places[found]]
            up[seeking] = self._columns.trees.parent[up[seeking]]

    def _rooms(self) -> list[Int64s]:
        """Give by contended class what each node has left, as far as it makes a difference."""
        found = []
        for name, sums in self._sums.items():
            column = self._columns.classes[name]
            slots = column.slot[self._rows]
            room = np.minimum(column.free[slots], column.max_unit[slots])
            if len(sums) <= MAX_SUMS:
                # What is between two sums makes no difference to what fits.
                room = np.searchsorted(sums, room, side="right")
            found.append(np.where(slots == NOTHING, 0, room))
        return found

    def _steps_up(self, nodes: Positions, above: Int32s) -> Int32s:
        """Give how far before each of some nodes its nearest ancestor among them is, or 0."""
        number = np.full(len(self._rows), NOTHING, dtype=np.int32)
        own = np.arange(len(nodes), dtype=np.int32)
        number[nodes] = own
        up = above[nodes]
        while True:
            absent = (up != NOTHING) & (number[up] == NOTHING)
            if not absent.any():
                return np.where(up == NOTHING, 0, own - number[up])
            up[absent] = above[up[absent]]


def _sums(needs: Sequence[Need]) -> dict[str, Int64s]:
    """Give by class all that contending needs may take together, ascending."""
    amounts: dict[str, list[int]] = {}
    for need in needs:
        for name, amount in need.contended:
            amounts.setdefault(name, []).append(amount)
    found: dict[str, Int64s] = {}
    for name, each in amounts.items():
        sums = {0}
        for amount in each:
            if len(sums) <= MAX_SUMS:
                sums |= {before + amount for before in sums}
        found[name] = np.array(sorted(sums), dtype=np.int64)
    return found


def _as_bytes(values: npt.NDArray[_Scalar]) -> _Bytes:
    return values.view(np.uint8).reshape(len(values), values.dtype.itemsize)


def _equal(described: _Bytes, starts: Positions) -> Iterator[tuple[bytes, Positions]]:
    """Give the trees, by number, whose nodes have equal descriptions, with these.

    ``described`` has what rules ask of nodes, uint8[nodes, bytes]; a tree's begin at its start.
    """
    if len(starts) and not len(described) % len(starts):
        size = len(described) // len(starts)
        table = described.reshape(len(starts), -1)
        if (starts == np.arange(0, len(described), size)).all() and (table == table[0]).all():
            yield table[0].tobytes(), np.arange(len(starts))
            return
    content = described.tobytes()
    bounds = (starts * described.shape[1]).tolist()
    trees: dict[bytes, list[int]] = {}
    for number, (first, end) in enumerate(zip(bounds, [*bounds[1:], len(content)], strict=True)):
        trees.setdefault(content[first:end], []).append(number)
    for description, numbers in trees.items():
        yield description, np.array(numbers)
