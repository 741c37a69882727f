"""Found: the candidates of one request, in columns.

An answer may have thousands of them, which differ in little but in who serves which need. So
an object for each is made only where somebody wants one, and text is written once for all in
which the same needs are served by one provider: the uuids are put into it by arrays.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from innkeeper.core.ids import RpRow
from innkeeper.index.candidate import Candidate, Composer
from innkeeper.index.columns import UUID_SIZE, Uuids
from innkeeper.index.growing import Int32s, Positions

BLOCK: Final = 1_024
"""Candidates written at once: at some 600 bytes each they fit into a core's own cache."""

_HOLE: Final = re.compile(rb"\0([0-9]{%d})" % (UUID_SIZE - 1))
"""Where the uuid of a column's provider is to be put: JSON has the first character nowhere."""

Form = Callable[[Candidate, Sequence[bytes]], bytes]
"""Writes a candidate, given the uuids of its providers by row."""


class Candidates:
    """Candidates in the order in which they were found.

    ``rows`` int32[candidates, needs of the plan] says who serves which need, ``roots``
    int32[candidates] in which tree it was found. Good until the index next changes.
    """

    __slots__ = ("_composer", "roots", "rows")

    def __init__(self, composer: Composer, rows: Int32s, roots: Int32s) -> None:
        self._composer = composer
        self.rows = rows
        self.roots = roots

    def __len__(self) -> int:
        """Give the number of candidates."""
        return len(self.roots)

    def __iter__(self) -> Iterator[Candidate]:
        """Give one after the other."""
        for rows, root in zip(self.rows.tolist(), self.roots.tolist(), strict=True):
            yield self._composer.candidate(rows, root)

    def take(self, places: Sequence[int]) -> "Candidates":
        """Give those at some places, in that order."""
        chosen = np.array(places, dtype=np.intp)
        return Candidates(self._composer, self.rows[chosen], self.roots[chosen])

    def givers(self) -> Int32s:
        """Give the rows of which candidates take resources, as often as they do."""
        giving = self._composer.giving
        rows = self.rows if len(giving) == self.rows.shape[1] else self.rows[:, giving]
        return rows.ravel()

    def written(self, uuids: Uuids, form: Form) -> list[bytes]:
        """Give each as ``form`` writes it, which is asked once for each pattern.

        ``uuids`` are those of all rows; ``form`` must put each in as it is.
        """
        holes = [b"\0%0*d" % (UUID_SIZE - 1, number) for number in range(self.rows.shape[1])]
        pieces = np.empty(len(self), dtype=np.object_)
        for which, served in self._patterns():
            text = form(self._composer.candidate(served, served[0]), holes)
            for first in range(0, len(which), BLOCK):
                block = which[first : first + BLOCK]
                pieces[block] = _filled(text, self.rows[block], uuids)
        written: list[bytes] = pieces.tolist()
        return written

    def _patterns(self) -> Iterator[tuple[Positions, list[RpRow]]]:
        """Give the places of those in which the same needs are served by one provider.

        With it, for each need, the first one that its provider serves, in place of a row.
        """
        if not len(self):
            return
        if self.rows.shape[1] == 1:
            yield np.arange(len(self)), [RpRow(0)]
            return
        first = np.zeros(self.rows.shape, dtype=np.int32)
        for number in range(1, self.rows.shape[1]):
            same = self.rows[:, : number + 1] == self.rows[:, number, None]
            first[:, number] = same.argmax(axis=1)
        if (first == first[0]).all():
            yield np.arange(len(self)), first[0].tolist()
            return
        patterns, pattern_of = np.unique(first, axis=0, return_inverse=True)
        order = np.argsort(pattern_of, kind="stable")
        ends = np.cumsum(np.bincount(pattern_of))[:-1]
        yield from zip(np.split(order, ends), patterns.tolist(), strict=True)


def _filled(text: bytes, rows: Int32s, uuids: Uuids) -> npt.NDArray[np.bytes_]:
    """Give the text once for each line of ``rows``, with the uuids of its rows in the holes."""
    filled = np.empty((len(rows), len(text)), dtype=np.uint8)
    filled[:] = np.frombuffer(text, dtype=np.uint8)
    chosen: dict[int, npt.NDArray[np.uint8]] = {}
    for hole in _HOLE.finditer(text):
        number = int(hole[1])
        if number not in chosen:
            chosen[number] = uuids[rows[:, number]].view(np.uint8).reshape(-1, UUID_SIZE)
        filled[:, hole.start() : hole.end()] = chosen[number]
    return filled.view(f"S{len(text)}")[:, 0]
